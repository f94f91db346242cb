package report

import (
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strconv"
	"strings"

	"pgsrm/chart"
)

// SVG is the content of the svg element: a group for each layer.
func (d *drawing) SVG() template.HTML {
	var b strings.Builder
	for _, l := range d.layers {
		if l.arm == "" {
			b.WriteString("<g>")
		} else {
			fmt.Fprintf(&b, `<g class="arm c%d" data-arm="%s">`, l.slot, template.HTMLEscapeString(l.arm))
		}
		for _, m := range l.marks {
			m.svg(&b)
		}
		b.WriteString("</g>")
	}
	return template.HTML(b.String()) // numbers, names of styles, and texts that were escaped
}

// file is the drawing as a file of its own, in the colors of light mode on white. Paints are
// written out, as editors of drawings know no variables.
func (d *drawing) file() []byte {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %[1]s %[2]s" width="%[1]s" height="%[2]s" font-family="Liberation Sans, Arial, sans-serif"><style>`, units(d.Width), units(d.Height))
	for i, c := range chart.Palette() {
		for _, name := range slices.Sorted(maps.Keys(markStyles)) {
			s := markStyles[name]
			if i == 0 || s.stroke == ofArm || s.fill == ofArm {
				fmt.Fprintf(&b, ".c%d .%s{%s}", i, name, s.plain(c))
			}
			if i == 0 {
				fmt.Fprintf(&b, ".%s{%s}", name, s.plain(c))
			}
		}
	}
	fmt.Fprintf(&b, `</style><rect width="%s" height="%s" fill="#ffffff"/>%s</svg>`+"\n", units(d.Width), units(d.Height), d.SVG())
	return []byte(b.String())
}

// plain is the body of the rule of a style for an arm, with values in place of variables.
func (s markStyle) plain(arm chart.Color) string {
	text := s.css()
	if s.hidden {
		text += " display: none;"
	}
	dash := "none"
	if len(arm.Dash) > 0 {
		var lengths []string
		for _, l := range arm.Dash {
			lengths = append(lengths, units(l))
		}
		dash = strings.Join(lengths, " ")
	}
	replace := []string{"var(--dash)", dash, "var(--c)", arm.Light}
	for name, value := range light {
		replace = append(replace, "var(--"+string(name)+")", value)
	}
	return strings.NewReplacer(replace...).Replace(text)
}

func (m *mark) svg(b *strings.Builder) {
	if m.bars != nil {
		fmt.Fprintf(b, `<path class="%s" d="`, m.style)
		for _, r := range m.bars {
			fmt.Fprintf(b, "M%s %sh%s", units(r.x), units(r.y), units(r.width))
		}
		b.WriteString(`"/>`)
		return
	}
	at := m.points[0]
	switch {
	case m.text != "":
		fmt.Fprintf(b, `<text class="%s" x="%s" y="%s" text-anchor="%s">%s</text>`, m.style, units(at.x), units(at.y), m.anchor, template.HTMLEscapeString(m.text))
	case m.radius > 0:
		fmt.Fprintf(b, `<circle class="%s" cx="%s" cy="%s" r="%s"/>`, m.style, units(at.x), units(at.y), units(m.radius))
	default:
		fmt.Fprintf(b, `<path class="%s" d="%s`, m.style, polyline(m.points))
		if m.closed {
			b.WriteByte('Z')
		}
		b.WriteString(`"/>`)
	}
}

// polyline is a path through points: the first one, then steps, which take fewer letters.
// Steps lie between rounded points, so that rounding does not add up.
func polyline(points []point) string {
	var b strings.Builder
	at := point{round1(points[0].x), round1(points[0].y)}
	b.WriteString("M" + units(at.x) + " " + units(at.y))
	for i, p := range points[1:] {
		next := point{round1(p.x), round1(p.y)}
		dx, dy := units(next.x-at.x), units(next.y-at.y)
		if i == 0 {
			b.WriteByte('l')
		} else if dx[0] != '-' {
			b.WriteByte(' ')
		}
		b.WriteString(dx)
		if dy[0] != '-' {
			b.WriteByte(' ')
		}
		b.WriteString(dy)
		at = next
	}
	return b.String()
}

// units writes a length of the viewBox to a tenth.
func units(v float64) string { return strconv.FormatFloat(round1(v), 'f', -1, 64) }

// chartStyle is the part of the style sheet that says how marks look.
func chartStyle() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(markStyles)) {
		fmt.Fprintf(&b, ".%s { %s }\n", name, markStyles[name].css())
	}
	return b.String()
}

// css is the body of the rule of a style.
func (s markStyle) css() string {
	color := func(p paint) string {
		if p == none {
			return "none"
		}
		return "var(--" + string(p) + ")"
	}
	out := fmt.Sprintf("stroke: %s; fill: %s;", color(s.stroke), color(s.fill))
	add := func(on bool, format string, v ...any) {
		if on {
			out += fmt.Sprintf(" "+format, v...)
		}
	}
	add(s.width > 0, "stroke-width: %g; stroke-linejoin: round;", s.width)
	add(s.opacity > 0, "opacity: %g;", s.opacity)
	add(s.dashed, "stroke-dasharray: var(--dash);")
	add(s.size > 0, "font-size: %gpx;", s.size)
	add(s.bold, "font-weight: 650;")
	return out
}
