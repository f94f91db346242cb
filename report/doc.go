// Package report turns finished or running run directories into statistics,
// figures and one HTML page.
//
// Load finds the runs and groups them: runs of one task whose configuration
// differs in the seed alone are one Arm, called by its reward or as compare was
// told. Summaries computes what summary.json holds; WriteHTML, WriteSummary and
// WriteFigures write the files. The page is one file that opens offline; the texts
// of a model are untrusted and reach it only through html/template or as text nodes.
//
// # Statistics
//
// The unit of observation is the run (one seed). End values of evaluations are
// the last evaluation; those of training metrics (reward, entropy, KL, length)
// are the mean over the last tenth of the episodes. Intervals are 95% Student t
// intervals over seeds, cut at the limits of the metric. A bootstrap was not
// chosen: with three seeds it resamples three numbers and covers far less than
// it says, while the t interval is exact for normal values at every n >= 2. With
// one seed there is no interval. Arms are compared with the baseline seed by
// seed, as paired differences. Beside these the first arm stands against each other
// one by interquartile means and the probability of improvement, with intervals of
// the bootstrap, by which nothing is decided. Intervals are not corrected for the
// number of comparisons. docs/format/report.md lists every field.
package report
