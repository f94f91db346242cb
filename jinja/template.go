package jinja

import (
	"errors"
	"strings"
	"unicode/utf8"
)

// Template is a parsed template. It is read-only and safe for concurrent use.
type Template struct {
	body  []stmt
	scope scope
}

// Vars are the variables of a rendering by name. Rendering does not change them,
// so one map may serve many.
type Vars map[string]Value

// Value is a value of a template: nil (None), bool, int64, float64, string, or
// what [List], [Dict], [Func], [Refuse] and [ParseVars] make. Strings are UTF-8.
type Value = value

// Pair is one item of a dict.
type Pair struct {
	Key   string
	Value Value
}

// List makes a list.
func List(items ...Value) Value { return &list{items: items} }

// Dict makes a dict with its items in that order.
func Dict(pairs ...Pair) Value {
	d := newDict()
	for _, p := range pairs {
		d.set(p.Key, p.Value)
	}
	return d
}

// Func makes a function whose parameters are all required and may be given by
// name. An error of f ends the rendering, which returns it wrapped.
func Func(name string, params []string, f func(args []Value) (Value, error)) Value {
	return &function{name, func(_ *renderer, c call) (value, error) {
		a, err := c.bind(name, len(params), params...)
		if err != nil {
			return nil, err
		}
		return f(a)
	}}
}

// Refuse makes the value of a name that must not be read: a rendering that reads
// it ends with err, wrapped.
func Refuse(err error) Value { return refused{err} }

// Text is a value as {{ v }} writes it.
func Text(v Value) (string, error) { return new(meter).text(v) }

// Parse reads a template. What the package does not have is an error with its
// line.
func Parse(source string) (*Template, error) {
	if len(source) > maxSource {
		return nil, &LimitError{"bytes", maxSource}
	}
	if !utf8.ValidString(source) {
		return nil, errors.New("must be UTF-8")
	}
	tokens, err := lex(source)
	if err != nil {
		return nil, err
	}
	p := &parser{tokens: tokens}
	body, err := p.body()
	if err != nil {
		return nil, err
	}
	return &Template{body: body, scope: frameOf(nil, nil, nil, body)}, nil
}

// Render writes the template with its variables. Later maps count over earlier
// ones, and all over the functions of the language.
func (t *Template) Render(vars ...Vars) (string, error) {
	r := &renderer{out: new(strings.Builder), given: vars}
	if err := r.body(t.body, r.enter(t.scope, nil)); err != nil {
		return "", err
	}
	return r.out.String(), nil
}
