package jinja

import (
	"errors"
	"fmt"
	"strings"
)

// globals are the functions that every template can call.
var globals map[string]*function

func init() {
	globals = map[string]*function{
		"namespace": {"namespace", newNamespace},
		"dict":      {"dict", func(_ *renderer, c call) (value, error) { return keywords("dict", c) }},
		"range":     {"range", newRange},
	}
	for _, name := range []string{"lipsum", "cycler", "joiner"} {
		globals[name] = &function{name, func(*renderer, call) (value, error) {
			return nil, fmt.Errorf("function %s is not supported", name)
		}}
	}
}

// refused is the value of a name that must not be read.
type refused struct{ err error }

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
