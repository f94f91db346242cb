package reward

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"pgsrm/config"
)

// Limits of an expression.
const (
	maxFormula = 4000 // bytes
	maxNodes   = 500
	maxNesting = 40
	maxNumber  = 1e6
	maxReward  = 1e9 // of any part of an expression
)

// node is an operation of an expression on the values of its arguments.
type node struct {
	op     string // "number", "term", an operator, or the name of a function
	args   []*node
	params []float64 // of the function, in the order of its table
	value  float64   // number
	term   Term      // term
	column int       // in Score.Terms: of a term, and of a function with a column; else -1
	cond   bool      // its value is true or false
	span   span      // its values
}

// span is an interval that holds all values of an expression.
type span struct{ lo, hi float64 }

func (s span) join(t span) span { return span{min(s.lo, t.lo), max(s.hi, t.hi)} }

// corners is the span of a product.
func (s span) corners(t span) span {
	p := []float64{s.lo * t.lo, s.lo * t.hi, s.hi * t.lo, s.hi * t.hi}
	return span{slices.Min(p), slices.Max(p)}
}

// function is an operation that is written as a call.
type function struct {
	name        string
	least, most int // arguments
	params      []parameter
	memory      bool // depends on what the run has seen, or how far it is
	group       bool // compares the answers to one prompt
	column      bool // its factor is logged
}

// parameter is a number that is given by name: name=x.
type parameter struct {
	name    string
	def     float64
	allowed config.Interval
}

func inside(text string) config.Interval { return config.ParseInterval(text) }

// functions are all functions, in the order of docs/rewards.md.
var functions = []function{
	{name: "min", least: 2, most: 20},
	{name: "max", least: 2, most: 20},
	{name: "clip", least: 3, most: 3},
	{name: "where", least: 3, most: 3},
	{name: "pow", least: 2, most: 2},
	{name: "linear", least: 2, most: 2, memory: true, params: []parameter{{"until", 1, inside("(0, 1]")}}},
	{name: "fade", least: 1, most: 1, memory: true, column: true, params: []parameter{
		{"k", 4, inside("(0, 1000000]")}, {"near", 0, inside("[0, 1]")}, {"half", 0, inside("[0, 1000000]")}}},
	{name: "rank", least: 1, most: 1, group: true},
	{name: "minmax", least: 1, most: 1, group: true},
	{name: "zscore", least: 1, most: 1, group: true},
	{name: "strata", least: 1, most: 1, group: true, params: []parameter{
		{"alpha", 0.1, inside("[0, 1]")}, {"beta", 0.1, inside("[0, 1]")}}},
	{name: "saturate", least: 1, most: 1, params: []parameter{
		{"center", 0, inside("[-1000000, 1000000]")}, {"scale", 1, inside("[0.001, 1000000]")}}},
}

func findFunction(name string) (function, bool) {
	i := slices.IndexFunc(functions, func(f function) bool { return f.name == name })
	if i < 0 {
		return function{}, false
	}
	return functions[i], true
}

// functionNames lists the functions of the language.
func functionNames() []string {
	out := make([]string, len(functions))
	for i, f := range functions {
		out[i] = f.name
	}
	return out
}

// program is an expression that was checked.
type program struct {
	root    *node
	terms   []Term   // the different terms, weight 1, with their defaults; Score.Terms begins with them
	checks  []check  // [terms] those that are made of a text; else nil
	columns []string // names of Score.Terms: of the terms, then of the functions with a column
	memory  bool     // some part depends on what the run has seen
	group   bool     // some part compares the answers to one prompt
	timed   bool     // some part depends on how much of the run is done
	near    bool     // close answers share a count
	vectors bool     // some part needs an embedder
	own     []int    // columns of the terms that are the user's own
	half    float64  // visits after which a count is half of it; 0 = never
	texts   [][2]int // where the texts of terms stand in what was compiled, from and to
}

// compile parses and checks the text of an expression.
func compile(text string) (*program, error) {
	if len(text) > maxFormula {
		return nil, &config.Error{Must: fmt.Sprintf("must have at most %d characters", maxFormula), Value: fmt.Sprint(len(text))}
	}
	p := &parser{text: text, out: &program{}}
	root, err := p.expression(0)
	if err == nil && p.peek() != 0 {
		err = p.unexpected("an operator (+ - * ^ < >)")
	}
	if err == nil {
		err = p.number(root)
	}
	if err != nil {
		return nil, err
	}
	out := p.out
	out.root, out.texts = root, p.texts
	if len(out.terms) == 0 {
		return nil, &config.Error{Must: "must have at least one term", Value: fmt.Sprintf("%q", text)}
	}
	if n := len(root.String()); n > maxFormula {
		return nil, &config.Error{Must: fmt.Sprintf("must have at most %d characters in its plainest form", maxFormula), Value: fmt.Sprint(n)}
	}
	if err := out.finish(); err != nil {
		return nil, err
	}
	return out, nil
}

