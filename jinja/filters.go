package jinja

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// filters are the filters by name.
var filters map[string]func(*renderer, value, call) (value, error)

func init() {
	filters = map[string]func(*renderer, value, call) (value, error){
		"trim":       trimFilter,
		"upper":      caseFilter("upper", strings.ToUpper),
		"lower":      caseFilter("lower", strings.ToLower),
		"capitalize": caseFilter("capitalize", capitalize),
		"title":      caseFilter("title", titleWords),
		"string":     stringFilter,
		"int":        intFilter,
		"length":     lengthFilter,
		"count":      lengthFilter,
		"list":       listFilter,
		"items":      itemsFilter,
		"first":      firstFilter,
		"last":       lastFilter,
		"reverse":    reverseFilter,
		"join":       joinFilter,
		"default":    defaultFilter,
		"d":          defaultFilter,
		"replace":    replaceFilter,
		"indent":     indentFilter,
		"tojson":     tojsonFilter,
		"unique":     uniqueFilter,
		"map":        mapFilter,
		"select":     chooseFilter("select", false, true),
		"reject":     chooseFilter("reject", false, false),
		"selectattr": chooseFilter("selectattr", true, true),
		"rejectattr": chooseFilter("rejectattr", true, false),
	}
}

func trimFilter(r *renderer, v value, c call) (value, error) {
	s, err := r.text(v)
	if err != nil {
		return nil, err
	}
	a, err := c.bind("trim", 0, "chars")
	if err != nil {
		return nil, err
	}
	return trimSet(s, orNone(a[0]), true, true)
}

func caseFilter(name string, f func(string) string) func(*renderer, value, call) (value, error) {
	return func(r *renderer, v value, c call) (value, error) {
		if err := c.none(name); err != nil {
			return nil, err
		}
		s, err := r.text(v)
		if err != nil {
			return nil, err
		}
		return f(s), asciiOnly(s, name)
	}
}

func stringFilter(r *renderer, v value, c call) (value, error) {
	if err := c.none("string"); err != nil {
		return nil, err
	}
	return r.text(v)
}

// intFilter is Python's int(v), else int(float(v)), else a default.
func intFilter(r *renderer, v value, c call) (value, error) {
	a, err := c.bind("int", 0, "default")
	if err != nil {
		return nil, err
	}
	if n, ok := asInt(v); ok {
		return n, nil
	}
	f, isFloat := v.(float64)
	switch v := v.(type) {
	case undefined:
		return nil, v.err()
	case string:
		digits, ok := plainNumber(v)
		if !ok {
			break
		}
		if n, err := strconv.ParseInt(digits, 10, 64); err == nil {
			return n, nil
		}
		f, err = strconv.ParseFloat(digits, 64)
		isFloat = err == nil
	}
	switch {
	case isFloat && math.Abs(f) >= 1<<53:
		return nil, errLarge
	case isFloat:
		return int64(f), nil
	case a[0] == (missing{}):
		return int64(0), nil
	}
	return a[0], nil
}

var numberText = regexp.MustCompile(`^[+-]?(?:\d+(?:_\d+)*)?(?:\.(?:\d+(?:_\d+)*)?)?(?:[eE][+-]?\d+(?:_\d+)*)?$`)

// plainNumber drops white space around a number and the underscores between its
// digits, as Python reads numbers.
func plainNumber(s string) (string, bool) {
	s = strings.TrimFunc(s, isSpace)
	return strings.ReplaceAll(s, "_", ""), s != "" && numberText.MatchString(s)
}

func lengthFilter(r *renderer, v value, c call) (value, error) {
	if err := c.none("length"); err != nil {
		return nil, err
	}
	n, err := length(v)
	return int64(n), err
}

func listFilter(r *renderer, v value, c call) (value, error) {
	if err := c.none("list"); err != nil {
		return nil, err
	}
	items, err := r.walk(v)
	return &list{items: items}, err
}

func itemsFilter(r *renderer, v value, c call) (value, error) {
	if err := c.none("items"); err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case undefined:
		return &iterator{}, nil
	case *dict:
		return &iterator{v.pairs().items}, nil
	}
	return nil, fmt.Errorf("items: must be a dict (got %s)", typeName(v))
}

func firstFilter(r *renderer, v value, c call) (value, error) {
	if err := c.none("first"); err != nil {
		return nil, err
	}
	if it, ok := v.(*iterator); ok && len(it.items) > 0 {
		first := it.items[0]
		it.items = it.items[1:]
		return first, nil
	}
	if s, ok := v.(string); ok && s != "" {
		_, n := utf8.DecodeRuneInString(s)
		return s[:n], nil
	}
	items, err := r.walk(v)
	if err != nil || len(items) == 0 {
		return undefined{"the first of nothing"}, err
	}
	return items[0], nil
}

