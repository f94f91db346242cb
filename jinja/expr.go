package jinja

import (
	"fmt"
	"slices"
	"strings"
)

func (x constExpr) eval(r *renderer, _ *frame) (value, error) { return x.v, r.charge(x.v) }

func (x nameExpr) eval(r *renderer, f *frame) (value, error) {
	switch v := f.get(x.name).(type) {
	case missing:
		return undefined{x.name}, nil
	case refused:
		return nil, v.err
	default:
		return v, r.charge(v)
	}
}

func (x attrExpr) eval(r *renderer, f *frame) (value, error) {
	v, err := x.x.eval(r, f)
	if err != nil {
		return nil, err
	}
	if _, ok := v.(*namespace); ok && r.testing {
		return nil, at(x.line, fmt.Errorf("a namespace in the condition of a for is not supported"))
	}
	if v, err = attribute(v, x.name); err != nil {
		return nil, at(x.line, err)
	}
	return v, r.charge(v)
}

func (x itemExpr) eval(r *renderer, f *frame) (value, error) {
	all, err := evalAll(r, f, x.x, x.index)
	if err != nil {
		return nil, err
	}
	if err := r.charge(all...); err != nil {
		return nil, at(x.line, err)
	}
	v, err := index(all[0], all[1])
	if err != nil {
		return nil, at(x.line, err)
	}
	return v, r.charge(v)
}

func (x sliceExpr) eval(r *renderer, f *frame) (value, error) {
	all, err := evalAll(r, f, x.x, x.start, x.stop, x.step)
	if err != nil {
		return nil, err
	}
	if err := r.charge(all[0]); err != nil {
		return nil, at(x.line, err)
	}
	v, err := slice(all[0], all[1], all[2], all[3])
	if err != nil {
		return nil, at(x.line, err)
	}
	return v, r.charge(v)
}

// evalAll evaluates expressions in order; a nil one gives nil.
func evalAll(r *renderer, f *frame, all ...expr) ([]value, error) {
	out := make([]value, len(all))
	for i, x := range all {
		if x == nil {
			continue
		}
		v, err := x.eval(r, f)
		if err != nil {
			return nil, err
		}
		out[i] = v
	}
	return out, r.spend(1)
}

func (x listExpr) eval(r *renderer, f *frame) (value, error) {
	items, err := evalAll(r, f, x.items...)
	if x.tuple {
		return &list{items, tuple}, err
	}
	return &list{items, plainList}, err
}

func (x dictExpr) eval(r *renderer, f *frame) (value, error) {
	d := newDict()
	for i := range x.keys {
		pair, err := evalAll(r, f, x.keys[i], x.values[i])
		if err != nil {
			return nil, err
		}
		key, ok := pair[0].(string)
		if !ok {
			return nil, at(x.line, fmt.Errorf("dict with a key of type %s is not supported", typeName(pair[0])))
		}
		d.set(key, pair[1])
	}
	return d, r.charge(d)
}

// call is the arguments of a call, evaluated.
type call struct {
	pos   []value
	names []string
	named []value
}

// evalArgs evaluates the arguments of a call.
func evalArgs(r *renderer, f *frame, a args) (call, error) {
	var c call
	var err error
	if c.pos, err = evalAll(r, f, a.pos...); err != nil {
		return c, err
	}
	for _, k := range a.key {
		v, err := k.x.eval(r, f)
		if err != nil {
			return c, err
		}
		c.names, c.named = append(c.names, k.name), append(c.named, v)
	}
	return c, nil
}

// bind gives each parameter its argument, missing{} where there is none; the
// first few are required.
func (c call) bind(what string, required int, params ...string) ([]value, error) {
	if len(c.pos) > len(params) {
		return nil, fmt.Errorf("%s: must have at most %d arguments (got %d)", what, len(params), len(c.pos))
	}
	out := make([]value, len(params))
	for i := range out {
		out[i] = missing{}
	}
	copy(out, c.pos)
	for i, name := range c.names {
		at := slices.Index(params, name)
		if at < 0 {
			return nil, fmt.Errorf("%s: argument %q is not supported", what, name)
		}
		if at < len(c.pos) {
			return nil, fmt.Errorf("%s: argument %q stands twice", what, name)
		}
		out[at] = c.named[i]
	}
	for i := range required {
		if out[i] == (missing{}) {
			return nil, fmt.Errorf("%s: argument %q is missing", what, params[i])
		}
	}
	return out, nil
}

