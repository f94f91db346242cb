package jinja

import (
	"errors"
	"fmt"
	"math"
)

// tests are the tests of "is" by name.
var tests map[string]func(*renderer, value, call) (bool, error)

func init() {
	tests = map[string]func(*renderer, value, call) (bool, error){
		"defined":     plainTest(func(v value) bool { _, ok := v.(undefined); return !ok }),
		"undefined":   plainTest(func(v value) bool { _, ok := v.(undefined); return ok }),
		"none":        plainTest(func(v value) bool { return v == nil }),
		"true":        plainTest(func(v value) bool { return v == true }),
		"false":       plainTest(func(v value) bool { return v == false }),
		"boolean":     plainTest(func(v value) bool { _, ok := v.(bool); return ok }),
		"integer":     plainTest(func(v value) bool { _, ok := v.(int64); return ok }),
		"float":       plainTest(func(v value) bool { _, ok := v.(float64); return ok }),
		"number":      plainTest(func(v value) bool { _, ok := asFloat(v); return ok }),
		"string":      plainTest(func(v value) bool { _, ok := v.(string); return ok }),
		"mapping":     plainTest(func(v value) bool { _, ok := v.(*dict); return ok }),
		"iterable":    plainTest(isIterable),
		"sequence":    sequenceTest,
		"callable":    plainTest(isCallable),
		"odd":         moduloTest(1),
		"even":        moduloTest(0),
		"divisibleby": divisibleTest,
		"in":          compareTest("in"),
	}
	for op, names := range map[string][]string{
		"==": {"eq", "equalto"}, "!=": {"ne"}, "<": {"lt", "lessthan"}, "<=": {"le"}, ">": {"gt", "greaterthan"}, ">=": {"ge"},
	} {
		for _, name := range names {
			tests[name] = compareTest(op)
		}
	}
}

func plainTest(f func(value) bool) func(*renderer, value, call) (bool, error) {
	return func(_ *renderer, v value, c call) (bool, error) { return f(v), c.none("test") }
}

func isIterable(v value) bool {
	switch v.(type) {
	case undefined, string, *list, *dict, *iterator, *loop:
		return true
	}
	return false
}

func isCallable(v value) bool {
	switch v.(type) {
	case undefined, *macro, *function, method: // Jinja's undefined can be called: it then fails
		return true
	}
	return false
}

// sequenceTest asks for a length and items by index, as texts, lists and dicts have.
func sequenceTest(_ *renderer, v value, c call) (bool, error) {
	if err := c.none("sequence"); err != nil {
		return false, err
	}
	switch v := v.(type) {
	case undefined, string, *dict:
		return true, nil
	case *list:
		if v.kind == view {
			return false, errors.New("sequence: views and ranges are not supported")
		}
		return true, nil
	}
	return false, nil
}

func moduloTest(rest int64) func(*renderer, value, call) (bool, error) {
	return func(_ *renderer, v value, c call) (bool, error) {
		if f, ok := v.(float64); ok {
			return math.Mod(math.Abs(f), 2) == float64(rest), c.none("test")
		}
		n, ok := asInt(v)
		if !ok {
			return false, fmt.Errorf("must be a number (got %s)", typeName(v))
		}
		return n&1 == rest, c.none("test")
	}
}

func divisibleTest(r *renderer, v value, c call) (bool, error) {
	a, err := c.bind("divisibleby", 1, "num")
	if err != nil {
		return false, err
	}
	m, err := binary("%", v, a[0])
	if err != nil {
		return false, err
	}
	return r.equal(m, int64(0))
}

func compareTest(op string) func(*renderer, value, call) (bool, error) {
	return func(r *renderer, v value, c call) (bool, error) {
		a, err := c.bind(op, 1, "other")
		if err != nil {
			return false, err
		}
		return r.compare(op, v, a[0])
	}
}
