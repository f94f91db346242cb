package main

import (
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"pgsrm/internal/printable"
	"pgsrm/run"
)

func newRunsDiffCommand(g *globalOptions) *cobra.Command {
	return &cobra.Command{
		Use:   "diff A B",
		Short: "Compare two runs: settings that differ, last figures side by side",
		Long: `The diff command prints the keys of the configuration in which two runs differ, and
side by side how far they are and what their last evaluations say. It is a look, no
comparison: pgsrm report has intervals over seeds, pgsrm eval A B those over prompts.

EXAMPLES
  pgsrm runs diff runs/colors runs/colors-slow
  pgsrm runs diff --json runs/a runs/b
` + exitStatusHelp,
		Args: cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error { return runRunsDiff(g, args[0], args[1]) },
	}
}

// diffedRuns is what runs diff --json prints.
type diffedRuns struct {
	A       run.Overview     `json:"a"`
	B       run.Overview     `json:"b"`
	Config  []run.Difference `json:"config"`
	Figures []diffedFigure   `json:"figures"`
}

// diffedFigure is a number of the last evaluations of two runs; null where one has none.
type diffedFigure struct {
	Metric     string   `json:"metric"`
	A          *float64 `json:"a"`
	B          *float64 `json:"b"`
	Difference *float64 `json:"difference"` // B - A
}

// runRunsDiff compares two runs.
func runRunsDiff(g *globalOptions, a, b string) error {
	d := diffedRuns{Config: []run.Difference{}, Figures: []diffedFigure{}}
	var err error
	if d.A, err = run.ReadOverview(a); err != nil {
		return err
	}
	if d.B, err = run.ReadOverview(b); err != nil {
		return err
	}
	for _, o := range []*run.Overview{&d.A, &d.B} {
		if o.Task == "" {
			return inputErrorf("%s: must have a configuration that can be read: %s", o.Dir, o.Problem)
		}
		if o.Problem != "" {
			g.Log.Warn("damaged: " + o.Problem)
		}
	}
	d.Config = append(d.Config, run.Differences(d.A.Config, d.B.Config)...)
	for _, split := range []string{"train", "held_out"} {
		for _, f := range evalFigures {
			name := "eval/" + split + "/" + f.name
			va, inA := d.A.Eval[name]
			vb, inB := d.B.Eval[name]
			one := diffedFigure{Metric: name}
			if inA {
				one.A = &va
			}
			if inB {
				one.B = &vb
			}
			if inA && inB {
				x := vb - va
				one.Difference = &x
			}
			if inA || inB {
				d.Figures = append(d.Figures, one)
			}
		}
	}
	if g.JSON {
		return g.printJSON(d)
	}
	return d.print(g)
}

// print shows the differences to a reader.
func (d *diffedRuns) print(g *globalOptions) error {
	fmt.Fprintf(g.Stdout, "A = %s\nB = %s\n\n", cell(d.A.Dir), cell(d.B.Dir))
	if len(d.Config) == 0 {
		fmt.Fprintln(g.Stdout, "the configurations are the same")
	} else {
		keys := []column{{title: "key"}, {title: "A", cut: true}, {title: "B", cut: true}}
		for _, k := range d.Config {
			addCells(keys, cell(k.Key), printable.Shorten(cell(k.A), longest), printable.Shorten(cell(k.B), longest))
		}
		if err := printTable(g.Stdout, keys, g.width); err != nil {
			return err
		}
	}
	fmt.Fprintln(g.Stdout)
	rows := []column{{title: "last figures", cut: true}, {title: "A", right: true}, {title: "B", right: true}, {title: "B - A", right: true}}
	for _, r := range []struct {
		label string
		of    func(o *run.Overview) string
	}{
		{"state", func(o *run.Overview) string { return o.State }},
		{"episodes", func(o *run.Overview) string { return strconv.Itoa(o.Episode) }},
		{"episodes in all", func(o *run.Overview) string { return strconv.Itoa(o.Episodes) }},
		{"training", func(o *run.Overview) string { return secondsText(o.Seconds) }},
		{"evaluation at step", func(o *run.Overview) string { return strconv.Itoa(o.EvalStep) }},
	} {
		addCells(rows, r.label, r.of(&d.A), r.of(&d.B), "")
	}
	for _, split := range []string{"train", "held_out"} {
		for _, f := range evalFigures {
			a, b := f.of(&d.A, split), f.of(&d.B, split)
			if a == "" && b == "" {
				continue
			}
			addCells(rows, map[string]string{"train": "train", "held_out": "held-out"}[split]+" "+f.label, a, b, f.difference(d, split))
		}
	}
	return printTable(g.Stdout, rows, g.width)
}

// difference is that of a figure, in points where it is a share.
func (f evalFigure) difference(d *diffedRuns, split string) string {
	name := "eval/" + split + "/" + f.name
	a, inA := d.A.Eval[name]
	b, inB := d.B.Eval[name]
	if !inA || !inB {
		return ""
	}
	decimals := map[string]int{"%.1f%%": 1, "%.3f": 3, "%.0f": 0}[f.format]
	return fmt.Sprintf("%+.*f", decimals, f.factor*(b-a))
}