func lastFilter(r *renderer, v value, c call) (value, error) {
	if err := c.none("last"); err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case *iterator:
		return nil, fmt.Errorf("last of %s is not supported", typeName(v))
	case string:
		_, n := utf8.DecodeLastRuneInString(v)
		if n > 0 {
			return v[len(v)-n:], nil
		}
	}
	items, err := r.walk(v)
	if err != nil || len(items) == 0 {
		return undefined{"the last of nothing"}, err
	}
	return items[len(items)-1], nil
}

func reverseFilter(r *renderer, v value, c call) (value, error) {
	if err := c.none("reverse"); err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case string:
		r := []rune(v)
		slices.Reverse(r)
		return string(r), nil
	case *list:
		items := slices.Clone(v.items)
		slices.Reverse(items)
		return &iterator{items}, nil
	case undefined:
		return &iterator{}, nil
	}
	return nil, fmt.Errorf("reverse of %s is not supported", typeName(v))
}

func joinFilter(r *renderer, v value, c call) (value, error) {
	a, err := c.bind("join", 0, "d", "attribute")
	if err != nil {
		return nil, err
	}
	sep := ""
	if a[0] != (missing{}) {
		if sep, err = r.text(a[0]); err != nil {
			return nil, err
		}
	}
	items, err := r.walk(v)
	if err != nil {
		return nil, fmt.Errorf("join: %w", err)
	}
	all, size := make([]string, len(items)), 0
	for i, item := range items {
		if orNone(a[1]) != nil {
			if item, err = r.attributePath(item, a[1]); err != nil {
				return nil, err
			}
		}
		if all[i], err = r.text(item); err != nil {
			return nil, err
		}
		if size += len(all[i]); size > maxText {
			return nil, errText
		}
	}
	return joined(all, sep)
}

func defaultFilter(r *renderer, v value, c call) (value, error) {
	a, err := c.bind("default", 0, "default_value", "boolean")
	if err != nil {
		return nil, err
	}
	_, none := v.(undefined)
	if !none && (a[1] == (missing{}) || !truth(a[1]) || truth(v)) {
		return v, nil
	}
	if a[0] == (missing{}) {
		return "", nil
	}
	return a[0], nil
}

func replaceFilter(r *renderer, v value, c call) (value, error) {
	a, err := c.bind("replace", 2, "old", "new", "count")
	if err != nil {
		return nil, err
	}
	var all [3]string
	for i, x := range []value{v, a[0], a[1]} {
		if all[i], err = r.text(x); err != nil {
			return nil, err
		}
	}
	n := int64(-1)
	if count := orNone(a[2]); count != nil {
		var ok bool
		if n, ok = asInt(count); !ok {
			return nil, errors.New("replace: count must be a whole number")
		}
	}
	return replaceText(all[0], all[1], all[2], int(max(-1, min(n, maxText))))
}

func indentFilter(r *renderer, v value, c call) (value, error) {
	a, err := c.bind("indent", 0, "width", "first", "blank")
	if err != nil {
		return nil, err
	}
	s, ok := v.(string)
	if !ok {
		return nil, fmt.Errorf("indent: must be a text (got %s)", typeName(v))
	}
	by := strings.Repeat(" ", 4)
	switch w := a[0].(type) {
	case missing:
	case string:
		by = w
	default:
		n, ok := asInt(w)
		if !ok || n > 1000 {
			return nil, errors.New("indent: width must be a text or a whole number up to 1000")
		}
		by = strings.Repeat(" ", int(max(0, n)))
	}
	isSet := func(v value) bool { return v != (missing{}) && truth(v) }
	lines := splitLines(s + "\n")
	if len(lines)*len(by) > maxText {
		return nil, errText
	}
	for i, line := range lines {
		if i > 0 && (line != "" || isSet(a[2])) || i == 0 && isSet(a[1]) {
			lines[i] = by + line
		}
	}
	return bounded(strings.Join(lines, "\n"))
}

func tojsonFilter(r *renderer, v value, c call) (value, error) {
	a, err := c.bind("tojson", 0, "ensure_ascii", "indent", "separators", "sort_keys")
	if err != nil {
		return nil, err
	}
	isSet := func(v value) bool { return v != (missing{}) && truth(v) }
	j := jsonStyle{item: ", ", pair: ": ", ascii: isSet(a[0]), sort: isSet(a[3])}
	switch w := orNone(a[1]).(type) {
	case nil:
	case string:
		j.indent, j.item = w, ","
	default:
		n, ok := asInt(w)
		if !ok || n < 1 || n > 100 {
			return nil, errors.New("tojson: indent must be a text or in 1..100 (others are not supported)")
		}
		j.indent, j.item = strings.Repeat(" ", int(n)), ","
	}
	if orNone(a[2]) != nil {
		seps, err := r.walk(a[2])
		if err != nil || len(seps) != 2 {
			return nil, errors.New("tojson: separators must be two texts")
		}
		item, okItem := seps[0].(string)
		pair, okPair := seps[1].(string)
		if !okItem || !okPair {
			return nil, errors.New("tojson: separators must be two texts")
		}
		j.item, j.pair = item, pair
	}
	p := &printer{walker: walker{meter: &r.meter}}
	err = j.json(p, v)
	return p.String(), err
}

