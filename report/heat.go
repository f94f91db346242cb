package report

import "slices"

// heatView is the heat map of several tasks: an end value for each task and arm.
type heatView struct {
	Title string
	Arms  []armName
	Rows  []heatRow
}

type heatRow struct {
	Task  string
	Cells []heatCell // [Arms]
}

// heatCell is one end value; Share is its place between 0 and 1.
type heatCell struct {
	Value, Interval string // Value is empty where the arm has none
	Share           float64
}

// heats are the heat maps of tasks by arms, one for each metric that two tasks have.
func heats(tasks []Summary, slots map[string]int) []heatView {
	var out []heatView
	for _, spec := range charts[:len(compared)] {
		h := heatView{Title: spec.Title}
		for _, s := range tasks {
			for _, arm := range s.Arms {
				a := armName{arm.Reward, slots[arm.Reward]}
				if arm.compared(spec.Metric) != nil && !slices.Contains(h.Arms, a) {
					h.Arms = append(h.Arms, a)
				}
			}
		}
		for _, s := range tasks {
			if row, ok := s.heatRow(spec, h.Arms); ok {
				h.Rows = append(h.Rows, row)
			}
		}
		if len(h.Rows) > 1 {
			out = append(out, h)
		}
	}
	return out
}

// heatRow is the row of one task; ok = false where no arm has the metric.
func (s Summary) heatRow(spec chartSpec, arms []armName) (row heatRow, ok bool) {
	row = heatRow{Task: s.Task, Cells: make([]heatCell, len(arms))}
	for _, arm := range s.Arms {
		e := arm.compared(spec.Metric)
		if e == nil {
			continue
		}
		at := slices.IndexFunc(arms, func(a armName) bool { return a.Label == arm.Reward })
		c := heatCell{Value: formatValue(spec.Format, e.Mean), Share: round4(min(1, max(0, e.Mean)))}
		if e.CI95 != nil {
			c.Interval = formatValue(spec.Format, e.CI95[0]) + " to " + formatValue(spec.Format, e.CI95[1])
		}
		row.Cells[at], ok = c, true
	}
	return row, ok
}
