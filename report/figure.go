package report

import (
	"bytes"
	"fmt"
	"image/color"
	"math"
	"path/filepath"
	"regexp"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// palette are the colors of the arms, those of the page in light mode.
var palette = [paletteSize]color.NRGBA{
	{47, 91, 224, 255}, {217, 115, 13, 255}, {181, 48, 155, 255}, {13, 138, 114, 255}, {122, 90, 240, 255},
	{192, 57, 43, 255}, {43, 127, 184, 255}, {111, 125, 26, 255}, {138, 90, 52, 255}, {89, 98, 117, 255},
}

// dashes tell the arms apart without color, as on the page.
var dashes = [paletteSize][]vg.Length{1: {7, 3.5}, 2: {2, 3}, 4: {9, 3, 2, 3}, 6: {7, 3.5}, 7: {2, 3}, 9: {9, 3, 2, 3}}

var (
	ink  = color.NRGBA{23, 27, 36, 255}
	soft = color.NRGBA{90, 99, 117, 255}
	rule = color.NRGBA{228, 231, 237, 255}
)

// figureCharts are the metrics of the curves figure, two in a row.
var figureCharts = []string{exactHeldOut, semHeldOut, metricEntropy, metricReward}

const figureDPI = 150

// WriteFigures writes, for each task, curves-<task>.png and final-<task>.png
// into dir, and returns their names. A task without the metrics has none.
func (d *Data) WriteFigures(dir string) ([]string, error) {
	slots := d.slots()
	var written []string
	for _, g := range d.Groups {
		for _, f := range []struct {
			name  string
			plots []*plot.Plot
			h     vg.Length
		}{
			{"curves", g.curvePlots(slots), 3 * vg.Inch},
			{"final", g.finalPlots(slots), vg.Length(1.1+0.42*float64(len(g.Arms))) * vg.Inch},
		} {
			if len(f.plots) == 0 {
				continue
			}
			text, err := drawTiles(f.plots, 4.6*vg.Inch, f.h)
			if err != nil {
				return written, fmt.Errorf("report: figure %s of %s: %w", f.name, g.Task, err)
			}
			name := f.name + "-" + fileName(g.Task) + ".png"
			if err := writeFile(filepath.Join(dir, name), text); err != nil {
				return written, err
			}
			written = append(written, name)
		}
	}
	return written, nil
}

var notInNames = regexp.MustCompile(`[^a-zA-Z0-9._-]+`)

// fileName makes a task's name fit for a file.
func fileName(task string) string {
	return first(strings.Trim(notInNames.ReplaceAllString(task, "-"), ".-"), "task")
}

// newPlot is an empty plot in the report's style.
func newPlot(title string) *plot.Plot {
	p := plot.New()
	sans := font.Font{Typeface: "Liberation", Variant: "Sans"}
	p.Title.Text, p.Title.TextStyle = title, text.Style{Color: ink, Font: font.From(sans, 11), Handler: plot.DefaultTextHandler, XAlign: draw.XCenter, YAlign: draw.YTop}
	p.Title.TextStyle.Font.Weight = 3 // bold
	p.Title.Padding = vg.Points(7)
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Color, a.Padding = soft, vg.Points(3)
		a.Label.TextStyle.Font, a.Label.TextStyle.Color = font.From(sans, 9), soft
		a.Tick.Label.Font, a.Tick.Label.Color = font.From(sans, 9), soft
		a.Tick.Color, a.LineStyle.Width = soft, vg.Points(0.6)
	}
	p.Legend.TextStyle.Font, p.Legend.TextStyle.Color = font.From(sans, 9), ink
	p.Legend.ThumbnailWidth, p.Legend.Padding = vg.Points(22), vg.Points(2)
	p.X.Tick.Length, p.Y.Tick.Length, p.Y.LineStyle.Width = vg.Points(3), 0, 0
	return p
}

// gridOf is the grid of a plot, across the axis that is read.
func gridOf(vertical bool) *plotter.Grid {
	grid := plotter.NewGrid()
	grid.Vertical.Color, grid.Horizontal.Color = rule, rule
	grid.Vertical.Width, grid.Horizontal.Width = 0, vg.Points(0.6)
	if vertical {
		grid.Vertical.Width, grid.Horizontal.Width = grid.Horizontal.Width, 0
	}
	return grid
}