// finish names the columns and finds what the expression depends on.
func (p *program) finish() error {
	for i, t := range p.terms {
		k, _ := findKind(t.Kind)
		if k.own {
			p.own = append(p.own, i)
		}
		p.memory, p.group, p.vectors = p.memory || k.memory, p.group || k.group, p.vectors || k.vectors
		p.timed = p.timed || t.Kind == "progress"
		p.columns = append(p.columns, t.Kind)
		var made check
		if k.check != nil {
			var err error
			if made, err = k.check(t.Text); err != nil {
				return config.At(t.Kind+".text", err)
			}
		}
		p.checks = append(p.checks, made)
	}
	p.root.walk(func(n *node) {
		f, _ := findFunction(n.op)
		p.memory, p.group = p.memory || f.memory, p.group || f.group
		if f.column {
			n.column = len(p.columns)
			p.columns = append(p.columns, n.op)
		}
		p.timed = p.timed || n.op == "linear"
		p.near = p.near || n.op == "fade" && n.params[1] > 0
	})
	p.vectors = p.vectors || p.near
	seen := map[string]int{}
	for i, name := range p.columns {
		if seen[name]++; seen[name] > 1 {
			p.columns[i] = fmt.Sprintf("%s_%d", name, seen[name])
		}
	}
	return nil
}

func (n *node) walk(f func(*node)) {
	f(n)
	for _, a := range n.args {
		a.walk(f)
	}
}

// bounds is the span of a node from those of its arguments.
func (n *node) bounds() span {
	arg := func(i int) span { return n.args[i].span }
	switch n.op {
	case "number":
		return span{n.value, n.value}
	case "neg":
		return span{-arg(0).hi, -arg(0).lo}
	case "+":
		return span{arg(0).lo + arg(1).lo, arg(0).hi + arg(1).hi}
	case "-":
		return span{arg(0).lo - arg(1).hi, arg(0).hi - arg(1).lo}
	case "*":
		return arg(0).corners(arg(1))
	case "min", "max":
		s := arg(0)
		for _, a := range n.args[1:] {
			if n.op == "min" {
				s = span{min(s.lo, a.span.lo), min(s.hi, a.span.hi)}
			} else {
				s = span{max(s.lo, a.span.lo), max(s.hi, a.span.hi)}
			}
		}
		return s
	case "clip":
		lo, hi := n.args[1].value, n.args[2].value
		return span{clip(arg(0).lo, lo, hi), clip(arg(0).hi, lo, hi)}
	case "where":
		return arg(1).join(arg(2))
	case "pow":
		return arg(0).raised(n.args[1].value)
	case "linear":
		return arg(0).join(arg(1))
	case "fade":
		return arg(0).join(span{})
	case "rank", "minmax", "saturate":
		return span{0, 1}
	case "zscore":
		return span{-maxZ, maxZ}
	case "strata":
		return span{-n.params[0], 1 + n.params[1]}
	}
	return span{} // a term, which sets its own, or a condition
}

// maxZ is where zscore is cut; only groups of more than 10,000 answers come there.
const maxZ = 100

// raised is the span of a power.
func (s span) raised(exponent float64) span {
	lo, hi := math.Pow(s.lo, exponent), math.Pow(s.hi, exponent)
	out := span{min(lo, hi), max(lo, hi)}
	if s.lo < 0 && s.hi > 0 {
		out = out.join(span{})
	}
	return out
}

// Strength of the operators, for parentheses.
var strength = map[string]int{"<": 1, "<=": 1, ">": 1, ">=": 1, "+": 2, "-": 2, "*": 3, "neg": 3}

// String is the expression in its plainest form, which compile reads back.
func (n *node) String() string {
	within := func(a *node, least int) string {
		s, known := strength[a.op]
		if a.op == "number" && a.value < 0 {
			s, known = strength["neg"], true
		}
		if known && s < least {
			return "(" + a.String() + ")"
		}
		return a.String()
	}
	number := func(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }
	switch n.op {
	case "number":
		return number(n.value)
	case "term":
		return n.term.String()
	case "neg":
		return "-" + within(n.args[0], strength["neg"]+1)
	case "+", "-", "*", "<", "<=", ">", ">=":
		s := strength[n.op]
		left, right := within(n.args[0], s), within(n.args[1], s+1)
		if n.op == "*" {
			return left + "*" + right
		}
		return left + " " + n.op + " " + right
	}
	var list []string
	for _, a := range n.args {
		list = append(list, a.String())
	}
	f, _ := findFunction(n.op)
	for i, prm := range f.params {
		if n.params[i] != prm.def {
			list = append(list, prm.name+"="+number(n.params[i]))
		}
	}
	return n.op + "(" + strings.Join(list, ", ") + ")"
}
