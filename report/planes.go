package report

import (
	"fmt"
	"strings"
)

// plane is a chart of lines against something else than episodes.
type plane struct {
	Title, Note string
	xName       string
	format      string // of y
	lines       []planeLine
}

// planeLine is that of one arm.
type planeLine struct {
	arm     string
	x, y    []float64
	lo, hi  []float64 // band of y, nil = none
	stepped bool      // y holds up to the next x
}

// planeView is a plane as the template draws it.
type planeView struct {
	Title, Note string
	Describe    string
	Drawing     drawing
}

// planes are the charts of a task: performance profiles and exact match or likeness
// against the distance from the start model; those of held-out prompts are the main ones.
func (s Summary) planes(slots map[string]int) (main, more []planeView) {
	for _, spec := range charts[:len(compared)] {
		distance := plane{Title: spec.Title + " by distance", Note: "against the square root of the KL to the start model, means over seeds", xName: "square root of nats", format: spec.Format}
		for _, arm := range s.Arms {
			if l := arm.distance(spec.Metric); len(l.x) > 1 {
				distance.lines = append(distance.lines, l)
			}
		}
		for _, p := range []plane{s.Profiles.plane(spec), distance} {
			if len(p.lines) == 0 {
				continue
			}
			if v := p.view(slots); spec.Metric == semHeldOut || spec.Metric == s.heldOut() {
				main = append(main, v)
			} else {
				more = append(more, v)
			}
		}
	}
	if len(main) == 0 {
		return more, nil // nothing is held out
	}
	return main, more
}

// plane is the chart of the profiles in a metric, without lines where no arm has two runs.
func (p Profiles) plane(spec chartSpec) plane {
	out := plane{Title: "Runs that end above: " + spec.Title, Note: "share of runs above a threshold; band: 95% bootstrap interval", xName: "threshold", format: "percent"}
	for _, arm := range p.Arms {
		if arm.Metric == spec.Metric && arm.Runs > 1 {
			out.lines = append(out.lines, planeLine{arm: arm.Reward, x: p.Thresholds, y: arm.Share, lo: arm.Lo, hi: arm.Hi, stepped: true})
		}
	}
	return out
}

// planes are the charts of the profiles in all compared metrics.
func (p Profiles) planes(slots map[string]int) []planeView {
	var out []planeView
	for _, spec := range charts[:len(compared)] {
		if chart := p.plane(spec); len(chart.lines) > 0 {
			out = append(out, chart.view(slots))
		}
	}
	return out
}

// heldOut is the exact match on held-out prompts, normalised where an arm has that.
func (s Summary) heldOut() string {
	for _, p := range s.Profiles.Arms {
		if p.Metric == normHeldOut {
			return normHeldOut
		}
	}
	return exactHeldOut
}

// distance is an arm's line of a metric against the root of KL.
func (a ArmSummary) distance(metric string) planeLine {
	l := planeLine{arm: a.Reward}
	for _, p := range a.ByKL {
		if v, ok := p.Values[metric]; ok {
			l.x, l.y = append(l.x, p.SqrtKL), append(l.y, v)
		}
	}
	return l
}

// view draws a plane.
func (p plane) view(slots map[string]int) planeView {
	var xHigh, low, high float64
	for _, l := range p.lines {
		for i := range l.x {
			xHigh, low, high = max(xHigh, l.x[i]), min(low, l.y[i]), max(high, l.y[i])
		}
	}
	x, xStep := niceAxis(0, xHigh, 5, chartLeft, chartRight)
	y, yStep := niceAxis(low, high, 5, chartBottom, chartTop)
	v := planeView{Title: p.Title, Note: p.Note, Drawing: drawing{Width: chartWidth, Height: chartHeight}}
	v.Drawing.axes(x.ticks(xStep, tickLabel("number")), y.ticks(yStep, tickLabel(p.format)), p.xName)
	var words []string
	for _, l := range p.lines {
		to := v.Drawing.layer(l.arm, slots[l.arm])
		if l.lo != nil {
			band, back := l.path(l.hi, x, y), l.path(l.lo, x, y)
			for i := len(back) - 1; i >= 0; i-- {
				band = append(band, back[i])
			}
			to.area("band", band)
		}
		to.line("mean", l.path(l.y, x, y)...)
		end := len(l.x) - 1
		words = append(words, fmt.Sprintf("%s from %s to %s", l.arm, formatValue(p.format, l.y[0]), formatValue(p.format, l.y[end])))
	}
	v.Describe = fmt.Sprintf("%s, over the %s: %s.", p.Title, p.xName, strings.Join(words, "; "))
	return v
}

// path are the points of a line of values, with a corner before each where it is stepped.
func (l planeLine) path(values []float64, x, y axis) []point {
	var out []point
	for i, v := range values {
		if i > 0 && l.stepped {
			out = append(out, point{x.at(l.x[i]), y.at(values[i-1])})
		}
		out = append(out, point{x.at(l.x[i]), y.at(v)})
	}
	return out
}
