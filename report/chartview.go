package report

import (
	"fmt"
	"math"
	"strings"
)

// chartView is one chart as the template draws it.
type chartView struct {
	ID       string
	Spec     chartSpec
	Describe string // what the chart shows, for those who do not see it
	X, Y     []tick
	Lines    []lineView
	Data     chartData
}

// lineView is one arm in a chart.
type lineView struct {
	Slot       int // color of the arm
	Label      string
	Band, Mean string // SVG paths; Band empty with fewer than two seeds
	Seeds      []string
	EndX, EndY float64
}

// chartData is what the script needs for the tooltip of one chart.
type chartData struct {
	ID     string     `json:"id"`
	Format string     `json:"format"`
	Last   float64    `json:"last"` // episode at the right end of the axis
	Lines  []lineData `json:"lines"`
}

type lineData struct {
	Slot    int       `json:"slot"`
	Label   string    `json:"label"`
	Episode []float64 `json:"e"`
	Mean    []float64 `json:"m"`
	Lo      []float64 `json:"lo"`
	Hi      []float64 `json:"hi"`
	N       []int     `json:"n"`
}

// armCurves is one arm's curves of one metric.
type armCurves struct {
	arm    *Arm
	seeds  [][]Point
	middle []CurvePoint
}

// chart draws one metric of all arms; ok = false where none recorded it.
func (g *Group) chart(id string, spec chartSpec, slots map[string]int) (view chartView, ok bool) {
	var all []armCurves
	episodes := 0.0
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, arm := range g.Arms {
		seeds, middle := arm.curves(spec.Metric, spec.lim)
		if len(middle) == 0 {
			continue
		}
		all = append(all, armCurves{arm, seeds, middle})
		for _, s := range seeds {
			for _, p := range s {
				lo, hi = min(lo, p.Value), max(hi, p.Value)
				episodes = max(episodes, float64(p.Episode))
			}
		}
	}
	if len(all) == 0 {
		return chartView{}, false
	}
	lo, hi = withBands(all, lo, hi)
	if spec.zero {
		lo = min(lo, 0)
	}
	view = chartView{ID: id, Spec: spec}
	x, xStep := niceAxis(0, max(1, episodes), 6, chartLeft, chartRight)
	x.hi = max(1, episodes)
	y, yStep := niceAxis(lo, hi, 5, chartBottom, chartTop)
	for _, t := range x.ticks(xStep, episodeLabel) {
		if t.At <= chartRight+0.5 {
			view.X = append(view.X, t)
		}
	}
	view.Y = y.ticks(yStep, tickLabel(spec.Format))
	view.Data = chartData{ID: id, Format: spec.Format, Last: x.hi}
	var words []string
	for _, c := range all {
		slot := slots[c.arm.Label]
		view.Lines = append(view.Lines, c.line(slot, x, y))
		view.Data.Lines = append(view.Data.Lines, c.data(slot))
		end := c.middle[len(c.middle)-1]
		words = append(words, fmt.Sprintf("%s from %s to %s", c.arm.Label,
			formatValue(spec.Format, c.middle[0].Mean), formatValue(spec.Format, end.Mean)))
	}
	view.Describe = fmt.Sprintf("%s over %.0f episodes: %s.", spec.Title, episodes, strings.Join(words, "; "))
	return view, true
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

// line draws the band, the seeds and the mean of one arm.
func (c armCurves) line(slot int, x, y axis) lineView {
	v := lineView{Slot: slot, Label: c.arm.Label}
	var mid, band path
	wide := false
	for _, p := range c.middle {
		mid.to(x.at(p.Episode), y.at(p.Mean))
		band.to(x.at(p.Episode), y.at(p.Hi))
		wide = wide || p.N > 1
	}
	for i := len(c.middle) - 1; i >= 0; i-- {
		band.to(x.at(c.middle[i].Episode), y.at(c.middle[i].Lo))
	}
	band.close()
	v.Mean = mid.String()
	if wide {
		v.Band = band.String()
	}
	for _, s := range c.seeds {
		var p path
		for _, point := range s {
			p.to(x.at(float64(point.Episode)), y.at(point.Value))
		}
		v.Seeds = append(v.Seeds, p.String())
	}
	end := c.middle[len(c.middle)-1]
	v.EndX, v.EndY = round1(x.at(end.Episode)), round1(y.at(end.Mean))
	return v
}

// data lists the numbers behind one line.
func (c armCurves) data(slot int) lineData {
	d := lineData{Slot: slot, Label: c.arm.Label}
	for _, p := range c.middle {
		d.Episode = append(d.Episode, p.Episode)
		d.Mean = append(d.Mean, round6(p.Mean))
		d.Lo = append(d.Lo, round6(p.Lo))
		d.Hi = append(d.Hi, round6(p.Hi))
		d.N = append(d.N, p.N)
	}
	return d
}

func round6(v float64) float64 { return math.Round(1e6*v) / 1e6 }
