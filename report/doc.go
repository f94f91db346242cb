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
// intervals over seeds, cut at the limits of the metric; with one seed there is
// none. Arms are compared with the baseline seed by seed, as paired differences, and
// the verdict is corrected for all comparisons of a task. Beside these the first arm
// stands against each other one by interquartile means and the probability of
// improvement, with intervals of the bootstrap, by which nothing is decided. Package
// stats computes; docs/statistics.md has the formulas and docs/format/report.md every
// field.
package report
