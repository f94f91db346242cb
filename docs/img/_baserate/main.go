// Baserate draws docs/img/baserate.png: exact match at the end over the base rate
// of the start child, from the summaries of several comparisons.
//
//	cd docs/img/_baserate && go run . 0.05=/runs/rate-0.05 0.26=/runs/rate-0.26 ...
//
// The number before each folder is how often a sampled answer of the untrained
// child is right, in percent.
package main

import (
	"encoding/json"
	"fmt"
	"image/color"
	"log"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

type estimate struct {
	Mean float64    `json:"mean"`
	CI95 [2]float64 `json:"ci95"`
}

type summary struct {
	Episodes int `json:"episodes"`
	Arms     []struct {
		Reward     string `json:"reward"`
		ExactMatch struct {
			Train estimate `json:"train"`
		} `json:"exact_match"`
	} `json:"arms"`
}

// series is one arm over the base rates.
type series struct {
	plotter.XYs
	plotter.YErrors
}

// drawn are the arms of the picture.
var drawn = []struct {
	arm, name string
	color     color.Color
	dashes    []vg.Length
}{
	{"pgsrm", "pgsrm", color.RGBA{0x2f, 0x5b, 0xd8, 0xff}, nil},
	{"binary", "binary, hits replayed like those of pgsrm", color.RGBA{0xd9, 0x77, 0x06, 0xff}, []vg.Length{vg.Points(6), vg.Points(3)}},
	{"binary[replay.per_prompt=0]", "binary", color.RGBA{0x7a, 0x5c, 0xe0, 0xff}, []vg.Length{vg.Points(2), vg.Points(2)}},
}

func main() {
	arms := map[string]*series{}
	for _, arg := range os.Args[1:] {
		if err := read(arg, arms); err != nil {
			log.Fatal(err)
		}
	}
	p := plot.New()
	p.Title.Text = "sentiment: exact match after 19,200 episodes, over the base rate"
	p.X.Label.Text = "right answers among samples of the untrained child, %"
	p.Y.Label.Text = "exact match on training prompts, %"
	p.Y.Min, p.Y.Max = 0, 100
	p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, ticks{}
	p.Legend.Top, p.Legend.Left = true, true
	p.Legend.XOffs, p.Legend.YOffs = vg.Centimeter/2, -vg.Centimeter/2
	p.Add(plotter.NewGrid())
	for i, d := range drawn {
		if s := arms[d.arm]; s != nil {
			add(p, i, s)
		}
	}
	if err := p.Save(16*vg.Centimeter, 10*vg.Centimeter, "../baserate.png"); err != nil {
		log.Fatal(err)
	}
}

// read adds the arms of one comparison, given as RATE=DIR.
func read(arg string, arms map[string]*series) error {
	rate, dir, _ := strings.Cut(arg, "=")
	x, err := strconv.ParseFloat(rate, 64)
	if err != nil {
		return fmt.Errorf("%s: must be RATE=DIR", arg)
	}
	text, err := os.ReadFile(filepath.Join(dir, "summary.json"))
	if err != nil {
		return err
	}
	var s summary
	if err := json.Unmarshal(text, &s); err != nil {
		return fmt.Errorf("%s: %w", dir, err)
	}
	for _, a := range s.Arms {
		if arms[a.Reward] == nil {
			arms[a.Reward] = &series{}
		}
		e, t := a.ExactMatch.Train, arms[a.Reward]
		t.XYs = append(t.XYs, plotter.XY{X: x, Y: 100 * e.Mean})
		t.YErrors = append(t.YErrors, struct{ Low, High float64 }{100 * (e.Mean - max(0, e.CI95[0])), 100 * (min(1, e.CI95[1]) - e.Mean)})
	}
	return nil
}

func add(p *plot.Plot, i int, s *series) {
	sort.Sort(byX{s})
	line, points, err := plotter.NewLinePoints(s.XYs)
	if err != nil {
		log.Fatal(err)
	}
	bars, err := plotter.NewYErrorBars(s)
	if err != nil {
		log.Fatal(err)
	}
	d := drawn[i]
	line.Color, points.Color, bars.Color = d.color, d.color, d.color
	line.Width, bars.Width = vg.Points(2), vg.Points(1.2)
	points.Shape, points.Radius = draw.CircleGlyph{}, vg.Points(3.5)
	line.Dashes = d.dashes
	p.Add(line, bars, points)
	p.Legend.Add(d.name, line, points)
}

type byX struct{ *series }

func (s byX) Less(i, j int) bool { return s.XYs[i].X < s.XYs[j].X }
func (s byX) Swap(i, j int) {
	s.XYs[i], s.XYs[j] = s.XYs[j], s.XYs[i]
	s.YErrors[i], s.YErrors[j] = s.YErrors[j], s.YErrors[i]
}

type ticks struct{}

func (ticks) Ticks(min, max float64) []plot.Tick {
	var out []plot.Tick
	for _, v := range []float64{0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10} {
		if min <= v && v <= max {
			out = append(out, plot.Tick{Value: v, Label: fmt.Sprint(v)})
		}
	}
	return out
}
