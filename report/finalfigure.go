package report

import (
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// finalPlots draws the end values of exact match and semantic score.
func (g *Group) finalPlots(slots map[string]int) []*plot.Plot {
	s := g.Summary()
	var out []*plot.Plot
	for _, spec := range charts {
		if spec.Metric == exactHeldOut || spec.Metric == semHeldOut {
			if p := s.finalPlot(spec, slots); p != nil {
				out = append(out, p)
			}
		}
	}
	return out
}

// finalPlot draws a bar, an interval and a dot for each seed; the first arm at
// the top. Nil where no arm has the metric.
func (s Summary) finalPlot(spec chartSpec, slots map[string]int) *plot.Plot {
	p := newPlot(spec.Title + ", at the end")
	p.Add(gridOf(true))
	high, known := 0.0, false
	ticks := make([]plot.Tick, len(s.Arms))
	for i, arm := range s.Arms {
		y := float64(len(s.Arms) - 1 - i)
		ticks[i] = plot.Tick{Value: y, Label: arm.Reward}
		e := arm.compared(spec.Metric)
		if e == nil {
			continue
		}
		known = true
		high = max(high, e.Mean)
		right := e.Mean
		for _, v := range e.Values {
			high, right = max(high, v), max(right, v)
		}
		if e.CI95 != nil {
			right = max(right, min(e.CI95[1], 1.6*high))
			high = max(high, right)
		}
		addBar(p, e, y, right, slots[arm.Reward], spec.Format)
	}
	if !known {
		return nil
	}
	x, step := niceAxis(0, max(high, 0.02), 5, 0, 1)
	p.X.Min, p.X.Max = 0, x.hi+step*0.7 // room for the last number
	p.Y.Min, p.Y.Max = -0.55, float64(len(s.Arms))-0.45
	p.X.Tick.Marker = plot.TickerFunc(func(_, _ float64) []plot.Tick { return plotTicks(0, x.hi, step, tickLabel(spec.Format)) })
	p.Y.Tick.Marker = plot.ConstantTicks(ticks)
	p.Y.Tick.Label.Color = ink
	return p
}

// addBar draws one arm of a final plot at height y; right is where its number
// may begin.
func addBar(p *plot.Plot, e *Estimate, y, right float64, slot int, format string) {
	fill := palette[slot]
	fill.A = 77
	const half = 0.2
	p.Add(&plotter.Polygon{XYs: []plotter.XYs{{{X: 0, Y: y - half}, {X: e.Mean, Y: y - half}, {X: e.Mean, Y: y + half}, {X: 0, Y: y + half}}}, Color: fill})
	style := draw.LineStyle{Color: palette[slot], Width: vg.Points(1.5)}
	if e.CI95 != nil {
		lo, hi := max(0, e.CI95[0]), min(e.CI95[1], right)
		for _, l := range []plotter.XYs{
			{{X: lo, Y: y}, {X: hi, Y: y}},
			{{X: lo, Y: y - 0.11}, {X: lo, Y: y + 0.11}},
			{{X: hi, Y: y - 0.11}, {X: hi, Y: y + 0.11}},
		} {
			p.Add(&plotter.Line{XYs: l, LineStyle: style})
		}
	}
	dots := make(plotter.XYs, len(e.Values))
	for i, v := range e.Values {
		dots[i] = plotter.XY{X: v, Y: y}
	}
	p.Add(&plotter.Scatter{XYs: dots, GlyphStyle: draw.GlyphStyle{Color: palette[slot], Radius: vg.Points(2.6), Shape: draw.CircleGlyph{}}})
	value := plotter.Labels{XYs: plotter.XYs{{X: right, Y: y}}, Labels: []string{formatValue(format, e.Mean)}, TextStyle: []draw.TextStyle{p.Legend.TextStyle}, Offset: vg.Point{X: vg.Points(7)}}
	value.TextStyle[0].YAlign = draw.YCenter
	p.Add(&value)
}
