package jinja

import (
	"fmt"
	"slices"
	"strings"
)

// What would change a dict or a list: the sandbox makes it undefined.
var (
	dictChanges = strings.Fields("clear pop popitem setdefault update")
	listChanges = strings.Fields("append clear extend insert pop remove reverse sort")
)

// Names that Python's types have: an attribute of such a name is never a key.
var (
	dictNames  = strings.Fields("copy fromkeys get items keys values")
	listNames  = strings.Fields("copy count index")
	tupleNames = strings.Fields("count index")
	numNames   = strings.Fields(`as_integer_ratio bit_count bit_length conjugate denominator from_bytes imag numerator real
		to_bytes fromhex hex is_integer`)
	textNames = strings.Fields(`capitalize casefold center count encode endswith expandtabs find format format_map index
		isalnum isalpha isascii isdecimal isdigit isidentifier islower isnumeric isprintable isspace istitle isupper join
		ljust lower lstrip maketrans partition removeprefix removesuffix replace rfind rindex rjust rpartition rsplit
		rstrip split splitlines startswith strip swapcase title translate upper zfill`)
)

// attribute is v.name as Jinja takes it: an attribute of the type, else a key;
// what does not exist is undefined.
func attribute(v value, name string) (value, error) {
	if u, ok := v.(undefined); ok {
		return nil, u.err()
	}
	d, isDict := v.(*dict)
	if strings.HasPrefix(name, "__") || strings.HasPrefix(name, "_") && !isDict {
		return nil, fmt.Errorf("attribute %q is not allowed", name)
	}
	var own, changes []string
	switch v := v.(type) {
	case *dict:
		own, changes = dictNames, dictChanges
	case string:
		own = textNames
	case *list:
		if v.kind == view {
			return nil, fmt.Errorf("attribute %q of a view or range is not supported", name)
		}
		if own = tupleNames; v.kind == plainList {
			own, changes = listNames, listChanges
		}
	case int64, float64, bool:
		if slices.Contains(numNames, name) {
			return nil, fmt.Errorf("attribute %q of a number is not supported", name)
		}
	case *loop:
		return v.attribute(name)
	case *namespace:
		d, isDict = v.attrs, true
	case *macro, *function, *iterator, method:
		return nil, fmt.Errorf("attribute %q of a %s is not supported", name, typeName(v))
	}
	switch {
	case slices.Contains(changes, name):
		return undefined{fmt.Sprintf("%q of a %s, which must not change,", name, typeName(v))}, nil
	case slices.Contains(own, name):
		return method{v, name}, nil
	}
	if isDict {
		if item, ok := d.vals[name]; ok {
			return item, nil
		}
	}
	return undefined{fmt.Sprintf("%q of a %s", name, typeName(v))}, nil
}

// attribute of the variable loop.
func (l *loop) attribute(name string) (value, error) {
	n := len(l.items)
	switch name {
	case "index":
		return int64(l.index + 1), nil
	case "index0":
		return int64(l.index), nil
	case "revindex":
		return int64(n - l.index), nil
	case "revindex0":
		return int64(n - l.index - 1), nil
	case "first":
		return l.index == 0, nil
	case "last":
		return l.index == n-1, nil
	case "length":
		return int64(n), nil
	case "depth":
		return int64(1), nil
	case "depth0":
		return int64(0), nil
	case "previtem":
		if l.index > 0 {
			return l.items[l.index-1], nil
		}
		return undefined{"the item before the first"}, nil
	case "nextitem":
		if l.index < n-1 {
			return l.items[l.index+1], nil
		}
		return undefined{"the item after the last"}, nil
	}
	return nil, fmt.Errorf("loop.%s is not supported", name)
}

// invoke calls a method.
func (m method) invoke(r *renderer, c call) (value, error) {
	if err := r.charge(m.recv); err != nil {
		return nil, err
	}
	switch recv := m.recv.(type) {
	case string:
		if f := textMethods[m.name]; f != nil {
			return f(r, recv, c)
		}
	case *dict:
		if f := dictMethods[m.name]; f != nil {
			return f(recv, c)
		}
	}
	return nil, fmt.Errorf("method %q of a %s is not supported", m.name, typeName(m.recv))
}

var dictMethods = map[string]func(*dict, call) (value, error){
	"get": func(d *dict, c call) (value, error) {
		if len(c.names) > 0 {
			return nil, fmt.Errorf("get: takes no arguments by name")
		}
		a, err := c.bind("get", 1, "key", "default")
		if err != nil {
			return nil, err
		}
		key, ok := a[0].(string)
		if !ok {
			return nil, fmt.Errorf("get: a key of type %s is not supported", typeName(a[0]))
		}
		if v, ok := d.vals[key]; ok {
			return v, nil
		}
		return orNone(a[1]), nil
	},
	"items":  func(d *dict, c call) (value, error) { return d.pairs(), c.none("items") },
	"keys":   func(d *dict, c call) (value, error) { return d.keyList(), c.none("keys") },
	"values": func(d *dict, c call) (value, error) { return d.valueList(), c.none("values") },
}

// none demands a call without arguments.
func (c call) none(what string) error {
	_, err := c.bind(what, 0)
	return err
}

// orNone is the argument, or nil where it is missing.
func orNone(v value) value {
	if v == (missing{}) {
		return nil
	}
	return v
}
