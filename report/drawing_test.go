package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"image/color"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgsrm/chart"
)

// Numbers near the end of float64 are drawn; axes end. Before, such a metric kept
// the report from ever being written.
func TestReportOfHugeNumbers(t *testing.T) {
	if testing.Short() {
		t.Skip("draws all figures, in one goroutine; TestWrite does so too")
	}
	dir := fixtureDir(t)
	writeFixture(t, dir, 2)
	path := filepath.Join(dir, "pgsrm", "seed-1", "metrics.jsonl")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i, huge := range []string{"1e308", "-1e308", "1.7e308", "5e-324"} {
		text = fmt.Appendf(text, `{"step":%d,"episode":%d,"reward":%s,"objective/kl":1e308,"eval/held_out/semantic":%s}`+"\n", 9000+i, 900000+i, huge, huge)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	data, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := data.Write(dir, "png"); err != nil {
		t.Fatal(err)
	}
	if warnings := fmt.Sprint(data.Groups[0].Summary().Warnings); !strings.Contains(warnings, "values of eval/held_out/semantic, objective/kl, reward beyond 1e+150 are left out") {
		t.Errorf("warnings: got %s", warnings)
	}
	page, err := os.ReadFile(filepath.Join(dir, "report.html"))
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"NaN", "Inf", "inf"} {
		if at := bytes.Index(page, []byte(`d="M`+bad)); at >= 0 {
			t.Errorf("a path must not begin with %s", bad)
		}
	}
}

func TestNiceAxis(t *testing.T) {
	for _, c := range []struct{ lo, hi float64 }{
		{0, 1}, {0.2, 0.7}, {0, 0}, {3, 3}, {-5, -5}, {0, 1e-12}, {-1e308, 1e308}, {1.7e308, 1.7e308}, {1e300, 1e300 * (1 + 1e-15)}, {1e17, 1e17 + 16}, {-0.03, 0.95},
	} {
		a, step := niceAxis(c.lo, c.hi, 5, 0, 100)
		lo, hi := max(-drawable, c.lo), min(drawable, c.hi)
		if !(step > 0) || math.IsInf(step, 0) || a.lo > lo || a.hi < min(hi, drawable) || !(a.hi > a.lo) {
			t.Errorf("axis of %g to %g: got %g to %g by %g", c.lo, c.hi, a.lo, a.hi, step)
		}
		ticks := a.ticks(step, func(v, _ float64) string { return fmt.Sprint(v) })
		if len(ticks) < 2 || len(ticks) >= maxTicks || ticks[0].At != 0 {
			t.Errorf("ticks of %g to %g: got %v", c.lo, c.hi, ticks)
		}
	}
	a, step := niceAxis(0.21, 0.68, 5, 228, 12)
	var labels []string
	for _, tk := range a.ticks(step, tickLabel("score")) {
		labels = append(labels, tk.Label)
	}
	if got := strings.Join(labels, " "); got != "0.2 0.3 0.4 0.5 0.6 0.7" {
		t.Errorf("labels: got %s", got)
	}
	if a.at(0.2) != 228 || math.Abs(a.at(0.7)-12) > 1e-9 {
		t.Errorf("ends: got %g and %g", a.at(0.2), a.at(0.7))
	}
}

// sample is a drawing with every kind of mark.
func sample() *drawing {
	d := &drawing{Width: 100, Height: 50}
	d.layer("", 0).line("rule", point{0, 25}, point{100, 25})
	l := d.layer(`<b> & "c"`, 3)
	l.area("band", []point{{10, 10}, {40, 10}, {40, 40}})
	l.line("seed", point{60, 5}, point{60, 20})
	l.circle("end", point{80, 25}, 10)
	l.text("value", point{50, 45.26}, middle, "<0.5 & more>")
	return d
}

// A drawing is well-formed SVG with the classes, places and texts of its marks.
func TestSVG(t *testing.T) {
	svg := string(sample().SVG())
	dec := xml.NewDecoder(strings.NewReader("<svg>" + svg + "</svg>"))
	var texts string
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v in %s", err, svg)
		}
		if c, ok := token.(xml.CharData); ok {
			texts += string(c)
		}
	}
	if texts != "<0.5 & more>" {
		t.Errorf("texts: got %q", texts)
	}
	for _, want := range []string{
		`<g><path class="rule" d="M0 25l100 0"/></g>`,
		`<g class="arm c3" data-arm="&lt;b&gt; &amp; &#34;c&#34;">`,
		`<path class="band" d="M10 10l30 0 0 30Z"/>`,
		`<circle class="end" cx="80" cy="25" r="10"/>`,
		`<text class="value" x="50" y="45.3" text-anchor="middle">`,
	} {
		if !strings.Contains(svg, want) {
			t.Errorf("%s must contain %s", svg, want)
		}
	}
}

