package main

import (
	"fmt"
	"text/tabwriter"

	"pgsrm/eval"
)

// evalPair is the output of eval --json for two children.
type evalPair struct {
	Children    []evalOf          `json:"children"` // in the order of the command line
	Differences []eval.Difference `json:"differences"`
}

// evalOf is what one of two children measures.
type evalOf struct {
	Child string `json:"child"`
	eval.Result
}

// comparePair prints two children side by side.
func comparePair(g *globalOptions, children []string, results []eval.Measured, seed uint64) error {
	differences, err := eval.Compare(results[0], results[1], seed)
	if err != nil {
		return err
	}
	if g.JSON {
		return g.printJSON(evalPair{[]evalOf{{children[0], results[0].Result}, {children[1], results[1].Result}}, differences})
	}
	w := tabwriter.NewWriter(g.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "A = %s\nB = %s\n", children[0], children[1])
	fmt.Fprintln(w, "\tA\tB\tB - A\tbetter\tsame\tworse")
	for _, d := range differences {
		f := evalFormats[d.Metric]
		fmt.Fprintf(w, "%s\t%s\t%s\t%s", f.name, f.text(d.A, ""), f.text(d.B, ""), f.text(d.Difference, "+"))
		if d.CI95 != nil {
			fmt.Fprintf(w, " [%s, %s]", f.text(d.CI95[0], "+"), f.text(d.CI95[1], "+"))
		}
		if d.Prompts != nil {
			fmt.Fprintf(w, "\t%d\t%d\t%d", d.Prompts.Better, d.Prompts.Same, d.Prompts.Worse)
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintf(w, "answers\t%d\t%d\n", results[0].N, results[1].N)
	if results[0].Failed+results[1].Failed > 0 {
		fmt.Fprintf(w, "without vector\t%d\t%d\n", results[0].Failed, results[1].Failed)
	}
	return w.Flush()
}

// evalFormat is how a table shows a measure.
type evalFormat struct {
	name   string
	factor float64
	digits int
	unit   string
}

var evalFormats = map[string]evalFormat{
	"exact_match":            {"exact match", 100, 1, "%"},
	"exact_match_normalized": {"normalised", 100, 1, "%"},
	"semantic":               {"semantic", 1, 3, ""},
	"chrf":                   {"chrF", 1, 3, ""},
	"distinct_1":             {"distinct words", 1, 3, ""},
	"distinct_2":             {"distinct pairs", 1, 3, ""},
	"mean_length":            {"mean length", 1, 1, " words"},
}

// text shows a value; with the sign "+" as a difference, whose unit the column says.
func (f evalFormat) text(x float64, sign string) string {
	unit := f.unit
	if sign != "" {
		unit = ""
	}
	return fmt.Sprintf("%"+sign+".*f%s", f.digits, f.factor*x, unit)
}
