package report

import (
	"maps"
	"slices"

	"pgsrm/run"
)

// settings splits the configuration into what all arms share and the settings
// in which they differ.
func (g *Group) settings() (common [][2]string, diff differences) {
	var configs []map[string]string
	for _, arm := range g.Arms {
		configs = append(configs, arm.Runs[0].Config)
		diff.Arms = append(diff.Arms, arm.Label)
	}
	varies := map[string]bool{}
	for _, name := range differing(configs) {
		varies[name] = true
		row := tableRow{Title: name}
		for _, c := range configs {
			row.Cells = append(row.Cells, tableCell{Value: pageText(c[name], longestText)})
		}
		diff.Rows = append(diff.Rows, row)
	}
	for _, name := range slices.Sorted(maps.Keys(configs[0])) {
		if !varies[name] && !run.Personal(name) {
			common = append(common, [2]string{name, pageText(configs[0][name], longestText)})
		}
	}
	return common, diff
}

// environment lists where the runs ran; what differs says so.
func (g *Group) environment() [][2]string {
	values := map[string]map[string]bool{}
	for _, arm := range g.Arms {
		for _, r := range arm.Runs {
			for name, v := range r.Environment {
				if values[name] == nil {
					values[name] = map[string]bool{}
				}
				values[name][v] = true
			}
		}
	}
	var out [][2]string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		text := ""
		for i, v := range slices.Sorted(maps.Keys(values[name])) {
			if i == 4 {
				text += " · …"
				break
			}
			if i > 0 {
				text += " · "
			}
			text += pageText(v, longestText)
		}
		out = append(out, [2]string{name, text})
	}
	return out
}
