package jinja

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
)

// text is str(v), what {{ v }} writes.
func text(v value) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case undefined:
		return "", nil
	}
	return repr(v, 0)
}

// repr is Python's repr(v).
func repr(v value, depth int) (string, error) {
	if depth > maxNesting {
		return "", errNesting
	}
	switch v := v.(type) {
	case nil:
		return "None", nil
	case bool:
		if v {
			return "True", nil
		}
		return "False", nil
	case int64:
		return strconv.FormatInt(v, 10), nil
	case float64:
		return floatText(v)
	case string:
		return quote(v), nil
	case undefined:
		return "Undefined", nil
	case *dict:
		return reprDict(v, depth+1)
	case *list:
		if v.kind != view {
			return reprList(v, depth+1)
		}
	}
	return "", fmt.Errorf("writing a value of type %s is not supported", typeName(v))
}

func reprList(l *list, depth int) (string, error) {
	var b strings.Builder
	for i, item := range l.items {
		if i > 0 {
			b.WriteString(", ")
		}
		s, err := repr(item, depth)
		if err != nil {
			return "", err
		}
		if b.WriteString(s); b.Len() > maxText {
			return "", errText
		}
	}
	switch {
	case l.kind == plainList:
		return "[" + b.String() + "]", nil
	case len(l.items) == 1:
		return "(" + b.String() + ",)", nil
	}
	return "(" + b.String() + ")", nil
}

func reprDict(d *dict, depth int) (string, error) {
	var b strings.Builder
	for i, k := range d.keys {
		if i > 0 {
			b.WriteString(", ")
		}
		s, err := repr(d.vals[k], depth)
		if err != nil {
			return "", err
		}
		if b.WriteString(quote(k) + ": " + s); b.Len() > maxText {
			return "", errText
		}
	}
	return "{" + b.String() + "}", nil
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

// json appends v as json.dumps writes it.
func (j jsonStyle) json(b *strings.Builder, v value, level int) error {
	switch {
	case level > maxNesting:
		return errNesting
	case b.Len() > maxText:
		return errText
	}
	switch v := v.(type) {
	case nil:
		b.WriteString("null")
		return nil
	case bool:
		b.WriteString(strconv.FormatBool(v))
		return nil
	case string:
		j.quote(b, v)
		return nil
	case int64, float64:
		s, err := repr(v, 0)
		b.WriteString(s)
		return err
	case *list:
		if v.kind != view {
			return j.array(b, v.items, level+1)
		}
	case *dict:
		return j.object(b, v, level+1)
	}
	return fmt.Errorf("tojson: a value of type %s has no JSON form", typeName(v))
}

func (j jsonStyle) array(b *strings.Builder, items []value, level int) error {
	if len(items) == 0 {
		b.WriteString("[]")
		return nil
	}
	b.WriteByte('[')
	for i, item := range items {
		j.between(b, i, level)
		if err := j.json(b, item, level); err != nil {
			return err
		}
	}
	j.newline(b, level-1)
	b.WriteByte(']')
	return nil
}

func (j jsonStyle) object(b *strings.Builder, d *dict, level int) error {
	if len(d.keys) == 0 {
		b.WriteString("{}")
		return nil
	}
	keys := d.keys
	if j.sort {
		keys = sortedKeys(keys)
	}
	b.WriteByte('{')
	for i, k := range keys {
		j.between(b, i, level)
		j.quote(b, k)
		b.WriteString(j.pair)
		if err := j.json(b, d.vals[k], level); err != nil {
			return err
		}
	}
	j.newline(b, level-1)
	b.WriteByte('}')
	return nil
}

// between writes what stands before item i.
func (j jsonStyle) between(b *strings.Builder, i, level int) {
	if i > 0 {
		b.WriteString(j.item)
	}
	j.newline(b, level)
}

func (j jsonStyle) newline(b *strings.Builder, level int) {
	if j.indent != "" {
		b.WriteByte('\n')
		for range level {
			b.WriteString(j.indent)
		}
	}
}

// quote writes a text as JSON.
func (j jsonStyle) quote(b *strings.Builder, s string) {
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
			fmt.Fprintf(b, `\u%04x`, r)
		case j.ascii && r >= 0x10000:
			r -= 0x10000
			fmt.Fprintf(b, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
}
