package report

import "pgsrm/internal/printable"

// provenance says what made the runs of a task.
type provenance struct {
	Commands []commandRow
	More     int // further commands that are not shown
	Programs []commandRow
	Example  string // a run directory
}

// commandRow is a text of environment.json and how many runs have it.
type commandRow struct {
	Text string
	Runs int
}

// shownCommands is how many different commands the page shows.
const shownCommands = 8

// provenance gathers the commands that began the runs, and the programs.
func (g *Group) provenance() provenance {
	p := provenance{Example: pageText(g.Arms[0].Runs[0].Dir, longestText)}
	for _, arm := range g.Arms {
		for _, r := range arm.Runs {
			p.Commands = addRow(p.Commands, r.Environment["command"])
			p.Programs = addRow(p.Programs, first(r.Environment["program"], r.Environment["revision"]))
		}
	}
	p.More = max(0, len(p.Commands)-shownCommands)
	p.Commands = p.Commands[:len(p.Commands)-p.More]
	p.Programs = p.Programs[:min(shownCommands, len(p.Programs))]
	return p
}

// addRow counts a text.
func addRow(rows []commandRow, text string) []commandRow {
	text = printable.Text(clip(text, longestText))
	if text == "" {
		return rows
	}
	for i := range rows {
		if rows[i].Text == text {
			rows[i].Runs++
			return rows
		}
	}
	return append(rows, commandRow{text, 1})
}
