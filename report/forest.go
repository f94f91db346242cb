package report

import (
	"fmt"
	"math"
	"strings"

	"pgsrm/internal/printable"
)

// forest is a forest plot: differences with their intervals around zero.
type forest struct {
	Title, Note string
	metric      string // whose unit the axis has
	rows        []forestRow
}

// forestRow is one difference.
type forestRow struct {
	name, arm string
	c         Comparison
}

// splitNames says in a few words which prompts and which score a metric is about.
var splitNames = map[string]string{
	normTrain: "training prompts", normHeldOut: "held-out prompts", exactTrain: "training prompts", exactHeldOut: "held-out prompts",
	semTrain: "training prompts", semHeldOut: "held-out prompts",
}

// forests are the differences of a task: exact match, normalised where runs have it, and
// semantic score.
func (s Summary) forests(slots map[string]int) []planeView {
	exact := [2]string{normTrain, normHeldOut}
	if len(s.differences(exact)) == 0 {
		exact = [2]string{exactTrain, exactHeldOut}
	}
	var out []planeView
	for _, f := range []forest{
		{Title: "Exact match: difference to the baseline", metric: exact[0], rows: s.differences(exact)},
		{Title: "Semantic score: difference to the baseline", metric: semTrain, rows: s.differences([2]string{semTrain, semHeldOut})},
	} {
		if len(f.rows) > 0 {
			f.Note = "paired by seed, 95% interval; a full dot holds at 5% (see below)"
			out = append(out, f.view(slots))
		}
	}
	return out
}

// differences are the comparisons in two metrics, arm by arm.
func (s Summary) differences(metrics [2]string) []forestRow {
	var out []forestRow
	for _, arm := range s.Arms {
		for _, metric := range metrics {
			if c := comparison(s, arm.Reward, metric); c != nil {
				out = append(out, forestRow{printable.Shorten(arm.Reward, 30) + ", " + splitNames[metric], arm.Reward, *c})
			}
		}
	}
	return out
}

// forestOver is the difference of the headline metric of one arm in each of several tasks.
func forestOver(tasks []Summary, arm string, slots map[string]int) (planeView, bool) {
	f := forest{Title: arm + ": difference to its baseline, by task", Note: "exact match on training prompts, paired by seed, 95% interval; a full dot holds at 5%"}
	for _, s := range tasks {
		if c := headline(s, arm); c != nil && (f.metric == "" || unit(f.metric) == unit(c.Metric)) {
			f.metric = c.Metric
			f.rows = append(f.rows, forestRow{printable.Shorten(s.Task, finalName), arm, *c})
		}
	}
	if len(f.rows) < 2 {
		return planeView{}, false
	}
	return f.view(slots), true
}

// Places of a forest plot in units of the viewBox: the left end, where the label of a
// tick has room, and the height of a row.
const forestLeft, forestStep = 32.0, 40.0

// view draws the plot. An interval that is much wider than the differences is cut at the frame.
func (f forest) view(slots map[string]int) planeView {
	low, high := 0.0, 0.0
	for _, r := range f.rows {
		low, high = min(low, r.c.Difference.Mean), max(high, r.c.Difference.Mean)
	}
	room := max(high-low, 0.02)
	for _, r := range f.rows {
		if ci := r.c.Difference.CI95; ci != nil {
			low, high = min(low, max(ci[0], low-room)), max(high, min(ci[1], high+room))
		}
	}
	factor := 1.0
	if unit(f.metric) != "" {
		factor = 100
	}
	x, step := niceAxis(factor*low, factor*high, 5, forestLeft, chartRight-16)
	base := finalRow0 + float64(len(f.rows)-1)*forestStep + 20
	v := planeView{Title: f.Title, Note: f.Note, Drawing: drawing{Width: chartWidth, Height: base + 40}}
	l := v.Drawing.layer("", 0)
	for _, t := range x.ticks(step, tickLabel("number")) {
		l.line("rule", point{t.At, 8}, point{t.At, base})
		l.text("tick", point{t.At, base + 17}, middle, t.Label)
	}
	l.line("zero", point{x.at(0), 8}, point{x.at(0), base})
	name := "difference"
	if unit(f.metric) != "" {
		name = "points"
	}
	l.text("axis", point{chartRight - 14, base + 35}, end, name)
	var words []string
	for i, r := range f.rows {
		y := finalRow0 + float64(i)*forestStep
		r.draw(v.Drawing.layer(r.arm, slots[r.arm]), y, factor, x)
		words = append(words, r.name+" "+r.text())
	}
	v.Describe = fmt.Sprintf("%s: %s.", f.Title, strings.Join(words, "; "))
	return v
}

// draw draws the name and the interval of a row.
func (r forestRow) draw(l *layer, y, factor float64, x axis) {
	l.text("name", point{finalLeft, y - 11}, start, r.name)
	at := func(v float64) float64 { return x.at(min(x.hi, max(x.lo, factor*v))) }
	if ci := r.c.Difference.CI95; ci != nil && !math.IsInf(ci[0], 0) {
		l.line("whisker", point{at(ci[0]), y}, point{at(ci[1]), y})
	}
	style := "open-dot"
	if r.c.Holds {
		style = "held-dot"
	}
	l.circle(style, point{at(r.c.Difference.Mean), y}, 4.5)
}

// text is the difference in words.
func (r forestRow) text() string {
	text := signed(r.c.Metric, r.c.Difference.Mean) + unit(r.c.Metric)
	if r.c.Difference.CI95 != nil {
		text += ", " + r.c.interval()
	}
	return text + ", " + r.c.word()
}
