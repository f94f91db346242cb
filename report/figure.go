package report

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// figureCharts are the metrics of the curves figure, two in a row.
func (g *Group) figureCharts() []string {
	return []string{g.exactHeldOut(), semHeldOut, metricEntropy, metricReward}
}

// exactHeldOut is the exact match that figures show: normalised where a run has it.
func (g *Group) exactHeldOut() string {
	if slices.Contains(g.metrics(), normHeldOut) {
		return normHeldOut
	}
	return exactHeldOut
}

// WriteFigures writes, for each task, curves-<task>.png, final-<task>.png and
// profiles-<task>.png, and profiles.png of several tasks together, into dir, and returns
// their names; likewise as .svg where that is the format. What has no metrics, and profiles of single runs, are left out.
func (d *Data) WriteFigures(dir, format string) ([]string, error) {
	slots := d.slots()
	var figures []figure
	for _, g := range d.Groups {
		labels, name := g.labels(), "-"+fileName(g.Task)
		figures = append(figures,
			figure{"curves" + name, g.curveTiles(slots), labels},
			figure{"final" + name, g.finalTiles(slots), nil},
			figure{"profiles" + name, g.profiles().tiles(slots), labels})
	}
	if len(d.Groups) > 1 {
		profiles := d.Overall().Profiles
		figures = append(figures, figure{"profiles", profiles.tiles(slots), profiles.labels()})
	}
	var written []string
	for _, f := range figures {
		if len(f.tiles) == 0 {
			continue
		}
		picture := compose(f.tiles, f.legend, slots)
		text, err := picture.PNG()
		if format == "svg" {
			text, err = picture.file(), nil
		}
		if err != nil {
			return written, fmt.Errorf("report: figure %s: %w", f.name, err)
		}
		if err := writeFile(filepath.Join(dir, f.name+"."+format), text); err != nil {
			return written, err
		}
		written = append(written, f.name+"."+format)
	}
	return written, nil
}

// figure is a picture of some charts.
type figure struct {
	name   string
	tiles  []tile
	legend []string // labels of arms; nil where their names stand beside the marks
}

// labels are those of the arms.
func (g *Group) labels() []string {
	var out []string
	for _, arm := range g.Arms {
		out = append(out, arm.Label)
	}
	return out
}

// labels are those of the arms, each once.
func (p Profiles) labels() []string {
	var out []string
	for _, arm := range p.Arms {
		if !slices.Contains(out, arm.Reward) {
			out = append(out, arm.Reward)
		}
	}
	return out
}

// tiles are the profiles of a figure: of exact match, normalised where there is that, and
// of the semantic score.
func (p Profiles) tiles(slots map[string]int) []tile {
	normalized := slices.ContainsFunc(p.Arms, func(a Profile) bool { return a.Metric == normTrain || a.Metric == normHeldOut })
	var out []tile
	for _, spec := range charts[:len(compared)] {
		if normalized && (spec.Metric == exactTrain || spec.Metric == exactHeldOut) {
			continue
		}
		if chart := p.plane(spec); len(chart.lines) > 0 {
			out = append(out, tile{chart.Title, chart.view(slots).Drawing})
		}
	}
	return out
}

var notInNames = regexp.MustCompile(`[^a-zA-Z0-9._-]+`)

// fileName makes a task's name fit for a file.
func fileName(task string) string {
	return first(strings.Trim(notInNames.ReplaceAllString(task, "-"), ".-"), "task")
}

// tile is one chart of a figure.
type tile struct {
	title string
	chart drawing
}

// curveTiles are the learning curves of a figure.
func (g *Group) curveTiles(slots map[string]int) []tile {
	var out []tile
	for _, spec := range charts {
		if !slices.Contains(g.figureCharts(), spec.Metric) {
			continue
		}
		if v, ok := g.chart("", spec, slots); ok {
			out = append(out, tile{spec.Title, v.Drawing})
		}
	}
	return out
}

// finalTiles are the end values of exact match and semantic score on held-out prompts.
func (g *Group) finalTiles(slots map[string]int) []tile {
	s := g.Summary()
	var out []tile
	for _, spec := range charts {
		if spec.Metric != g.exactHeldOut() && spec.Metric != semHeldOut {
			continue
		}
		if v, ok := s.final(spec.Metric, spec.Title, slots); ok {
			out = append(out, tile{spec.Title + ", at the end", v.Drawing})
		}
	}
	return out
}

// Room in a figure, in units of the viewBox of a chart.
const (
	figureMargin = 14.0
	legendHeight = 26.0
	titleHeight  = 26.0
	swatchWidth  = 26.0
)

// compose puts tiles into one picture, two in a row, under a legend of the arms.
func compose(tiles []tile, arms []string, slots map[string]int) *drawing {
	columns := min(2, len(tiles))
	w, h := 0.0, 0.0
	for _, t := range tiles {
		w, h = max(w, t.chart.Width), max(h, t.chart.Height+titleHeight)
	}
	rows := (len(tiles) + columns - 1) / columns
	out := &drawing{Width: figureMargin + float64(columns)*(w+figureMargin)}
	head, x, names := figureMargin, figureMargin+6, faceOf(markStyles["name"])
	for i, label := range arms {
		wide := swatchWidth + 7 + float64(names.Width(label)) + 22
		if x > figureMargin+6 && x+wide > out.Width {
			x, head = figureMargin+6, head+legendHeight
		}
		l := out.layer(label, slots[label])
		l.line("mean", point{x, head + 8}, point{x + swatchWidth, head + 8})
		l.text("name", point{x + swatchWidth + 7, head + 12}, start, label)
		if x += wide; i == len(arms)-1 {
			head += legendHeight
		}
	}
	out.Height = head + float64(rows)*(h+figureMargin)
	for i, t := range tiles {
		left := figureMargin + float64(i%columns)*(w+figureMargin)
		top := head + float64(i/columns)*(h+figureMargin)
		out.layer("", 0).text("title", point{left + 6, top + 14}, start, t.title)
		out.layers = append(out.layers, t.chart.moved(left, top+titleHeight)...)
	}
	return out
}

// moved returns the layers of a drawing at another place.
func (d *drawing) moved(x, y float64) []layer {
	out := slices.Clone(d.layers)
	for i, l := range out {
		out[i].marks = slices.Clone(l.marks)
		for j, m := range l.marks {
			points := slices.Clone(m.points)
			for k := range points {
				points[k] = point{points[k].x + x, points[k].y + y}
			}
			out[i].marks[j].points = points
			bars := slices.Clone(m.bars)
			for k := range bars {
				bars[k].x, bars[k].y = bars[k].x+x, bars[k].y+y
			}
			out[i].marks[j].bars = bars
		}
	}
	return out
}