// The picture has the colors of the arm where the marks are, and white elsewhere.
func TestPNG(t *testing.T) {
	text, err := sample().PNG()
	if err != nil {
		t.Fatal(err)
	}
	picture, err := png.Decode(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	const scale = pictureDPI / 72.0
	if size := picture.Bounds().Size(); size.X != 208 || size.Y != 104 {
		t.Errorf("size: got %v", size)
	}
	at := func(x, y float64) color.NRGBA {
		return color.NRGBAModel.Convert(picture.At(int(x*scale), int(y*scale))).(color.NRGBA)
	}
	white := color.NRGBA{255, 255, 255, 255}
	green := color.NRGBA{0x0d, 0x8a, 0x72, 255}
	if got := at(80, 25); got != green {
		t.Errorf("circle: got %v, want %v", got, green)
	}
	if got := at(38, 15); got == white || got.R > got.G { // 15% of green on white
		t.Errorf("band: got %v", got)
	}
	for _, p := range []point{{60, 12}, {5, 5}, {12, 20}} { // a hidden line, and nothing
		if got := at(p.x, p.y); got != white {
			t.Errorf("%v: got %v, want white", p, got)
		}
	}
	dark := 0
	for x := range 208 {
		for y := 76; y < 98; y++ {
			if c := color.NRGBAModel.Convert(picture.At(x, y)).(color.NRGBA); c.R < 100 && c.G < 100 {
				dark++
			}
		}
	}
	if dark < 100 {
		t.Errorf("text: got %d dark dots", dark)
	}
}

// Every style of a mark has its rule in the style sheet, every arm its color in
// light and in dark.
func TestChartStyle(t *testing.T) {
	css := "\n" + chart.Theme() + chartStyle()
	for name := range markStyles {
		if !strings.Contains(css, "\n."+name+" { stroke: ") {
			t.Errorf("style sheet must have %q", name)
		}
	}
	for i, c := range chart.Palette() {
		if !strings.Contains(css, fmt.Sprintf("--c%d: %s;", i, c.Light)) || strings.Count(css, fmt.Sprintf("--c%d: %s;", i, c.Dark)) != 2 {
			t.Errorf("style sheet must have color %d", i)
		}
	}
	for _, want := range []string{
		".mean { stroke: var(--c); fill: none; stroke-width: 2.3; stroke-linejoin: round; stroke-dasharray: var(--dash); }",
		".band { stroke: none; fill: var(--c); opacity: 0.15; }",
		".c1 { --c: var(--c1); --dash: 7 3.5; }", ".c0 { --c: var(--c0); --dash: none; }",
	} {
		if !strings.Contains(css, want) {
			t.Errorf("style sheet must have %s", want)
		}
	}
}

// Bands of few seeds can be far wider than the curves: they are cut at the frame.
func TestBandsAreCutAtTheFrame(t *testing.T) {
	c := armCurves{arm: &Arm{Label: "a"}, middle: []curvePoint{{Episode: 0, Mean: 0.5, Lo: -9, Hi: 9, N: 2}, {Episode: 10, Mean: 0.6, Lo: 0.55, Hi: 0.65, N: 2}}}
	var d drawing
	c.drawSpread(&d, 0, axis{0, 10, 0, 100}, axis{0, 1, 100, 0}, true)
	want := []point{{0, 0}, {100, 35}, {100, 45}, {0, 100}}
	got := d.layers[0].marks[0].points
	for i, p := range want {
		if math.Abs(got[i].x-p.x) > 1e-9 || math.Abs(got[i].y-p.y) > 1e-9 {
			t.Errorf("band: got %v, want %v", got, want)
			break
		}
	}
}

// Tiles stand two in a row below the legend, each under its title.
func TestCompose(t *testing.T) {
	tiles := []tile{{"one", *sample()}, {"two", *sample()}, {"three", *sample()}}
	arms := []string{"pgsrm", "binary"}
	d := compose(tiles, arms, map[string]int{"pgsrm": 0, "binary": 1})
	if want := 2*(100+figureMargin) + figureMargin; d.Width != want {
		t.Errorf("width: got %g, want %g", d.Width, want)
	}
	if want := figureMargin + legendHeight + 2*(50+titleHeight+figureMargin); d.Height != want {
		t.Errorf("height: got %g, want %g", d.Height, want)
	}
	places := map[string]point{}
	for _, l := range d.layers {
		for _, m := range l.marks {
			for _, p := range m.points {
				if p.x < 0 || p.y < 0 || p.x > d.Width || p.y > d.Height {
					t.Errorf("%s of %q: %v is outside", m.style, l.arm, p)
				}
			}
			if m.style == "title" || m.style == "name" {
				places[m.text] = m.points[0]
			}
		}
	}
	if !(places["one"].x < places["two"].x) || places["one"].y != places["two"].y || places["three"].x != places["one"].x || places["three"].y <= places["one"].y {
		t.Errorf("titles: got %v", places)
	}
	if !(places["pgsrm"].x < places["binary"].x) || places["pgsrm"].y >= places["one"].y {
		t.Errorf("legend: got %v", places)
	}
	if bare := compose(tiles[:1], nil, nil); bare.Width != 100+2*figureMargin || bare.Height != 2*figureMargin+50+titleHeight {
		t.Errorf("one tile without legend: got %g x %g", bare.Width, bare.Height)
	}
}
