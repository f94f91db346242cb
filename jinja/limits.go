package jinja

import "fmt"

// Bounds of a template and of one rendering.
const (
	maxSource    = 1 << 20 // bytes of a template
	maxDepth     = 100     // levels of tags and of expressions
	maxChain     = 500     // operators, attributes or filters in a row
	maxArguments = 255     // of a call, and parameters of a macro
	maxSteps     = 500_000 // of a rendering
	maxCalls     = 100     // macros in macros
	maxText      = 4 << 20 // bytes of a text, and of what a rendering writes
	maxItems     = 1 << 20 // items of a list
	maxNesting   = 500     // values in values
)

// LimitError is the error of a template that needs more than it may have.
type LimitError struct {
	What  string // what there would be too many of
	Limit int    // how many are allowed
}

func (e *LimitError) Error() string { return fmt.Sprintf("needs more than %d %s", e.Limit, e.What) }

var (
	errDepth   = &LimitError{"levels of tags or brackets", maxDepth}
	errChain   = &LimitError{"operators in a row", maxChain}
	errArgs    = &LimitError{"arguments", maxArguments}
	errSteps   = &LimitError{"steps", maxSteps}
	errCalls   = &LimitError{"macros in macros", maxCalls}
	errText    = &LimitError{"bytes of text", maxText}
	errOutput  = &LimitError{"bytes of output", maxText}
	errItems   = &LimitError{"items of a list", maxItems}
	errNesting = &LimitError{"values in values", maxNesting}
)

// meter counts the work of a rendering in steps. A statement or expression is one,
// and whatever reads or makes a value pays for its length. So the steps bound the
// time; and since a step pays for no more than some hundred bytes, they bound the
// memory too, whatever is kept.
type meter struct{ steps int }

// What one step pays for.
const (
	bytesPerStep = 128
	itemsPerStep = 8 // of a list; a dict pays for each key
)

// spend counts steps.
func (m *meter) spend(steps int) error {
	if m.steps += steps; m.steps > maxSteps {
		return errSteps
	}
	return nil
}

// charge counts the work that values mean for what reads or makes them.
func (m *meter) charge(values ...value) error {
	steps := 1
	for _, v := range values {
		switch v := v.(type) {
		case string:
			steps += len(v) / bytesPerStep
		case *list:
			steps += len(v.items) / itemsPerStep
		case *iterator:
			steps += len(v.items) / itemsPerStep
		case *dict:
			steps += len(v.keys)
		case *namespace:
			steps += len(v.attrs.keys)
		case method:
			if err := m.charge(v.recv); err != nil {
				return err
			}
		}
	}
	return m.spend(steps)
}

// chargeCall counts the arguments of a call.
func (m *meter) chargeCall(c call) error {
	if err := m.charge(c.pos...); err != nil {
		return err
	}
	return m.charge(c.named...)
}

// walker bounds a walk through values, which may hold one another many times over.
type walker struct {
	*meter
	depth int
}

// enter counts a level; leave undoes it.
func (w *walker) enter() error {
	if w.depth++; w.depth > maxNesting {
		return errNesting
	}
	return w.spend(1)
}

func (w *walker) leave() { w.depth-- }
