package report

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// printed are the columns of the table on a terminal.
var printed = []struct {
	title, format string
	of            func(ArmSummary) *Estimate
}{
	{"exact held-out", "percent", func(a ArmSummary) *Estimate { return a.ExactMatch.HeldOut }},
	{"exact train", "percent", func(a ArmSummary) *Estimate { return a.ExactMatch.Train }},
	{"semantic held-out", "score", func(a ArmSummary) *Estimate { return a.Semantic.HeldOut }},
	{"entropy", "number", func(a ArmSummary) *Estimate { return a.Entropy }},
	{"KL", "number", func(a ArmSummary) *Estimate { return a.KL }},
}

// Print writes the summary for a terminal: a table of means with their 95%
// intervals, then the verdict and the warnings.
func (s Summary) Print(w io.Writer) error {
	fmt.Fprintf(w, "%s, %d episodes, mean and 95%% interval over seeds\n\n", s.Task, s.Episodes)
	table := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	fmt.Fprint(table, "reward\tseeds")
	for _, c := range printed {
		fmt.Fprint(table, "\t", c.title)
	}
	fmt.Fprintln(table)
	for _, arm := range s.Arms {
		fmt.Fprintf(table, "%s\t%d", arm.Reward, len(arm.Seeds))
		for _, c := range printed {
			fmt.Fprint(table, "\t", c.of(arm).text(c.format))
		}
		fmt.Fprintln(table)
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	var b strings.Builder
	b.WriteByte('\n')
	for _, line := range s.Verdict {
		fmt.Fprintln(&b, line)
	}
	for _, line := range s.Warnings {
		fmt.Fprintln(&b, "warning:", line)
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

// text writes a mean with its interval; a dash for what is not known.
func (e *Estimate) text(format string) string {
	switch {
	case e == nil:
		return "–"
	case e.CI95 == nil:
		return formatValue(format, e.Mean)
	default:
		return fmt.Sprintf("%s [%s, %s]", formatValue(format, e.Mean), formatValue(format, e.CI95[0]), formatValue(format, e.CI95[1]))
	}
}
