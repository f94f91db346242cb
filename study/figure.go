package study

import (
	"cmp"
	"slices"
	"strings"

	"pgsrm/report"
)

// drawing is the figure of the study as an SVG file, nil where nothing is complete: a panel for
// each combination of levels, in it a bar for each arm, or a line where an axis goes from left to
// right. The arms are the levels of the axis under "against", else of the last one that is left.
func (m *Merged) drawing(groups []*group) []byte {
	axes := m.axesOfGroups()
	across := slices.Index(axes, m.figure.across)
	arms := -1
	if m.against != nil {
		arms = slices.Index(axes, m.against.axis)
	}
	for i := len(axes) - 1; i >= 0 && (arms < 0 || arms == across); i-- {
		if i != across {
			arms = i
		}
	}
	if arms == across { // an axis alone
		across = -1
	}
	metric := m.figure.metric
	if metric == "" && len(m.metrics) > 0 {
		metric = m.metrics[0]
	}
	var places []string
	if across >= 0 {
		for _, l := range m.axes[across].levels {
			places = append(places, l.name)
		}
	}
	var panels []report.Panel
	for _, g := range groups {
		values := g.values(metric)
		if len(values) == 0 {
			continue
		}
		var title []string
		for i, level := range g.levels {
			if i != across && i != arms {
				title = append(title, level)
			}
		}
		name := "all"
		if arms >= 0 {
			name = g.levels[arms]
		}
		panel := named(&panels, strings.Join(title, ", "), func(p report.Panel) string { return p.Title })
		panel.Title, panel.Places = strings.Join(title, ", "), places
		arm := named(&panel.Arms, name, func(a report.PanelArm) string { return a.Name })
		arm.Name = name
		if arm.Values == nil {
			arm.Values = make([][]float64, max(1, len(places)))
		}
		place := 0
		if across >= 0 {
			place = slices.Index(places, g.levels[across])
		}
		arm.Values[place] = values
	}
	if len(panels) == 0 {
		return nil
	}
	for i := range panels {
		panels[i].Title = cmp.Or(panels[i].Title, metric)
		withoutEmpty(&panels[i])
	}
	return report.DrawPanels(metric, m.figure.across, panels)
}

// withoutEmpty takes the places out of a panel that none of its arms has.
func withoutEmpty(p *report.Panel) {
	for i := len(p.Places) - 1; i >= 0; i-- {
		if slices.ContainsFunc(p.Arms, func(a report.PanelArm) bool { return a.Values[i] != nil }) {
			continue
		}
		p.Places = slices.Delete(slices.Clone(p.Places), i, i+1)
		for k, a := range p.Arms {
			p.Arms[k].Values = slices.Delete(a.Values, i, i+1)
		}
	}
}

// named is the element of this name, added where there is none.
func named[T any](all *[]T, name string, of func(T) string) *T {
	at := slices.IndexFunc(*all, func(v T) bool { return of(v) == name })
	if at < 0 {
		var v T
		*all, at = append(*all, v), len(*all)
	}
	return &(*all)[at]
}
