package jinja

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
)

// text is str(v), what {{ v }} writes.
func (m *meter) text(v value) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case undefined:
		return "", nil
	}
	p := printer{walker: walker{meter: m}}
	err := p.repr(v)
	return p.String(), err
}

// printer writes values that may hold one another many times over.
type printer struct {
	walker
	strings.Builder
}

// put writes text within the bounds.
func (p *printer) put(s string) error {
	if p.Len()+len(s) > maxText {
		return errText
	}
	p.WriteString(s)
	return p.spend(len(s) / bytesPerStep)
}

// repr writes Python's repr(v).
func (p *printer) repr(v value) error {
	if err := p.enter(); err != nil {
		return err
	}
	defer p.leave()
	switch v := v.(type) {
	case nil:
		return p.put("None")
	case bool:
		if v {
			return p.put("True")
		}
		return p.put("False")
	case int64:
		return p.put(strconv.FormatInt(v, 10))
	case float64:
		s, err := floatText(v)
		if err != nil {
			return err
		}
		return p.put(s)
	case string:
		return p.put(quote(v))
	case undefined:
		return p.put("Undefined")
	case *dict:
		return p.reprDict(v)
	case *list:
		if v.kind != view {
			return p.reprList(v)
		}
	}
	return fmt.Errorf("writing a value of type %s is not supported", typeName(v))
}

func (p *printer) reprList(l *list) error {
	begin, end := "[", "]"
	if l.kind == tuple {
		begin, end = "(", ")"
		if len(l.items) == 1 {
			end = ",)"
		}
	}
	for i, item := range l.items {
		if i > 0 {
			begin = ", "
		}
		if err := p.put(begin); err != nil {
			return err
		}
		if err := p.repr(item); err != nil {
			return err
		}
	}
	if len(l.items) == 0 {
		return p.put(begin + end)
	}
	return p.put(end)
}

func (p *printer) reprDict(d *dict) error {
	begin := "{"
	for _, k := range d.keys {
		if err := p.put(begin + quote(k) + ": "); err != nil {
			return err
		}
		if err := p.repr(d.vals[k]); err != nil {
			return err
		}
		begin = ", "
	}
	if len(d.keys) == 0 {
		return p.put("{}")
	}
	return p.put("}")
}

// quote is the repr of a text: single quotes unless only they stand in it.
func quote(s string) string {
	q := '\''
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		q = '"'
	}
	var b strings.Builder
	b.WriteRune(q)
	for _, r := range s {
		switch {
		case r == q || r == '\\':
			b.WriteRune('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	b.WriteRune(q)
	return b.String()
}

// floatText is the repr of a float: the shortest digits that identify it, with
// an exponent below 1e-4 and from 1e16 on.
func floatText(f float64) (string, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return "", fmt.Errorf("writing %v is not supported", f)
	}
	if a := math.Abs(f); a != 0 && (a < 1e-4 || a >= 1e16) {
		return strconv.FormatFloat(f, 'e', -1, 64), nil
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s, nil
}

// jsonStyle is how tojson writes.
type jsonStyle struct {
	indent     string // of one level; "" = one line
	item, pair string // separators
	ascii      bool
	sort       bool
}

// json writes v as json.dumps does.
func (j jsonStyle) json(p *printer, v value) error {
	if err := p.enter(); err != nil {
		return err
	}
	defer p.leave()
	switch v := v.(type) {
	case nil:
		return p.put("null")
	case bool:
		return p.put(strconv.FormatBool(v))
	case string:
		return p.put(j.quote(v))
	case int64, float64:
		return p.repr(v)
	case *list:
		if v.kind != view {
			return j.array(p, v.items)
		}
	case *dict:
		return j.object(p, v)
	}
	return fmt.Errorf("tojson: a value of type %s has no JSON form", typeName(v))
}

func (j jsonStyle) array(p *printer, items []value) error {
	if len(items) == 0 {
		return p.put("[]")
	}
	for i, item := range items {
		if err := j.before(p, "[", i); err != nil {
			return err
		}
		if err := j.json(p, item); err != nil {
			return err
		}
	}
	return j.newline(p, p.depth-1, "]")
}

func (j jsonStyle) object(p *printer, d *dict) error {
	if len(d.keys) == 0 {
		return p.put("{}")
	}
	keys := d.keys
	if j.sort {
		keys = sortedKeys(keys)
	}
	for i, k := range keys {
		if err := j.before(p, "{", i); err != nil {
			return err
		}
		if err := p.put(j.quote(k) + j.pair); err != nil {
			return err
		}
		if err := j.json(p, d.vals[k]); err != nil {
			return err
		}
	}
	return j.newline(p, p.depth-1, "}")
}

// before writes what stands before item i.
func (j jsonStyle) before(p *printer, open string, i int) error {
	if i > 0 {
		open = j.item
	}
	if err := p.put(open); err != nil {
		return err
	}
	return j.newline(p, p.depth, "")
}

// newline begins a line at a level, with what stands there first.
func (j jsonStyle) newline(p *printer, level int, first string) error {
	if j.indent != "" {
		if level*len(j.indent) > maxText {
			return errText
		}
		first = "\n" + strings.Repeat(j.indent, level) + first
	}
	return p.put(first)
}

// quote is a text as JSON.
func (j jsonStyle) quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\b':
			b.WriteString(`\b`)
		case r == '\f':
			b.WriteString(`\f`)
		case r < ' ' || j.ascii && r > '~' && r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		case j.ascii && r >= 0x10000:
			r -= 0x10000
			fmt.Fprintf(&b, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
