package report

import (
	"strings"

	"pgsrm/internal/printable"
)

// finalView is one metric at the end of training: a row for each arm with its
// mean, its interval and a dot for each seed.
type finalView struct {
	Title    string
	Describe string
	Drawing  drawing
}

// Places of a final chart in the units of its viewBox.
const (
	finalLeft  = 20.0
	finalRight = 412.0
	finalRow0  = 30.0
	finalStep  = 46.0
)

// finalName is the most characters of an arm's name that fit above its bar.
const finalName = 40

// final draws the end values of one compared metric; ok = false where no arm
// has it.
func (s Summary) final(metric, title string, slots map[string]int) (view finalView, ok bool) {
	var arms []ArmSummary
	high := 0.0
	for _, arm := range s.Arms {
		if e := arm.compared(metric); e != nil {
			arms = append(arms, arm)
			high = max(high, e.reach(high))
		}
	}
	if len(arms) == 0 {
		return finalView{}, false
	}
	format := formatOf(metric)
	rows, words := make([]endRow, len(arms)), make([]string, len(arms))
	for i, arm := range arms {
		e := arm.compared(metric)
		rows[i] = endRow{arm.Reward, e}
		words[i] = arm.Reward + " " + formatValue(format, e.Mean)
	}
	view = finalView{Title: title, Drawing: endBars(rows, 0, high, format, slots)}
	view.Describe = title + " at the end: " + strings.Join(words, "; ") + "."
	return view, true
}

// endRow is the row of an arm; nil = an empty one.
type endRow struct {
	name string
	e    *Estimate
}

// endBars draws the rows one below the other over an axis from low to high.
func endBars(rows []endRow, low, high float64, format string, slots map[string]int) drawing {
	base := finalRow0 + float64(len(rows)-1)*finalStep + 22
	d := drawing{Width: chartWidth, Height: base + 24}
	x, step := niceAxis(low, max(high, 0.02), 5, finalLeft, finalRight)
	l := d.layer("", 0)
	for _, t := range x.ticks(step, tickLabel(format)) {
		l.line("rule", point{t.At, 12}, point{t.At, base})
		l.text("tick", point{t.At, base + 16}, middle, t.Label)
	}
	for i, r := range rows {
		if r.e != nil {
			r.e.drawRow(d.layer(r.name, slots[r.name]), r.name, formatValue(format, r.e.Mean), finalRow0+float64(i)*finalStep, x)
		}
	}
	return d
}

// reach is the largest value that the row of an estimate shows, where high is the
// largest so far: an interval of few seeds can be many times wider than the values.
func (e *Estimate) reach(high float64) float64 {
	high = max(high, e.Mean)
	for _, v := range e.Values {
		high = max(high, v)
	}
	if e.CI95 != nil {
		high = max(high, min(e.CI95[1], 1.6*high))
	}
	return high
}

// drawRow draws the name, the bar, the whisker, the dots and the value of an arm
// at height y.
func (e *Estimate) drawRow(l *layer, name, value string, y float64, x axis) {
	mean := x.at(e.Mean)
	lo, hi := mean, mean
	if e.CI95 != nil {
		lo, hi = x.at(max(e.CI95[0], x.lo)), min(x.at(e.CI95[1]), finalRight+6)
	}
	l.text("name", point{finalLeft, y - 13}, start, printable.Shorten(name, finalName))
	l.line("end-bar", point{x.at(0), y}, point{mean, y})
	l.line("whisker", point{lo, y}, point{hi, y})
	l.line("whisker", point{lo, y - 5}, point{lo, y + 5})
	l.line("whisker", point{hi, y - 5}, point{hi, y + 5})
	right := max(mean, hi)
	for _, v := range e.Values {
		l.circle("seed-dot", point{x.at(v), y}, 3.4)
		right = max(right, x.at(v))
	}
	l.text("value", point{right + 10, y + 5}, start, value)
}

// specOf is the chart of a metric, or for one without a chart how its numbers are written.
func specOf(metric string) chartSpec {
	for _, c := range charts {
		if c.Metric == metric {
			return c
		}
	}
	return chartSpec{Metric: metric, Format: "number", lim: free}
}

func formatOf(metric string) string { return specOf(metric).Format }
