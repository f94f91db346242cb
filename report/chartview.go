package report

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// chartView is one chart as the template draws it.
type chartView struct {
	ID       string
	Spec     chartSpec
	Describe string // what the chart shows, for those who do not see it
	Drawing  drawing
	Data     chartData
}

// chartData is what the script needs for the tooltip of one chart.
type chartData struct {
	ID     string     `json:"id"`
	Format string     `json:"format"`
	Last   float64    `json:"last"` // episode at the right end of the axis
	Lines  []lineData `json:"lines"`
}

// lineData is one line; Lo and Hi are absent where no point has an interval, and in folded
// charts of many runs.
type lineData struct {
	Slot    int       `json:"slot"`
	Label   string    `json:"label"`
	Episode []float64 `json:"e,omitempty"` // absent where they are those of the line before
	Mean    []float64 `json:"m"`
	Lo      []float64 `json:"lo,omitempty"`
	Hi      []float64 `json:"hi,omitempty"`
	N       []int     `json:"n"` // seeds; one number where it is the same everywhere
}

// armCurves is one arm's curves of one metric.
type armCurves struct {
	arm    *Arm
	seeds  [][]Point
	middle []curvePoint
}

// chart draws one metric of all arms; ok = false where none recorded it.
func (g *Group) chart(id string, spec chartSpec, slots map[string]int) (view chartView, ok bool) {
	all := g.armCurves(spec)
	if len(all) == 0 {
		return chartView{}, false
	}
	episodes, lo, hi := rangeOf(all)
	if spec.zero {
		lo = min(lo, 0)
	}
	x, xStep := niceAxis(0, max(1, episodes), 6, chartLeft, chartRight)
	x.hi = max(1, episodes)
	y, yStep := niceAxis(lo, hi, 5, chartBottom, chartTop)
	view = chartView{ID: id, Spec: spec, Drawing: drawing{Width: chartWidth, Height: chartHeight}}
	view.Data = chartData{ID: id, Format: spec.Format, Last: x.hi}
	view.Drawing.axes(x.ticks(xStep, episodeLabel), y.ticks(yStep, tickLabel(spec.Format)), "episodes")
	for _, c := range all {
		c.drawSpread(&view.Drawing, slots[c.arm.Label], x, y, !spec.folded)
	}
	var words []string
	for _, c := range all {
		slot := slots[c.arm.Label]
		c.drawMean(&view.Drawing, slot, x, y)
		view.Data.Lines = append(view.Data.Lines, c.data(slot, !spec.folded || !g.many()))
		words = append(words, fmt.Sprintf("%s from %s to %s", c.arm.Label,
			formatValue(spec.Format, c.middle[0].Mean), formatValue(spec.Format, c.middle[len(c.middle)-1].Mean)))
	}
	for i := len(view.Data.Lines) - 1; i > 0; i-- {
		if slices.Equal(view.Data.Lines[i].Episode, view.Data.Lines[i-1].Episode) {
			view.Data.Lines[i].Episode = nil
		}
	}
	view.Describe = fmt.Sprintf("%s over %.0f episodes: %s.", spec.Title, episodes, strings.Join(words, "; "))
	return view, true
}

// manyRuns is from how many runs of a task on its folded charts are coarser.
const manyRuns = 12

// many tells whether folded charts are coarser.
func (g *Group) many() bool {
	n := 0
	for _, arm := range g.Arms {
		n += len(arm.Runs)
	}
	return n > manyRuns
}

// armCurves are the curves of a metric, of the arms that recorded it.
func (g *Group) armCurves(spec chartSpec) []armCurves {
	var all []armCurves
	for _, arm := range g.Arms {
		stretches := curveStretches
		if spec.folded && g.many() {
			stretches = fewStretches
		}
		if seeds, middle := arm.curves(spec.Metric, spec.lim, stretches); len(middle) > 0 {
			all = append(all, armCurves{arm, seeds, middle})
		}
	}
	return all
}

