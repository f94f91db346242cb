package report

import (
	"fmt"
	"io"
	"strings"

	"pgsrm/internal/printable"
	"pgsrm/stats"
)

const (
	terminalWidth  = 80 // columns that no line of Print exceeds
	labelWidth     = 15 // columns of a reward's name in the table
	overallWidth   = 19 // likewise of a metric's name
	shownWarnings  = 2
	longestWarning = 400 // columns
)

// Print writes the summary for a terminal, 80 columns wide: a table of end values, a
// line for each comparison, and what went wrong. The verdict in full sentences is in
// summary.json and report.html.
func (s Summary) Print(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %d episodes, mean and 95%% interval over %s\n", printable.Shorten(s.Task, 28), s.Episodes, s.seedsText())
	s.printTable(&b)
	s.printEqualSeconds(&b)
	for _, line := range s.shortFindings() {
		b.WriteString(line + "\n")
	}
	for i, text := range s.Warnings {
		if i == shownWarnings {
			fmt.Fprintf(&b, "and %d more %s in the report\n", len(s.Warnings)-i, plural(len(s.Warnings)-i, "warning"))
			break
		}
		b.WriteString(printable.Wrap("warning: "+printable.Shorten(text, longestWarning), terminalWidth) + "\n")
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

// Print writes the arms over all tasks for a terminal, 80 columns wide; nothing where no
// pair of arms stands in two tasks.
func (o Overall) Print(w io.Writer) error {
	if len(o.Improvements) == 0 {
		return nil
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d tasks together, interquartile means over runs and 95%% bootstrap intervals\n", len(o.Tasks))
	rows := [][]string{{"", "first", "other", "difference", "improves"}}
	for i, m := range o.Improvements {
		if i == 0 || m.Other != o.Improvements[i-1].Other {
			rows = append(rows, []string{fmt.Sprintf("%*s", -overallWidth-1, printable.Shorten(m.Reward, 36)+" vs "+printable.Shorten(m.Other, 36))})
		}
		r := improvementRows([]Improvement{m})[0]
		rows = append(rows, []string{"  " + splitName(m.Metric), r.IQM, r.OtherIQM, strings.Replace(r.Difference, " points", "", 1), wholePercents(m.Probability)})
	}
	writeColumns(&b, rows, overallWidth)
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

// wholePercents writes a share and its interval in percent without decimals.
func wholePercents(r stats.Resampled) string {
	text := fmt.Sprintf("%.0f%%", 100*r.Value)
	if r.CI95 != nil {
		text += fmt.Sprintf(" (%.0f to %.0f)", 100*r.CI95[0], 100*r.CI95[1])
	}
	return text
}

// seedsText is how many seeds the arms have.
func (s Summary) seedsText() string {
	if len(s.Arms) == 0 {
		return "no seeds"
	}
	low, high := len(s.Arms[0].Seeds), len(s.Arms[0].Seeds)
	for _, arm := range s.Arms {
		low, high = min(low, len(arm.Seeds)), max(high, len(arm.Seeds))
	}
	if low != high {
		return fmt.Sprintf("%d to %d seeds", low, high)
	}
	return fmt.Sprintf("%d %s", low, plural(low, "seed"))
}

// printTable writes the end values of the arms, below strict exact match the
// normalised one where there is that.
func (s Summary) printTable(b *strings.Builder) {
	rows := [][]string{{"reward", "exact train", "exact held-out", "semantic held-out"}}
	for _, arm := range s.Arms {
		semantic := "–"
		if e := arm.Semantic.HeldOut; e != nil {
			semantic = formatValue("score", e.Mean)
		}
		rows = append(rows, []string{arm.Reward, arm.ExactMatch.Train.share(), arm.ExactMatch.HeldOut.share(), semantic})
		if n := arm.Normalized; n != nil {
			rows = append(rows, []string{"  normalised", n.Train.share(), n.HeldOut.share()})
		}
	}
	writeColumns(b, rows, labelWidth)
}

// writeColumns writes rows of cells in columns. A first cell of more than first runes
// stands on a line of its own.
func writeColumns(b *strings.Builder, rows [][]string, first int) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			if n := printable.Width(cell); i > 0 || n <= first {
				widths[i] = max(widths[i], n)
			}
		}
	}
	for _, row := range rows {
		if printable.Width(row[0]) > first {
			b.WriteString(printable.Shorten(strings.TrimRight(row[0], " "), terminalWidth) + "\n")
			row = append([]string{""}, row[1:]...)
			if len(row) == 1 {
				continue
			}
		}
		var line strings.Builder
		for i, cell := range row {
			line.WriteString(cell + strings.Repeat(" ", widths[i]-printable.Width(cell)+2))
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
}

// share writes a mean share with its interval; a dash for what is not known.
func (e *Estimate) share() string {
	switch {
	case e == nil:
		return "–"
	case e.CI95 == nil:
		return percent(e.Mean)
	}
	return fmt.Sprintf("%s [%.1f, %.1f]", percent(e.Mean), 100*e.CI95[0], 100*e.CI95[1])
}

// shortFindings are the findings with a line for each comparison and one for all
// collapses.
func (s Summary) shortFindings() []string {
	var out, fallen, collapsed []string
	for _, arm := range s.Arms {
		for _, c := range told(s, arm.Reward) {
			out = append(out, c.short())
		}
		if falls := arm.falls(func(short, _ string) string { return short }); len(falls) > 0 {
			fallen = append(fallen, printable.Shorten(arm.Reward, labelWidth)+" "+strings.Join(falls, ", "))
		}
		if n := len(arm.CollapsedSeeds); n > 0 {
			collapsed = append(collapsed, fmt.Sprintf("%s %d of %d", printable.Shorten(arm.Reward, labelWidth), n, len(arm.Seeds)))
		}
	}
	if len(out) == 0 {
		for _, arm := range s.Arms {
			out = append(out, printable.Wrap(loneSentence(arm), terminalWidth))
		}
	}
	if len(fallen) > 0 {
		out = append(out, printable.Wrap("ends below its start: "+strings.Join(fallen, "; "), terminalWidth))
	}
	if len(collapsed) > 0 {
		out = append(out, printable.Wrap("seeds that collapsed to one answer: "+strings.Join(collapsed, ", "), terminalWidth))
	}
	return out
}

// short says in a line by how much an arm is above its baseline and whether that holds.
func (c Comparison) short() string {
	text := fmt.Sprintf(" vs %s, %s: %s%s", printable.Shorten(c.Baseline, labelWidth), splitName(c.Metric), signed(c.Metric, c.Difference.Mean), unit(c.Metric))
	if ci := c.Difference.CI95; ci != nil {
		text += fmt.Sprintf(" (%s to %s)", signed(c.Metric, ci[0]), signed(c.Metric, ci[1]))
	}
	text += ", " + c.word()
	return printable.Shorten(c.Reward, max(labelWidth/2, terminalWidth-printable.Width(text))) + text
}

// splitName names a compared metric briefly.
func splitName(metric string) string {
	return map[string]string{
		normTrain: "train, norm.", normHeldOut: "held-out, norm.", exactTrain: "train", exactHeldOut: "held-out", semTrain: "semantic train", semHeldOut: "semantic held-out",
	}[metric]
}

// word is the verdict on a comparison, or why there is none.
func (c Comparison) word() string {
	if why := c.silent(); why != "" {
		return why
	}
	return map[string]string{"up": "better", "down": "worse", "open": "not settled"}[c.class()]
}
