package report

import (
	"slices"

	"pgsrm/internal/printable"
)

// Panel is one chart of a figure about groups of runs.
type Panel struct {
	Title string
	// Places are names of what differs from left to right, where there is a line for each
	// arm; nil: a bar for each arm.
	Places []string
	Arms   []PanelArm
}

// PanelArm is an arm of a panel.
type PanelArm struct {
	Name   string
	Values [][]float64 // [places][seeds]; one place where the panel has none; none of a place that was not run
}

// DrawPanels is a figure of a metric as an SVG file: means with 95% intervals of Student's t,
// two panels in a row. name is what the places are of.
func DrawPanels(metric, name string, panels []Panel) []byte {
	spec := specOf(metric)
	lim, format := spec.lim, spec.Format
	var names, legend []string
	var tiles []tile
	for _, p := range panels {
		for _, arm := range p.Arms {
			if !slices.Contains(names, arm.Name) {
				names = append(names, arm.Name)
			}
		}
	}
	slots := slotsOf(names)
	for _, p := range panels {
		if p.Places == nil {
			tiles = append(tiles, tile{p.Title, p.bars(lim, format, slots)})
			continue
		}
		tiles, legend = append(tiles, tile{p.Title, p.lines(lim, format, name, slots)}), names
	}
	return compose(tiles, legend, slots).file()
}

// bars are the arms one below the other.
func (p Panel) bars(lim limits, format string, slots map[string]int) drawing {
	var rows []endRow
	low, high := 0.0, 0.0
	for _, arm := range p.Arms {
		e := estimate(arm.Values[0], lim)
		rows = append(rows, endRow{arm.Name, e})
		if e != nil {
			low, high = min(low, slices.Min(e.Values)), max(high, e.reach(high))
		}
	}
	return endBars(rows, low, high, format, slots)
}

// lines are the arms from place to place.
func (p Panel) lines(lim limits, format, name string, slots map[string]int) drawing {
	low, high := 0.0, 0.0
	all := make([][]*Estimate, len(p.Arms))
	for i, arm := range p.Arms {
		for _, values := range arm.Values {
			e := estimate(values, lim)
			all[i] = append(all[i], e)
			if e != nil {
				low, high = min(low, e.Mean), max(high, e.reach(high))
			}
		}
	}
	y, step := niceAxis(low, max(high, 0.02), 5, chartBottom, chartTop)
	d := drawing{Width: chartWidth, Height: chartHeight}
	wide := (chartRight - chartLeft) / float64(len(p.Places))
	at := func(place int) float64 { return chartLeft + (float64(place)+0.5)*wide }
	var ticks []tick
	for i, place := range p.Places {
		ticks = append(ticks, tick{at(i), printable.Shorten(place, max(3, int(wide/7)))})
	}
	d.axes(ticks, y.ticks(step, tickLabel(format)), name)
	cut := func(v float64) float64 { return y.at(min(y.hi, max(y.lo, v))) }
	for i, arm := range p.Arms {
		l := d.layer(arm.Name, slots[arm.Name])
		aside := (float64(i) - float64(len(p.Arms)-1)/2) * min(7, wide/float64(len(p.Arms)+1)) // intervals beside each other
		var path []point
		for place, e := range all[i] {
			if e == nil {
				continue
			}
			to := point{at(place) + aside, y.at(e.Mean)}
			path = append(path, to)
			if e.CI95 != nil {
				l.line("whisker", point{to.x, cut(e.CI95[0])}, point{to.x, cut(e.CI95[1])})
			}
			l.circle("held-dot", to, 3)
		}
		if len(path) > 1 {
			l.line("mean", path...)
		}
	}
	return d
}
