package jinja

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"strings"
)

var errLarge = errors.New("whole numbers beyond 64 bits are not supported")

// binary is a op b for + - * / // % **.
func binary(op string, a, b value) (value, error) {
	for _, v := range []value{a, b} {
		if u, ok := v.(undefined); ok {
			return nil, u.err()
		}
	}
	if x, ok := asInt(a); ok {
		if y, ok := asInt(b); ok {
			return intBinary(op, x, y)
		}
	}
	if x, ok := asFloat(a); ok {
		if y, ok := asFloat(b); ok {
			return floatBinary(op, x, y)
		}
	}
	switch op {
	case "+":
		return plus(a, b)
	case "*":
		return times(a, b)
	}
	return nil, operandError(op, a, b)
}

func operandError(op string, a, b value) error {
	return fmt.Errorf("%s between %s and %s is not possible or not supported", op, typeName(a), typeName(b))
}

func intBinary(op string, x, y int64) (value, error) {
	if y == 0 && (op == "/" || op == "//" || op == "%") {
		return nil, errors.New("division by zero")
	}
	switch op {
	case "+":
		if s := x + y; (s > x) == (y > 0) {
			return s, nil
		}
		return nil, errLarge
	case "-":
		if d := x - y; (d < x) == (y > 0) {
			return d, nil
		}
		return nil, errLarge
	case "*":
		return intTimes(x, y)
	case "/":
		return float64(x) / float64(y), exactInts(x, y)
	case "//":
		if x == math.MinInt64 {
			return nil, errLarge
		}
		q := x / y
		if x%y != 0 && (x < 0) != (y < 0) {
			q--
		}
		return q, nil
	case "%":
		m := x % y
		if m != 0 && (m < 0) != (y < 0) {
			m += y
		}
		return m, nil
	}
	return intPower(x, y)
}

// exactInts holds that both numbers are floats too.
func exactInts(x, y int64) error {
	const limit = 1 << 53
	if x > limit || x < -limit || y > limit || y < -limit {
		return errLarge
	}
	return nil
}

func intTimes(x, y int64) (value, error) {
	hi, lo := bits.Mul64(uint64(max(x, -x)), uint64(max(y, -y)))
	if hi != 0 || lo > math.MaxInt64 || x == math.MinInt64 || y == math.MinInt64 {
		return nil, errLarge
	}
	return x * y, nil
}

func intPower(x, y int64) (value, error) {
	if y < 0 {
		return nil, errors.New("** with a negative exponent is not supported")
	}
	var out value = int64(1)
	for range min(y, 64) {
		var err error
		if out, err = intTimes(out.(int64), x); err != nil {
			return nil, err
		}
	}
	if y > 64 && x != 0 && x != 1 {
		return nil, errLarge
	}
	return out, nil
}

func floatBinary(op string, x, y float64) (value, error) {
	var out float64
	switch op {
	case "+":
		out = x + y
	case "-":
		out = x - y
	case "*":
		out = x * y
	case "/":
		out = x / y
	default:
		return nil, fmt.Errorf("%s of floats is not supported", op)
	}
	if math.IsNaN(out) || math.IsInf(out, 0) {
		return nil, errors.New("a float must be finite")
	}
	return out, nil
}

func plus(a, b value) (value, error) {
	switch a := a.(type) {
	case string:
		if b, ok := b.(string); ok {
			return bounded(a + b)
		}
	case *list:
		if b, ok := b.(*list); ok && a.kind == b.kind && a.kind != view {
			return boundedList(append(append([]value(nil), a.items...), b.items...), a.kind)
		}
	}
	return nil, operandError("+", a, b)
}

func boundedList(items []value, kind sequence) (value, error) {
	if len(items) > maxItems {
		return nil, errItems
	}
	return &list{items, kind}, nil
}

func times(a, b value) (value, error) {
	if _, ok := asInt(a); ok {
		a, b = b, a
	}
	n, ok := asInt(b)
	if !ok {
		return nil, operandError("*", a, b)
	}
	switch a := a.(type) {
	case string:
		if n > 0 && int64(len(a)) > maxText/n {
			return nil, errText
		}
		return strings.Repeat(a, int(max(n, 0))), nil
	case *list:
		if a.kind == view {
			return nil, operandError("*", a, b)
		}
		if n > 0 && int64(len(a.items)) > maxItems/n {
			return nil, errItems
		}
		var items []value
		for range max(n, 0) {
			if len(a.items) == 0 {
				break
			}
			items = append(items, a.items...)
		}
		return &list{items, a.kind}, nil
	}
	return nil, operandError("*", a, b)
}

// compare is a op b for the comparisons and in.
func (m *meter) compare(op string, a, b value) (bool, error) {
	if err := m.charge(a, b); err != nil {
		return false, err
	}
	switch op {
	case "==":
		return m.equal(a, b)
	case "!=":
		same, err := m.equal(a, b)
		return !same, err
	case "in":
		return m.contains(b, a)
	case "not in":
		ok, err := m.contains(b, a)
		return !ok, err
	}
	if x, y, ok := sameLists(a, b); ok {
		for i := range min(len(x), len(y)) {
			if same, err := m.equal(x[i], y[i]); err != nil {
				return false, err
			} else if !same {
				return m.compare(op, x[i], y[i])
			}
		}
		a, b = int64(len(x)), int64(len(y))
	}
	order, err := compareOrder(op, a, b)
	if err != nil {
		return false, err
	}
	switch op {
	case "<":
		return order < 0, nil
	case "<=":
		return order <= 0, nil
	case ">":
		return order > 0, nil
	}
	return order >= 0, nil
}

