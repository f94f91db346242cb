package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pgsrm/internal/printable"
	"pgsrm/report"
	"pgsrm/study"
)

// newReportCommand compares finished or running runs.
func newReportCommand(g *globalOptions) *cobra.Command {
	var opts reportOptions
	cmd := &cobra.Command{
		Use:   "report DIR...",
		Short: "Write statistics, figures and an HTML page about runs",
		Long: `The report command reads every run at or below the folders and compares the
arms: runs of one task whose configuration differs in the seed alone. It prints a
table with 95% confidence intervals over seeds, of several tasks also the first arm
against each other one over all of them, and writes

  OUT/summary.json         all statistics
  OUT/report.html          one page that opens offline
  OUT/curves-<task>.png    learning curves
  OUT/final-<task>.png     end values
  OUT/profiles-<task>.png  performance profiles
  OUT/profiles.png         those of several tasks together

--formats names what is written beside the first two: pictures as png or svg, tables of
all tasks for texts as md (OUT/tables.md) or tex, and for programs as csv or parquet:
OUT/results.csv has every end value of every run, OUT/comparisons.csv every difference.

OUT is DIR, or --out, which several folders need. Runs may still be in progress.
With --json, summary.json is printed instead of the table.

Of the folder of a study it writes the tables of the study instead, and names the cells
that are missing; pgsrm report DIR/cells is the page about its runs.

EXAMPLES
  pgsrm report runs/colors
  pgsrm report --out runs/all runs/colors runs/opposites
  pgsrm report --formats svg,tex,parquet runs/colors
` + exitStatusHelp,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return inputErrorf("report: must be given a folder with runs")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return runReport(cmd.Context(), opts, g, args) },
	}
	opts.AddFlags(cmd.Flags())
	return cmd
}

// reportOptions are the flags of report.
type reportOptions struct {
	Out     string
	Formats []string // empty: png
}

// AddFlags adds the flags of report.
func (o *reportOptions) AddFlags(f *pflag.FlagSet) {
	f.StringVar(&o.Out, "out", "", "folder to write into (default DIR)")
	f.StringSliceVar(&o.Formats, "formats", []string{"png"}, "what to write beside summary.json and report.html: "+strings.Join(report.Formats, ", "))
}

// runReport writes the report about the runs in dirs.
func runReport(_ context.Context, o reportOptions, g *globalOptions, dirs []string) error {
	if len(dirs) == 1 && study.Is(dirs[0]) {
		if o.Out != "" {
			return inputErrorf("--out: must not be used with a study, whose tables stand in its folder (got %q)", o.Out)
		}
		return reportStudy(g, dirs[0])
	}
	out := o.Out
	if out == "" && len(dirs) > 1 {
		return inputErrorf("--out: must be given with several folders (got %d)", len(dirs))
	}
	if out == "" {
		out = dirs[0]
	}
	if err := checkFolderOut(out); err != nil {
		return err
	}
	if len(o.Formats) == 0 {
		o.Formats = []string{"png"}
	}
	for _, format := range o.Formats {
		if !slices.Contains(report.Formats, format) {
			return inputErrorf("--formats: must be of %s (got %q)", strings.Join(report.Formats, ", "), format)
		}
	}
	data, err := report.Load(dirs...)
	if err != nil {
		return inputError(err)
	}
	names, err := data.Write(out, o.Formats...)
	if err != nil {
		return err
	}
	if g.JSON {
		return g.printJSON(data.Summary())
	}
	for _, s := range data.Summaries() {
		if err := s.Print(g.Stdout); err != nil {
			return err
		}
	}
	if len(data.Groups) > 1 {
		if err := data.Overall().Print(g.Stdout); err != nil {
			return err
		}
	}
	if n := len(names) - 2; n > 4 {
		names = append(names[:2], fmt.Sprintf("%d figures and tables", n))
	}
	_, err = fmt.Fprintln(g.Stdout, printable.Wrap(fmt.Sprintf("%s: %s", cell(out), strings.Join(names, ", ")), g.width))
	return err
}
