package report

import (
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strconv"
	"strings"
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

func (m *mark) svg(b *strings.Builder) {
	if m.boxes != nil {
		fmt.Fprintf(b, `<path class="%s" d="`, m.style)
		for _, r := range m.boxes {
			fmt.Fprintf(b, "M%s %sh%sv%sh-%sz", units(r.x), units(r.y), units(r.width), units(r.height), units(r.width))
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
		fmt.Fprintf(b, `<path class="%s" d="M`, m.style)
		for i, p := range m.points {
			if i > 0 {
				b.WriteByte('L')
			}
			b.WriteString(units(p.x) + " " + units(p.y))
		}
		if m.closed {
			b.WriteByte('Z')
		}
		b.WriteString(`"/>`)
	}
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
