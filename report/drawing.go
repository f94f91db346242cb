package report

// drawing is a chart as marks in the units of its viewBox, y downwards. svg.go
// writes it into the page, png.go paints it: what a chart shows is said once.
type drawing struct {
	Width, Height float64
	layers        []layer // in the order of painting
}

// layer holds the marks of one arm, which the page can hide, or of none.
type layer struct {
	arm   string // "" = of no arm
	slot  int    // color of the arm
	marks []mark
}

// mark is a line through points, a circle round one, a text at one, or bars.
type mark struct {
	style  string // of markStyles
	points []point
	closed bool    // the line ends where it begins
	radius float64 // > 0: a circle
	text   string  // not empty: a text
	anchor anchor  // of a text
	bars   []bar   // not nil: these
}

// bar is a level line to the right of a point, as thick as its style.
type bar struct{ x, y, width float64 }

type point struct{ x, y float64 }

// anchor is the place of a text that stands at its point, on the base line.
type anchor string

const (
	start  anchor = "start"
	middle anchor = "middle"
	end    anchor = "end"
)

// layer adds an empty layer and returns it.
func (d *drawing) layer(arm string, slot int) *layer {
	d.layers = append(d.layers, layer{arm: arm, slot: slot})
	return &d.layers[len(d.layers)-1]
}

func (l *layer) line(style string, points ...point) {
	l.marks = append(l.marks, mark{style: style, points: points})
}

func (l *layer) area(style string, points []point) {
	l.marks = append(l.marks, mark{style: style, points: points, closed: true})
}

func (l *layer) bars(style string, all []bar) {
	l.marks = append(l.marks, mark{style: style, bars: all})
}

func (l *layer) circle(style string, at point, radius float64) {
	l.marks = append(l.marks, mark{style: style, points: []point{at}, radius: radius})
}

func (l *layer) text(style string, at point, a anchor, text string) {
	l.marks = append(l.marks, mark{style: style, points: []point{at}, anchor: a, text: text})
}

// paint is a color by its part: a variable of the style sheet, which knows light
// and dark, and its value on white.
type paint string

const (
	none    paint = ""
	ofArm   paint = "c"
	ink     paint = "ink"
	soft    paint = "soft"
	rule    paint = "rule"
	surface paint = "card"
	good    paint = "right"
	nearly  paint = "near"
	off     paint = "wrong"
)

// light are the paints of pictures, those of the page in light mode; ofArm is in chart.Palette.
var light = map[paint]string{ink: "#171b24", soft: "#5a6375", rule: "#e4e7ed", surface: "#ffffff", good: "#0f766e", nearly: "#c07a00", off: "#8b93a5"}

// markStyle is how marks of one name look.
type markStyle struct {
	stroke, fill paint
	width        float64 // of the stroke, in units of the viewBox
	opacity      float64 // 0 = opaque
	dashed       bool    // in the dashes of the arm
	size         float64 // of a text, in units of the viewBox
	bold         bool
	hidden       bool // not in pictures: the page shows it on demand
}

// markStyles are the marks of all charts.
var markStyles = map[string]markStyle{
	"rule":     {stroke: rule, width: 1},
	"base":     {stroke: soft, width: 1, opacity: 0.55},
	"tick":     {fill: soft, size: 11.5},
	"axis":     {fill: soft, size: 10.5},
	"band":     {fill: ofArm, opacity: 0.15},
	"seed":     {stroke: ofArm, width: 1, opacity: 0.55, hidden: true},
	"mean":     {stroke: ofArm, width: 2.3, dashed: true},
	"end":      {stroke: surface, fill: ofArm, width: 1.5},
	"name":     {fill: ink, size: 12.5, bold: true},
	"end-bar":  {stroke: ofArm, width: 13, opacity: 0.3},
	"whisker":  {stroke: ofArm, width: 2},
	"seed-dot": {stroke: ofArm, fill: surface, width: 1.8},
	"value":    {fill: ink, size: 14, bold: true},
	"title":    {fill: ink, size: 14, bold: true},
	"zero":     {stroke: soft, width: 1.2},
	"open-dot": {stroke: ofArm, fill: surface, width: 2},
	"held-dot": {stroke: ofArm, fill: ofArm, width: 2},

	// Thick for right, thin for near, a line for wrong: to be read without color.
	"bar-right": {stroke: good, width: 6},
	"bar-near":  {stroke: nearly, width: 3},
	"bar-wrong": {stroke: off, width: 0.8},
}