// uniqueFilter keeps the first of equal texts, case ignored.
func uniqueFilter(r *renderer, v value, c call) (value, error) {
	if err := c.none("unique"); err != nil {
		return nil, err
	}
	items, err := r.walk(v)
	if err != nil {
		return nil, fmt.Errorf("unique: %w", err)
	}
	seen := map[string]bool{}
	out := &iterator{}
	for _, item := range items {
		s, ok := item.(string)
		if !ok {
			return nil, fmt.Errorf("unique: a value of type %s is not supported", typeName(item))
		}
		if err := r.charge(s); err != nil {
			return nil, err
		}
		if err := asciiOnly(s, "unique"); err != nil {
			return nil, err
		}
		if key := strings.ToLower(s); !seen[key] {
			seen[key] = true
			out.items = append(out.items, item)
		}
	}
	return out, nil
}

// attributePath is item.a.b for the path "a.b", a number being an index.
func (r *renderer) attributePath(v, path value) (value, error) {
	if n, ok := asInt(path); ok {
		return index(v, n)
	}
	if err := r.charge(path); err != nil {
		return nil, err
	}
	s, ok := path.(string)
	if !ok {
		return nil, fmt.Errorf("attribute: must be a text or a whole number (got %s)", typeName(path))
	}
	for _, part := range strings.Split(s, ".") {
		var key value = part
		if n, err := strconv.ParseUint(part, 10, 31); err == nil {
			key = int64(n)
		}
		var err error
		if v, err = index(v, key); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// mapFilter takes an attribute of each item, or filters each.
func mapFilter(r *renderer, v value, c call) (value, error) {
	items, err := r.walk(v)
	if err != nil {
		return nil, fmt.Errorf("map: %w", err)
	}
	apply, err := mapper(c)
	if err != nil {
		return nil, err
	}
	out := &iterator{items: make([]value, len(items))}
	for i, item := range items {
		if err := r.spend(1); err != nil {
			return nil, err
		}
		if out.items[i], err = apply(r, item); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// mapper is what map does with each item.
func mapper(c call) (func(*renderer, value) (value, error), error) {
	if len(c.pos) == 0 {
		a, err := c.bind("map", 1, "attribute", "default")
		if err != nil {
			return nil, err
		}
		return func(r *renderer, item value) (value, error) {
			v, err := r.attributePath(item, a[0])
			if _, none := v.(undefined); none && orNone(a[1]) != nil {
				v = a[1]
			}
			return v, err
		}, nil
	}
	name, _ := c.pos[0].(string)
	if filters[name] == nil {
		return nil, fmt.Errorf("filter %q is not supported", name)
	}
	rest := call{c.pos[1:], c.names, c.named}
	return func(r *renderer, item value) (value, error) {
		v, err := r.filter(name, item, rest)
		if err != nil {
			return nil, err
		}
		return v, r.charge(v)
	}, nil
}

// chooseFilter keeps the items for which a test says want; byAttr: a test of an
// attribute of theirs.
func chooseFilter(name string, byAttr, want bool) func(*renderer, value, call) (value, error) {
	return func(r *renderer, v value, c call) (value, error) {
		items, err := r.walk(v)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		var path value
		if byAttr {
			if len(c.pos) == 0 {
				return nil, fmt.Errorf("%s: must have an attribute", name)
			}
			path, c.pos = c.pos[0], c.pos[1:]
		}
		test := func(v value) (bool, error) { return truth(v), nil }
		if len(c.pos) > 0 {
			testName, _ := c.pos[0].(string)
			if tests[testName] == nil {
				return nil, fmt.Errorf("test %q is not supported", testName)
			}
			c.pos = c.pos[1:]
			test = func(v value) (bool, error) { return r.test(testName, v, c) }
		}
		out := &iterator{}
		for _, item := range items {
			subject := item
			if byAttr {
				if subject, err = r.attributePath(item, path); err != nil {
					return nil, err
				}
			}
			ok, err := test(subject)
			if err != nil {
				return nil, err
			}
			if err := r.spend(1); err != nil {
				return nil, err
			}
			if ok == want {
				out.items = append(out.items, item)
			}
		}
		return out, nil
	}
}