// rangeOf is the last episode and the range of the values of curves.
func rangeOf(all []armCurves) (episodes, lo, hi float64) {
	lo, hi = math.Inf(1), math.Inf(-1)
	for _, c := range all {
		for _, s := range c.seeds {
			for _, p := range s {
				lo, hi = min(lo, p.Value), max(hi, p.Value)
				episodes = max(episodes, float64(p.Episode))
			}
		}
	}
	lo, hi = withBands(all, lo, hi)
	return episodes, lo, hi
}

// withBands widens the range of the lines for the bands, by at most a third on
// each side: the band of two seeds can be many times wider than the curves.
func withBands(all []armCurves, lo, hi float64) (float64, float64) {
	most := (hi - lo) / 3
	low, high := lo, hi
	for _, c := range all {
		for _, p := range c.middle {
			low, high = min(low, p.Lo), max(high, p.Hi)
		}
	}
	return max(low, lo-most), min(high, hi+most)
}

// axes draws the rules of y, the base line and the labels of both axes; name is that of x.
func (d *drawing) axes(x, y []tick, name string) {
	l := d.layer("", 0)
	for _, t := range y {
		l.line("rule", point{chartLeft, t.At}, point{chartRight, t.At})
		l.text("tick", point{chartLeft - 7, t.At + 4}, end, t.Label)
	}
	l.line("base", point{chartLeft, chartBottom}, point{chartRight, chartBottom})
	for _, t := range x {
		if t.At > chartRight+0.5 {
			continue
		}
		l.line("base", point{t.At, chartBottom}, point{t.At, chartBottom + 4})
		l.text("tick", point{t.At, chartBottom + 20}, middle, t.Label)
	}
	l.text("axis", point{chartRight, chartBottom + 37}, end, name)
}

// drawSpread draws the band, cut at the frame, and the line of each seed.
func (c armCurves) drawSpread(d *drawing, slot int, x, y axis, seeds bool) {
	l := d.layer(c.arm.Label, slot)
	cut := func(v float64) float64 { return y.at(min(y.hi, max(y.lo, v))) }
	n := len(c.middle)
	band, wide := make([]point, 2*n), false
	for i, p := range c.middle {
		band[i] = point{x.at(p.Episode), cut(p.Hi)}
		band[2*n-1-i] = point{x.at(p.Episode), cut(p.Lo)}
		wide = wide || p.N > 1
	}
	if wide {
		l.area("band", band)
	}
	if !seeds {
		return
	}
	for _, s := range c.seeds {
		var points []point
		for _, p := range s {
			points = append(points, point{x.at(float64(p.Episode)), y.at(p.Value)})
		}
		l.line("seed", points...)
	}
}

// drawMean draws the mean over seeds and a dot at its end.
func (c armCurves) drawMean(d *drawing, slot int, x, y axis) {
	l := d.layer(c.arm.Label, slot)
	var points []point
	for _, p := range c.middle {
		points = append(points, point{x.at(p.Episode), y.at(p.Mean)})
	}
	l.line("mean", points...)
	l.circle("end", points[len(points)-1], 3.6)
}

// data lists the numbers of one line.
func (c armCurves) data(slot int, intervals bool) lineData {
	d := lineData{Slot: slot, Label: c.arm.Label}
	wide := false
	for _, p := range c.middle {
		d.Episode = append(d.Episode, p.Episode)
		d.Mean = append(d.Mean, digits4(p.Mean))
		d.Lo = append(d.Lo, digits4(p.Lo))
		d.Hi = append(d.Hi, digits4(p.Hi))
		d.N = append(d.N, p.N)
		wide = wide || p.N > 1
	}
	if !wide || !intervals {
		d.Lo, d.Hi = nil, nil
	}
	if slices.Min(d.N) == slices.Max(d.N) {
		d.N = d.N[:1]
	}
	return d
}

// digits4 rounds to four digits, as much as a picture shows.
func digits4(v float64) float64 {
	if v == 0 || math.Abs(v) > drawable {
		return v
	}
	scale := math.Pow(10, 3-math.Floor(math.Log10(math.Abs(v))))
	if math.IsInf(scale, 0) || scale == 0 {
		return v
	}
	return math.Round(v*scale) / scale
}

func round4(v float64) float64 { return math.Round(1e4*v) / 1e4 }
