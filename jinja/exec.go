package jinja

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// renderer is the state of one rendering.
type renderer struct {
	meter
	out     *strings.Builder
	given   []Vars // variables of the caller, the last map first
	calls   int    // macros in macros
	testing bool   // in the condition of a for statement
}

// frame holds the names of a scope.
type frame struct {
	vars   map[string]value
	parent *frame
}

// missing is the value of a name that is not assigned yet.
type missing struct{}

// enter makes the frame of a scope, at a price that counts with the next step.
func (r *renderer) enter(s scope, parent *frame) *frame {
	r.steps += len(s) / itemsPerStep
	f := &frame{make(map[string]value, len(s)), parent}
	for name, how := range s {
		switch how {
		case loadGiven:
			f.vars[name] = r.global(name)
		case loadOuter:
			f.vars[name] = parent.get(name)
		default:
			f.vars[name] = missing{}
		}
	}
	return f
}

// get finds the value of a name, missing{} where it has none.
func (f *frame) get(name string) value {
	for ; f != nil; f = f.parent {
		if v, ok := f.vars[name]; ok {
			return v
		}
	}
	return missing{}
}

// global is what the caller gave under a name, else a global function.
func (r *renderer) global(name string) value {
	for _, vars := range slices.Backward(r.given) {
		if v, ok := vars[name]; ok {
			return v
		}
	}
	if g := globals[name]; g != nil {
		return g
	}
	return missing{}
}

func (r *renderer) body(all []stmt, f *frame) error {
	for _, s := range all {
		if err := r.spend(1); err != nil {
			return err
		}
		if err := s.exec(r, f); err != nil {
			return err
		}
	}
	return nil
}

// captured runs statements and returns what they write.
func (r *renderer) captured(all []stmt, f *frame) (string, error) {
	outer := r.out
	r.out = new(strings.Builder)
	err := r.body(all, f)
	s := r.out.String()
	r.out = outer
	return s, err
}

func (r *renderer) write(s string) error {
	if r.out.Len()+len(s) > maxText {
		return errOutput
	}
	if err := r.spend(len(s) / bytesPerStep); err != nil {
		return err
	}
	r.out.WriteString(s)
	return nil
}

// at prefixes the line to an error that has none.
func at(line int, err error) error {
	var placed *lineError
	if err == nil || errors.As(err, &placed) || errors.Is(err, errBreak) || errors.Is(err, errContinue) {
		return err
	}
	return &lineError{line, err}
}

// lineError is an error at a line of the template.
type lineError struct {
	line int
	err  error
}

func (e *lineError) Error() string { return fmt.Sprintf("line %d: %v", e.line, e.err) }
func (e *lineError) Unwrap() error { return e.err }

func (s textStmt) exec(r *renderer, _ *frame) error { return r.write(s.text) }

func (s outputStmt) exec(r *renderer, f *frame) error {
	v, err := s.x.eval(r, f)
	if err != nil {
		return at(s.line, err)
	}
	out, err := r.text(v)
	if err != nil {
		return at(s.line, err)
	}
	return at(s.line, r.write(out))
}

func (s ifStmt) exec(r *renderer, f *frame) error {
	v, err := s.test.eval(r, f)
	if err != nil {
		return err
	}
	if truth(v) {
		return r.body(s.body, f)
	}
	return r.body(s.orIf, f)
}

func (s *forStmt) exec(r *renderer, f *frame) error {
	v, err := s.iter.eval(r, f)
	if err != nil {
		return at(s.line, err)
	}
	items, err := r.walk(v)
	if err != nil {
		return at(s.line, fmt.Errorf("for: %w", err))
	}
	if items, err = s.filtered(r, f, items); err != nil {
		return err
	}
	lp := &loop{items: items}
	complete := false // as in Jinja, else runs where no iteration came to its end
	for i, item := range items {
		lp.index = i
		inner := r.enter(s.scope, f)
		if s.usesLoop {
			inner.vars["loop"] = lp
		}
		if err := r.assign(s.target, item, inner); err != nil {
			return at(s.line, err)
		}
		err := r.body(s.body, inner)
		if errors.Is(err, errBreak) {
			break
		}
		if err != nil && !errors.Is(err, errContinue) {
			return err
		}
		complete = complete || err == nil
		if err := r.spend(1); err != nil {
			return err
		}
	}
	if complete {
		return nil
	}
	return r.body(s.orElse, r.enter(s.elsS, f))
}