func (x callExpr) eval(r *renderer, f *frame) (value, error) {
	fn, err := x.f.eval(r, f)
	if err != nil {
		return nil, err
	}
	c, err := evalArgs(r, f, x.args)
	if err != nil {
		return nil, err
	}
	if err := r.chargeCall(c); err != nil {
		return nil, at(x.line, err)
	}
	var v value
	switch fn := fn.(type) {
	case *macro:
		v, err = fn.invoke(r, c)
	case *function:
		v, err = fn.call(r, c)
	case method:
		v, err = fn.invoke(r, c)
	case undefined:
		err = fn.err()
	default:
		err = fmt.Errorf("a value of type %s cannot be called", typeName(fn))
	}
	if err != nil {
		return nil, at(x.line, err)
	}
	return v, r.charge(v)
}

func (x filterExpr) eval(r *renderer, f *frame) (value, error) {
	v, err := x.x.eval(r, f)
	if err != nil {
		return nil, err
	}
	if v, err = x.apply(r, f, v); err != nil {
		return nil, at(x.line, err)
	}
	return v, r.charge(v)
}

// apply filters a value.
func (x filterExpr) apply(r *renderer, f *frame, v value) (value, error) {
	c, err := evalArgs(r, f, x.args)
	if err != nil {
		return nil, err
	}
	return r.filter(x.name, v, c)
}

// filter applies a filter to a value.
func (r *renderer) filter(name string, v value, c call) (value, error) {
	if err := r.charge(v); err != nil {
		return nil, err
	}
	if err := r.chargeCall(c); err != nil {
		return nil, err
	}
	return filters[name](r, v, c)
}

// test applies a test to a value.
func (r *renderer) test(name string, v value, c call) (bool, error) {
	if err := r.charge(v); err != nil {
		return false, err
	}
	if err := r.chargeCall(c); err != nil {
		return false, err
	}
	return tests[name](r, v, c)
}

func (x testExpr) eval(r *renderer, f *frame) (value, error) {
	v, err := x.x.eval(r, f)
	if err != nil {
		return nil, err
	}
	c, err := evalArgs(r, f, x.args)
	if err != nil {
		return nil, err
	}
	ok, err := r.test(x.name, v, c)
	return ok, at(x.line, err)
}

func (x notExpr) eval(r *renderer, f *frame) (value, error) {
	v, err := x.x.eval(r, f)
	return !truth(v), err
}

func (x logicExpr) eval(r *renderer, f *frame) (value, error) {
	v, err := x.a.eval(r, f)
	if err != nil || truth(v) == x.or {
		return v, err
	}
	return x.b.eval(r, f)
}

func (x condExpr) eval(r *renderer, f *frame) (value, error) {
	v, err := x.test.eval(r, f)
	switch {
	case err != nil:
		return nil, err
	case truth(v):
		return x.yes.eval(r, f)
	case x.no == nil:
		return undefined{"the value of an if without else"}, nil
	}
	return x.no.eval(r, f)
}

func (x compareExpr) eval(r *renderer, f *frame) (value, error) {
	a, err := x.x.eval(r, f)
	if err != nil {
		return nil, err
	}
	for i, op := range x.ops {
		b, err := x.with[i].eval(r, f)
		if err != nil {
			return nil, err
		}
		ok, err := r.compare(op, a, b)
		if !ok || err != nil {
			return false, at(x.line, err)
		}
		a = b
	}
	return true, r.spend(1)
}

func (x concatExpr) eval(r *renderer, f *frame) (value, error) {
	items, err := evalAll(r, f, x.items...)
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	for _, v := range items {
		s, err := r.text(v)
		if err != nil {
			return nil, err
		}
		if b.Len()+len(s) > maxText {
			return nil, errText
		}
		b.WriteString(s)
	}
	out := b.String()
	return out, r.charge(out)
}

func (x binaryExpr) eval(r *renderer, f *frame) (value, error) {
	all, err := evalAll(r, f, x.a, x.b)
	if err != nil {
		return nil, err
	}
	if err := r.charge(all...); err != nil {
		return nil, at(x.line, err)
	}
	v, err := binary(x.op, all[0], all[1])
	if err != nil {
		return nil, at(x.line, err)
	}
	return v, r.charge(v)
}

func (x unaryExpr) eval(r *renderer, f *frame) (value, error) {
	v, err := x.x.eval(r, f)
	if err != nil {
		return nil, err
	}
	v, err = unary(x.op, v)
	return v, at(x.line, err)
}