// sameLists are the items of two lists or two tuples.
func sameLists(a, b value) (x, y []value, ok bool) {
	l, okA := a.(*list)
	k, okB := b.(*list)
	if !okA || !okB || l.kind != k.kind || l.kind == view {
		return nil, nil, false
	}
	return l.items, k.items, true
}

// compareOrder orders numbers and texts.
func compareOrder(op string, a, b value) (int, error) {
	for _, v := range []value{a, b} {
		if u, ok := v.(undefined); ok {
			return 0, u.err()
		}
	}
	if x, ok := a.(string); ok {
		if y, ok := b.(string); ok {
			return strings.Compare(x, y), nil
		}
	}
	if x, ok := asInt(a); ok {
		if y, ok := asInt(b); ok {
			switch {
			case x < y:
				return -1, nil
			case x > y:
				return 1, nil
			}
			return 0, nil
		}
	}
	x, okX := asFloat(a)
	y, okY := asFloat(b)
	switch {
	case !okX || !okY:
		return 0, operandError(op, a, b)
	case x < y:
		return -1, nil
	case x > y:
		return 1, nil
	}
	return 0, nil
}

// unary is -v or +v.
func unary(op string, v value) (value, error) {
	if u, ok := v.(undefined); ok {
		return nil, u.err()
	}
	if f, ok := v.(float64); ok {
		if op == "-" {
			return -f, nil
		}
		return f, nil
	}
	n, ok := asInt(v)
	if !ok || n == math.MinInt64 {
		return nil, fmt.Errorf("%s of %s is not possible", op, typeName(v))
	}
	if op == "-" {
		return -n, nil
	}
	return n, nil
}

// index is v[i] as Jinja takes it: what does not exist is undefined.
func index(v, i value) (value, error) {
	if u, ok := v.(undefined); ok {
		return nil, u.err()
	}
	if key, ok := i.(string); ok {
		if d, ok := v.(*dict); ok {
			if item, ok := d.vals[key]; ok {
				return item, nil
			}
		}
		return attribute(v, key)
	}
	n, isInt := asInt(i)
	switch v := v.(type) {
	case string:
		if isInt {
			if r := []rune(v); inRange(&n, len(r)) {
				return string(r[n]), nil
			}
		}
	case *list:
		if isInt && v.kind != view && inRange(&n, len(v.items)) {
			return v.items[n], nil
		}
		if v.kind == view {
			return nil, errors.New("index of a view or range is not supported")
		}
	case *iterator, *loop, *macro, *function, method:
		return nil, fmt.Errorf("index of %s is not supported", typeName(v))
	}
	return undefined{fmt.Sprintf("an item of a %s at a %s", typeName(v), typeName(i))}, nil
}

// inRange counts a negative index from the end and says whether it exists.
func inRange(n *int64, length int) bool {
	if *n < 0 {
		*n += int64(length)
	}
	return *n >= 0 && *n < int64(length)
}

// slice is v[start:stop:step]; nil parts are not given.
func slice(v, start, stop, step value) (value, error) {
	if u, ok := v.(undefined); ok {
		return nil, u.err()
	}
	var runes []rune
	var items []value
	n := 0
	l, isList := v.(*list)
	s, isText := v.(string)
	switch {
	case isText:
		runes = []rune(s)
		n = len(runes)
	case isList && l.kind != view:
		n = len(l.items)
	default:
		return nil, fmt.Errorf("slice of %s is not supported", typeName(v))
	}
	places, err := slicePlaces(n, start, stop, step)
	if err != nil {
		return nil, err
	}
	if isText {
		out := make([]rune, len(places))
		for i, at := range places {
			out[i] = runes[at]
		}
		return string(out), nil
	}
	for _, at := range places {
		items = append(items, l.items[at])
	}
	return &list{items, l.kind}, nil
}

// slicePlaces lists the places that a slice of n items takes.
func slicePlaces(n int, start, stop, step value) ([]int, error) {
	by, err := slicePart(step, 1)
	if err != nil {
		return nil, err
	}
	if by == 0 {
		return nil, errors.New("slice: step must not be 0")
	}
	low, high := int64(0), int64(n) // where the ends are cut to
	first, last := low, high
	if by < 0 {
		low, high = -1, int64(n)-1
		first, last = high, low
	}
	from, err := sliceEnd(start, first, low, high, n)
	if err != nil {
		return nil, err
	}
	to, err := sliceEnd(stop, last, low, high, n)
	if err != nil {
		return nil, err
	}
	var out []int
	for at := from; by > 0 && at < to || by < 0 && at > to; at += by {
		out = append(out, int(at))
		if by > int64(n) || by < -int64(n) {
			break
		}
	}
	return out, nil
}

func slicePart(v value, def int64) (int64, error) {
	if v == nil {
		return def, nil
	}
	n, ok := asInt(v)
	if !ok {
		return 0, fmt.Errorf("slice: must have whole numbers (got %s)", typeName(v))
	}
	return n, nil
}

func sliceEnd(v value, def, low, high int64, n int) (int64, error) {
	at, err := slicePart(v, def)
	if err != nil || v == nil {
		return at, err
	}
	if at < 0 {
		at += int64(n)
	}
	return max(low, min(high, at)), nil
}