// filtered keeps the items for which the condition of the loop holds.
func (s *forStmt) filtered(r *renderer, f *frame, items []value) ([]value, error) {
	if s.test == nil {
		return items, nil
	}
	r.testing = true
	defer func() { r.testing = false }()
	var out []value
	for _, item := range items {
		inner := r.enter(s.testS, f)
		if err := r.assign(s.target, item, inner); err != nil {
			return nil, at(s.line, err)
		}
		v, err := s.test.eval(r, inner)
		if err != nil {
			return nil, at(s.line, err)
		}
		if truth(v) {
			out = append(out, item)
		}
	}
	return out, nil
}

// assign gives a value to a target in a frame.
func (r *renderer) assign(t target, v value, f *frame) error {
	switch t := t.(type) {
	case nameTarget:
		f.vars[string(t)] = v
	case attrTarget:
		ns, ok := f.get(t.name).(*namespace)
		if !ok {
			return fmt.Errorf("attributes can be set on a namespace only (%s is none)", t.name)
		}
		if strings.HasPrefix(t.attr, "_") {
			return fmt.Errorf("namespace: names must not begin with an underscore (got %q)", t.attr)
		}
		ns.attrs.set(t.attr, v)
	case tupleTarget:
		items, err := r.walk(v)
		if err != nil {
			return err
		}
		if len(items) != len(t) {
			return fmt.Errorf("must have %d values to assign (got %d)", len(t), len(items))
		}
		for i := range t {
			if err := r.assign(t[i], items[i], f); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s setStmt) exec(r *renderer, f *frame) error {
	v, err := s.value.eval(r, f)
	if err != nil {
		return at(s.line, err)
	}
	return at(s.line, r.assign(s.target, v, f))
}

func (s *blockStmt) exec(r *renderer, f *frame) error {
	inner := r.enter(s.scope, f)
	out, err := r.captured(s.body, inner)
	if err != nil {
		return err
	}
	var v value = out
	for _, fl := range s.filters {
		if v, err = fl.apply(r, inner, v); err != nil {
			return at(s.line, err)
		}
	}
	if s.target == nil {
		return at(s.line, r.write(out))
	}
	return at(s.line, r.assign(s.target, v, f))
}

func (s *withStmt) exec(r *renderer, f *frame) error {
	inner := r.enter(s.scope, f)
	for i, name := range s.names {
		v, err := s.values[i].eval(r, f)
		if err != nil {
			return err
		}
		inner.vars[name] = v
	}
	return r.body(s.body, inner)
}

func (s *macroStmt) exec(_ *renderer, f *frame) error {
	f.vars[s.name] = &macro{s, f}
	return nil
}

func (s jumpStmt) exec(*renderer, *frame) error { return s.jump }

// invoke calls a macro and returns what it writes.
func (m *macro) invoke(r *renderer, c call) (value, error) {
	if r.calls++; r.calls > maxCalls {
		return nil, fmt.Errorf("macro %s: %w", m.name, errCalls)
	}
	defer func() { r.calls-- }()
	given, err := c.bind(m.name, 0, m.params...)
	if err != nil {
		return nil, err
	}
	inner := r.enter(m.scope, m.frame)
	first := len(m.params) - len(m.defaults)
	for i, name := range m.params {
		v := given[i]
		if v == (missing{}) {
			v = undefined{"parameter " + name + " of macro " + m.name}
			if i >= first {
				if v, err = m.defaults[i-first].eval(r, inner); err != nil {
					return nil, err
				}
			}
		}
		inner.vars[name] = v
	}
	out, err := r.captured(m.body, inner)
	return out, err
}
