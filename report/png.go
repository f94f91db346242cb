package report

import (
	"bytes"
	"fmt"
	"image/color"
	"math"

	"codeberg.org/go-fonts/liberation/liberationsansbold"
	"codeberg.org/go-fonts/liberation/liberationsansregular"
	stdfont "golang.org/x/image/font"
	"golang.org/x/image/font/opentype"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/vgimg"

	"pgsrm/chart"
)

// A unit of the viewBox is a point (1/72 inch) of a picture, at this many dots
// per inch.
const pictureDPI = 150

// fonts are the two faces of the pictures; all twelve would make the program larger by 4 MB.
var fonts = font.NewCache(font.Collection{
	sans(liberationsansregular.TTF, stdfont.WeightNormal), sans(liberationsansbold.TTF, stdfont.WeightBold),
})

// sans is a face that is compiled in.
func sans(ttf []byte, weight stdfont.Weight) font.Face {
	f, err := opentype.Parse(ttf)
	if err != nil {
		panic(fmt.Sprintf("report: font: %v", err))
	}
	return font.Face{Font: font.Font{Typeface: "Liberation", Variant: "Sans", Weight: weight}, Face: f}
}

// PNG paints the drawing on white.
func (d *drawing) PNG() ([]byte, error) {
	c := vgimg.NewWith(vgimg.UseWH(vg.Length(d.Width), vg.Length(d.Height)), vgimg.UseDPI(pictureDPI))
	for _, l := range d.layers {
		for _, m := range l.marks {
			if s := markStyles[m.style]; !s.hidden {
				(&painter{c, d.Height, l.slot}).mark(m, s)
			}
		}
	}
	var b bytes.Buffer
	if _, err := (vgimg.PngCanvas{Canvas: c}).WriteTo(&b); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// painter paints the marks of one layer.
type painter struct {
	*vgimg.Canvas
	height float64
	slot   int
}

// at turns a point of the viewBox into one of the canvas, whose y goes up.
func (p *painter) at(q point) vg.Point {
	return vg.Point{X: vg.Length(q.x), Y: vg.Length(p.height - q.y)}
}

func (p *painter) mark(m mark, s markStyle) {
	if m.text != "" {
		p.text(m, s)
		return
	}
	path := p.path(m)
	if s.fill != none {
		p.SetColor(p.color(s.fill, s.opacity))
		p.Fill(path)
	}
	if s.stroke != none {
		p.SetColor(p.color(s.stroke, s.opacity))
		p.SetLineWidth(vg.Length(s.width))
		var dash []vg.Length
		if s.dashed {
			for _, l := range chart.Palette()[p.slot].Dash {
				dash = append(dash, vg.Length(l))
			}
		}
		p.SetLineDash(dash, 0)
		p.Stroke(path)
	}
}

func (p *painter) path(m mark) vg.Path {
	var path vg.Path
	for _, r := range m.bars {
		path.Move(p.at(point{r.x, r.y}))
		path.Line(p.at(point{r.x + r.width, r.y}))
	}
	if m.bars != nil {
		return path
	}
	if m.radius > 0 {
		center, r := p.at(m.points[0]), vg.Length(m.radius)
		path.Move(vg.Point{X: center.X + r, Y: center.Y})
		path.Arc(center, r, 0, 2*math.Pi)
		path.Close()
		return path
	}
	path.Move(p.at(m.points[0]))
	for _, q := range m.points[1:] {
		path.Line(p.at(q))
	}
	if m.closed {
		path.Close()
	}
	return path
}

func (p *painter) text(m mark, s markStyle) {
	face := faceOf(s)
	at := p.at(m.points[0])
	switch m.anchor {
	case middle:
		at.X -= face.Width(m.text) / 2
	case end:
		at.X -= face.Width(m.text)
	}
	p.SetColor(p.color(s.fill, s.opacity))
	p.FillString(face, at, m.text)
}

// faceOf is the font of a style.
func faceOf(s markStyle) font.Face {
	f := font.Font{Typeface: "Liberation", Variant: "Sans"}
	if s.bold {
		f.Weight = stdfont.WeightBold
	}
	return fonts.Lookup(f, vg.Length(s.size))
}

// color is that of a paint with an opacity (0 = opaque).
func (p *painter) color(of paint, opacity float64) color.NRGBA {
	text := light[of]
	if of == ofArm {
		text = chart.Palette()[p.slot].Light
	}
	c := color.NRGBA{A: 255}
	if _, err := fmt.Sscanf(text, "#%02x%02x%02x", &c.R, &c.G, &c.B); err != nil {
		panic(err) // the tables of drawing.go are ours
	}
	if opacity > 0 {
		c.A = uint8(math.Round(255 * opacity))
	}
	return c
}
