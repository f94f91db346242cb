package chat

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// globals are the functions that every template can call; strftime_now is made
// for each rendering, since it needs its date.
var globals map[string]*function

func init() {
	globals = map[string]*function{
		"raise_exception": {"raise_exception", raiseException},
		"namespace":       {"namespace", newNamespace},
		"dict":            {"dict", func(_ *renderer, c call) (value, error) { return keywords("dict", c) }},
		"range":           {"range", newRange},
	}
	for _, name := range []string{"lipsum", "cycler", "joiner"} {
		globals[name] = &function{name, func(*renderer, call) (value, error) {
			return nil, fmt.Errorf("function %s is not supported", name)
		}}
	}
}

// refused is the value of a name that must not be read.
type refused struct{ err error }

// ErrTemplate is the error of a template that refuses its messages by
// raise_exception.
var ErrTemplate = errors.New("the chat template refuses the messages")

func raiseException(_ *renderer, c call) (value, error) {
	a, err := c.bind("raise_exception", 1, "message")
	if err != nil {
		return nil, err
	}
	s, err := text(a[0])
	if err != nil {
		return nil, err
	}
	return nil, fmt.Errorf("%w: %s", ErrTemplate, s)
}

// keywords makes a dict of a dict and arguments by name.
func keywords(what string, c call) (*dict, error) {
	out := newDict()
	if len(c.pos) > 1 {
		return nil, fmt.Errorf("%s: must have at most 1 argument without a name (got %d)", what, len(c.pos))
	}
	for _, v := range c.pos {
		d, ok := v.(*dict)
		if !ok {
			return nil, fmt.Errorf("%s: an argument of type %s is not supported", what, typeName(v))
		}
		for _, k := range d.keys {
			out.set(k, d.vals[k])
		}
	}
	for i, name := range c.names {
		out.set(name, c.named[i])
	}
	return out, nil
}

func newNamespace(_ *renderer, c call) (value, error) {
	d, err := keywords("namespace", c)
	if err != nil {
		return nil, err
	}
	for _, k := range d.keys {
		if strings.HasPrefix(k, "_") {
			return nil, fmt.Errorf("namespace: names must not begin with an underscore (got %q)", k)
		}
	}
	return &namespace{d}, nil
}

func newRange(_ *renderer, c call) (value, error) {
	if len(c.pos) < 1 || len(c.pos) > 3 || len(c.names) > 0 {
		return nil, errors.New("range: must have 1 to 3 whole numbers")
	}
	var n [3]int64
	for i, v := range c.pos {
		var ok bool
		if n[i], ok = v.(int64); !ok {
			return nil, fmt.Errorf("range: must have whole numbers (got %s)", typeName(v))
		}
	}
	start, stop, step := n[0], n[1], int64(1)
	switch len(c.pos) {
	case 1:
		start, stop = 0, n[0]
	case 3:
		step = n[2]
	}
	if step == 0 {
		return nil, errors.New("range: step must not be 0")
	}
	const limit = 100_000 // as in Jinja's sandbox
	out := &list{kind: view}
	for i := start; step > 0 && i < stop || step < 0 && i > stop; i += step {
		if len(out.items) == limit {
			return nil, fmt.Errorf("range: must have at most %d numbers", limit)
		}
		out.items = append(out.items, i)
		if next := i + step; (next > i) != (step > 0) {
			break
		}
	}
	return out, nil
}

// strftimeNow is the function strftime_now for a date; the zero time is none.
func strftimeNow(now time.Time) *function {
	return &function{"strftime_now", func(_ *renderer, c call) (value, error) {
		a, err := c.bind("strftime_now", 1, "format")
		if err != nil {
			return nil, err
		}
		format, ok := a[0].(string)
		if !ok {
			return nil, fmt.Errorf("strftime_now: must have a text (got %s)", typeName(a[0]))
		}
		if now.IsZero() {
			return nil, ErrNoDate
		}
		return strftime(now, format)
	}}
}

// ErrNoDate is the error of a template that asks for today's date where none was
// given: the clock is never read, so that a run can be repeated.
var ErrNoDate = errors.New("the chat template asks for today's date, and none is given")

// dateParts are the layouts of the formats of strftime in the C locale.
var dateParts = map[byte]string{
	'Y': "2006", 'y': "06", 'm': "01", 'd': "02", 'B': "January", 'b': "Jan", 'A': "Monday", 'a': "Mon", 'e': "_2",
	'H': "15", 'I': "03", 'M': "04", 'S': "05", 'p': "PM", 'j': "002", 'F': "2006-01-02", 'T': "15:04:05", 'D': "01/02/06",
}

func strftime(now time.Time, format string) (value, error) {
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			b.WriteByte(format[i])
			continue
		}
		i++
		short := i < len(format) && format[i] == '-'
		if short {
			i++
		}
		if i >= len(format) {
			return nil, errors.New("strftime_now: format must not end with %")
		}
		layout, ok := dateParts[format[i]]
		switch {
		case format[i] == '%' && !short:
			b.WriteByte('%')
		case !ok || short && strings.IndexByte("dmHIMSjye", format[i]) < 0:
			return nil, fmt.Errorf("strftime_now: format %%%c is not supported", format[i])
		case short:
			b.WriteString(shortNumber(now.Format(layout)))
		default:
			b.WriteString(now.Format(layout))
		}
	}
	return b.String(), nil
}

// shortNumber drops the zeros and blanks in front of a number.
func shortNumber(s string) string {
	if s = strings.TrimLeft(s, " 0"); s == "" {
		return "0"
	}
	return s
}
