package jinja

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// value is a value of a template: nil (None), bool, int64, float64, string,
// undefined, *list, *dict, *namespace, *iterator, *loop, *macro, *function or
// method.
type value any

// undefined is the value of a name, key or attribute that does not exist.
type undefined struct{ what string }

func (u undefined) err() error { return fmt.Errorf("%s is undefined", u.what) }

// sequence kinds of a list.
type sequence int

const (
	plainList sequence = iota
	tuple
	view // keys, values or items of a dict, or a range: no list, but walked like one
)

// list is a list, a tuple or a view. Templates cannot change one.
type list struct {
	items []value
	kind  sequence
}

// iterator is a sequence that is walked once, as of the filter map.
type iterator struct{ items []value }

// rest takes what is left.
func (it *iterator) rest() []value {
	out := it.items
	it.items = nil
	return out
}

// dict is a mapping of texts in the order in which they were set.
type dict struct {
	keys []string
	vals map[string]value
}

func newDict() *dict { return &dict{vals: map[string]value{}} }

func (d *dict) set(key string, v value) {
	if _, ok := d.vals[key]; !ok {
		d.keys = append(d.keys, key)
	}
	d.vals[key] = v
}

// pairs are the items of the dict as tuples.
func (d *dict) pairs() *list {
	out := &list{kind: view}
	for _, k := range d.keys {
		out.items = append(out.items, &list{[]value{k, d.vals[k]}, tuple})
	}
	return out
}

func (d *dict) keyList() *list {
	out := &list{kind: view}
	for _, k := range d.keys {
		out.items = append(out.items, k)
	}
	return out
}

func (d *dict) valueList() *list {
	out := &list{kind: view}
	for _, k := range d.keys {
		out.items = append(out.items, d.vals[k])
	}
	return out
}

// namespace is what namespace() makes: attributes that a template can set.
type namespace struct{ attrs *dict }

// method is a method bound to its value.
type method struct {
	recv value
	name string
}

// function is a global function.
type function struct {
	name string
	call func(*renderer, call) (value, error)
}

// macro is a macro with the frame in which it stands.
type macro struct {
	*macroStmt
	frame *frame
}

// loop is the variable loop of a for statement.
type loop struct {
	items []value
	index int // from 0
}

// typeName names the type of a value as Python does.
func typeName(v value) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		return "bool"
	case int64:
		return "int"
	case float64:
		return "float"
	case string:
		return "str"
	case undefined:
		return "undefined"
	case *list:
		return [...]string{"list", "tuple", "view"}[v.kind]
	case *dict:
		return "dict"
	case *iterator:
		return "iterator"
	case *namespace:
		return "namespace"
	}
	return "function"
}

// truth says whether a value counts as true.
func truth(v value) bool {
	switch v := v.(type) {
	case nil, undefined:
		return false
	case bool:
		return v
	case int64:
		return v != 0
	case float64:
		return v != 0
	case string:
		return v != ""
	case *list:
		return len(v.items) > 0
	case *dict:
		return len(v.keys) > 0
	}
	return true
}

// length is len(v), texts counted in characters.
func length(v value) (int, error) {
	switch v := v.(type) {
	case undefined:
		return 0, nil
	case string:
		return utf8.RuneCountInString(v), nil
	case *list:
		return len(v.items), nil
	case *dict:
		return len(v.keys), nil
	case *loop:
		return len(v.items), nil
	}
	return 0, fmt.Errorf("length: must be a text, list or dict (got %s)", typeName(v))
}

// walk is what a loop over v runs through.
func (m *meter) walk(v value) ([]value, error) {
	switch v := v.(type) {
	case undefined:
		return nil, nil
	case string:
		n := utf8.RuneCountInString(v)
		if n > maxItems {
			return nil, errItems
		}
		if err := m.spend(n / itemsPerStep); err != nil {
			return nil, err
		}
		out := make([]value, 0, n)
		for _, r := range v {
			out = append(out, string(r))
		}
		return out, nil
	case *list:
		return v.items, nil
	case *dict:
		return v.keyList().items, m.charge(v)
	case *iterator:
		return v.rest(), nil
	}
	return nil, fmt.Errorf("must be a text, list or dict to be walked (got %s)", typeName(v))
}

// asInt is a whole number as Python's index: bool counts as 0 and 1.
func asInt(v value) (int64, bool) {
	switch v := v.(type) {
	case int64:
		return v, true
	case bool:
		if v {
			return 1, true
		}
		return 0, true
	}
	return 0, false
}

// asFloat is a number as a float.
func asFloat(v value) (float64, bool) {
	if f, ok := v.(float64); ok {
		return f, true
	}
	n, ok := asInt(v)
	return float64(n), ok
}

// equal is Python's ==.
func (m *meter) equal(a, b value) (bool, error) { return same(a, b, &walker{meter: m}) }

func same(a, b value, w *walker) (bool, error) {
	if err := w.enter(); err != nil {
		return false, err
	}
	defer w.leave()
	if x, ok := asInt(a); ok {
		if y, ok := asInt(b); ok {
			return x == y, nil
		}
	}
	if x, ok := asFloat(a); ok {
		y, ok := asFloat(b)
		return ok && x == y, nil
	}
	switch a := a.(type) {
	case undefined:
		_, ok := b.(undefined)
		return ok, nil
	case string:
		return a == b, w.spend(len(a) / bytesPerStep)
	case *list:
		b, ok := b.(*list)
		if ok && (a.kind == view || b.kind == view) {
			return false, fmt.Errorf("comparing views and ranges is not supported")
		}
		if !ok || a.kind != b.kind || len(a.items) != len(b.items) {
			return false, nil
		}
		return sameAll(a.items, b.items, w)
	case *dict:
		b, ok := b.(*dict)
		if !ok || len(a.keys) != len(b.keys) {
			return false, nil
		}
		for _, k := range a.keys {
			v, ok := b.vals[k]
			if !ok {
				return false, nil
			}
			if ok, err := same(a.vals[k], v, w); !ok || err != nil {
				return false, err
			}
		}
		return true, nil
	}
	return a == b, nil // None, texts, and identity of the rest
}

func sameAll(a, b []value, w *walker) (bool, error) {
	for i := range a {
		if ok, err := same(a[i], b[i], w); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

// contains is Python's "item in v".
func (m *meter) contains(v, item value) (bool, error) {
	switch v := v.(type) {
	case string:
		s, ok := item.(string)
		if !ok {
			return false, fmt.Errorf("in: only a text can be in a text (got %s)", typeName(item))
		}
		return strings.Contains(v, s), nil
	case *dict:
		switch item.(type) {
		case *list, *dict:
			return false, fmt.Errorf("in: a %s as key of a dict is not supported", typeName(item))
		}
		k, ok := item.(string)
		_, found := v.vals[k]
		return ok && found, nil
	}
	items, err := m.walk(v)
	if err != nil {
		return false, fmt.Errorf("in: %w", err)
	}
	for _, one := range items {
		if ok, err := m.equal(one, item); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}