// curvePlots draws the learning curves with their bands.
func (g *Group) curvePlots(slots map[string]int) []*plot.Plot {
	var out []*plot.Plot
	for _, spec := range charts {
		for _, metric := range figureCharts {
			if metric != spec.Metric {
				continue
			}
			if p := g.curvePlot(spec, slots); p != nil {
				out = append(out, p)
			}
		}
	}
	if len(out) > 0 {
		out[0].Legend.Top, out[0].Legend.Left = true, true
		out[0].Legend.XOffs, out[0].Legend.YOffs = vg.Points(6), vg.Points(-5)
		for _, arm := range g.Arms {
			out[0].Legend.Add(arm.Label, &plotter.Line{LineStyle: armStyle(slots[arm.Label])})
		}
	}
	return out
}

func (g *Group) curvePlot(spec chartSpec, slots map[string]int) *plot.Plot {
	var all []armCurves
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, arm := range g.Arms {
		seeds, middle := arm.curves(spec.Metric, spec.lim)
		if len(middle) == 0 {
			continue
		}
		all = append(all, armCurves{arm, seeds, middle})
		for _, c := range middle {
			lo, hi = min(lo, c.Mean), max(hi, c.Mean)
		}
	}
	if len(all) == 0 {
		return nil
	}
	lo, hi = withBands(all, lo, hi)
	if spec.zero {
		lo = min(lo, 0)
	}
	y, step := niceAxis(lo, hi, 5, 0, 1)
	p := newPlot(spec.Title)
	p.Add(gridOf(false))
	p.X.Label.Text = "episodes"
	p.X.Tick.Marker = plot.TickerFunc(func(from, to float64) []plot.Tick { return plotTicks(0, to, niceStep(to-from, 5), episodeLabel) })
	p.Y.Tick.Marker = plot.TickerFunc(func(from, to float64) []plot.Tick { return plotTicks(from, to, step, tickLabel(spec.Format)) })
	for _, c := range all {
		addCurve(p, c.middle, slots[c.arm.Label], y)
	}
	p.X.Min, p.Y.Min, p.Y.Max = 0, y.lo, y.hi
	return p
}

func plotTicks(from, to, step float64, label func(v, step float64) string) []plot.Tick {
	var out []plot.Tick
	for i := 0; from+float64(i)*step <= to+step/1e6; i++ {
		v := from + float64(i)*step
		out = append(out, plot.Tick{Value: v, Label: label(v, step)})
	}
	return out
}

func armStyle(slot int) draw.LineStyle {
	return draw.LineStyle{Color: palette[slot], Width: vg.Points(1.7), Dashes: dashes[slot]}
}

// addCurve draws the band, cut at the frame, and the mean of one arm.
func addCurve(p *plot.Plot, middle []CurvePoint, slot int, y axis) {
	cut := func(v float64) float64 { return min(y.hi, max(y.lo, v)) }
	n := len(middle)
	band, line := make(plotter.XYs, 2*n), make(plotter.XYs, n)
	for i, c := range middle {
		line[i] = plotter.XY{X: c.Episode, Y: c.Mean}
		band[i] = plotter.XY{X: c.Episode, Y: cut(c.Hi)}
		band[2*n-1-i] = plotter.XY{X: c.Episode, Y: cut(c.Lo)}
	}
	fill := palette[slot]
	fill.A = 38
	p.Add(&plotter.Polygon{XYs: []plotter.XYs{band}, Color: fill})
	p.Add(&plotter.Line{XYs: line, LineStyle: armStyle(slot)})
}

// drawTiles draws plots of equal size, two in a row, and returns the PNG.
func drawTiles(plots []*plot.Plot, width, height vg.Length) ([]byte, error) {
	columns := min(2, len(plots))
	rows := (len(plots) + columns - 1) / columns
	canvas := vgimg.NewWith(vgimg.UseWH(width*vg.Length(columns), height*vg.Length(rows)), vgimg.UseDPI(figureDPI))
	grid := make([][]*plot.Plot, rows)
	for i := range grid {
		grid[i] = make([]*plot.Plot, columns)
		copy(grid[i], plots[i*columns:min(len(plots), (i+1)*columns)])
	}
	tiles := draw.Tiles{Rows: rows, Cols: columns, PadX: vg.Points(20), PadY: vg.Points(18),
		PadTop: vg.Points(12), PadBottom: vg.Points(10), PadLeft: vg.Points(12), PadRight: vg.Points(18)}
	for i, line := range plot.Align(grid, tiles, draw.New(canvas)) {
		for j, c := range line {
			if grid[i][j] != nil {
				grid[i][j].Draw(c)
			}
		}
	}
	var b bytes.Buffer
	if _, err := (vgimg.PngCanvas{Canvas: canvas}).WriteTo(&b); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
