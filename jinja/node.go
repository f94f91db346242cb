package jinja

// Statements and expressions of a template, as the parser makes them.
type (
	// stmt is a statement.
	stmt interface{ exec(*renderer, *frame) error }

	textStmt   struct{ text string }
	outputStmt struct {
		line int
		x    expr
	}
	ifStmt struct {
		test       expr
		body, orIf []stmt // orIf: elif as a nested if, or else
	}
	forStmt struct {
		line               int
		target             target
		iter, test         expr // test nil: none
		body, orElse       []stmt
		scope, testS, elsS scope
		usesLoop           bool
	}
	setStmt struct {
		line   int
		target target
		value  expr
	}
	blockStmt struct { // set block, generation
		line    int
		target  target // nil: the text is written
		filters []filterExpr
		body    []stmt
		scope   scope
	}
	withStmt struct {
		names  []string
		values []expr
		body   []stmt
		scope  scope
	}
	macroStmt struct {
		line     int
		name     string
		params   []string
		defaults []expr // of the last ones
		body     []stmt
		scope    scope
	}
	jumpStmt struct{ jump error } // errBreak or errContinue

	// expr is an expression.
	expr interface {
		eval(*renderer, *frame) (value, error)
	}

	constExpr struct{ v value }
	nameExpr  struct{ name string }
	attrExpr  struct {
		line int
		x    expr
		name string
	}
	itemExpr struct {
		line     int
		x, index expr
	}
	sliceExpr struct {
		line                 int
		x, start, stop, step expr // nil: not given
	}
	listExpr struct {
		tuple bool
		items []expr
	}
	dictExpr struct {
		line         int
		keys, values []expr
	}
	callExpr struct {
		line int
		f    expr
		args
	}
	filterExpr struct {
		line int
		name string
		x    expr // nil in a set block
		args
	}
	testExpr struct {
		line int
		name string
		x    expr
		args
	}
	notExpr   struct{ x expr }
	logicExpr struct {
		or   bool
		a, b expr
	}
	condExpr struct {
		test, yes, no expr // no nil: undefined
	}
	compareExpr struct {
		line int
		x    expr
		ops  []string // "==", "in", "not in", ...
		with []expr
	}
	concatExpr struct{ items []expr }
	binaryExpr struct {
		line int
		op   string
		a, b expr
	}
	unaryExpr struct {
		line int
		op   string
		x    expr
	}

	// args are the arguments of a call.
	args struct {
		pos []expr
		key []keyword
	}
	keyword struct {
		name string
		x    expr
	}

	// target is what a value is assigned to: a name, a tuple or an attribute of
	// a namespace.
	target      interface{ names() []string }
	nameTarget  string
	tupleTarget []target
	attrTarget  struct {
		line       int
		name, attr string
	}
)

func (t nameTarget) names() []string { return []string{string(t)} }
func (t attrTarget) names() []string { return nil }
func (t tupleTarget) names() []string {
	var out []string
	for _, one := range t {
		out = append(out, one.names()...)
	}
	return out
}
