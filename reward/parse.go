package reward

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"pgsrm/config"
)

// parser reads an expression of the language of rewards (docs/rewards.md) from left to
// right into a tree. Kinds of values, parameters and ranges are checked as it is built, so
// that no reward that was accepted can fail, loop or give a number that is not finite.
//
//	expression = sum [("<" | "<=" | ">" | ">=") sum]
//	sum        = product {("+" | "-") product}
//	product    = power {"*" power}
//	power      = ["-"] atom ["^" number]
//	atom       = number | "(" expression ")" | name ["^" number] ["(" argument {"," argument} ")"]
//	argument   = expression | parameter ["=" (number | text)] | text, first in a term that takes one (argument.go)
type parser struct {
	text  string
	pos   int // bytes
	nodes int
	texts [][2]int // where the texts of terms stand, from and to
	out   *program
}

// peek is the next character that is no blank; 0 at the end.
func (p *parser) peek() byte {
	for p.pos < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.pos]) >= 0 {
		p.pos++
	}
	if p.pos == len(p.text) {
		return 0
	}
	return p.text[p.pos]
}

// take steps over the next character where it is c.
func (p *parser) take(c byte) bool {
	if c == 0 || p.peek() != c {
		return false
	}
	p.pos++
	return true
}

// unexpected reports what stands here in place of what must.
func (p *parser) unexpected(must string) error {
	p.peek()
	if p.pos == len(p.text) {
		return &config.Error{Must: fmt.Sprintf("must go on with %s at its end", must), Value: fmt.Sprintf("%q", p.text)}
	}
	return &config.Error{Must: fmt.Sprintf("must have %s at character %d", must, p.pos+1), Value: fmt.Sprintf("%q", p.text[p.pos:])}
}

// number demands a value that is a number, and one that stays in bounds.
func (p *parser) number(args ...*node) error {
	for _, a := range args {
		if a.cond {
			return &config.Error{Must: "a comparison must stand first in where(condition, x, y), and nowhere else", Value: fmt.Sprintf("%q", a.String())}
		}
		if !(a.span.lo >= -maxReward && a.span.hi <= maxReward) {
			return &config.Error{Must: fmt.Sprintf("must stay between -%g and %g", maxReward, maxReward), Value: fmt.Sprintf("%q", a.String())}
		}
	}
	return nil
}

// add makes a node; its arguments must be numbers.
func (p *parser) add(n *node) (*node, error) {
	if p.nodes++; p.nodes > maxNodes {
		return nil, &config.Error{Must: fmt.Sprintf("must have at most %d parts", maxNodes)}
	}
	n.column = -1
	args := n.args
	if n.op == "where" {
		if !args[0].cond {
			return nil, &config.Error{Must: "where must begin with a comparison, as in where(exact > 0, x, y)", Value: fmt.Sprintf("%q", n.String())}
		}
		args = args[1:]
	}
	if err := p.number(args...); err != nil {
		return nil, err
	}
	n.span = n.bounds()
	return n, nil
}

// expression reads a sum, or a comparison of two.
func (p *parser) expression(depth int) (*node, error) {
	if depth > maxNesting {
		return nil, &config.Error{Must: fmt.Sprintf("must have at most %d parentheses within each other", maxNesting)}
	}
	left, err := p.sum(depth)
	if err != nil {
		return nil, err
	}
	c := p.peek()
	if c != '<' && c != '>' {
		return left, nil
	}
	p.pos++
	op := string(c)
	if p.take('=') {
		op += "="
	}
	right, err := p.sum(depth)
	if err != nil {
		return nil, err
	}
	n, err := p.add(&node{op: op, args: []*node{left, right}})
	if err == nil {
		n.cond = true
	}
	return n, err
}

func (p *parser) sum(depth int) (*node, error) {
	left, err := p.product(depth)
	for err == nil && (p.peek() == '+' || p.peek() == '-') {
		op := string(p.peek())
		p.pos++
		var right *node
		if right, err = p.product(depth); err == nil {
			left, err = p.add(&node{op: op, args: []*node{left, right}})
		}
	}
	return left, err
}

func (p *parser) product(depth int) (*node, error) {
	left, err := p.power(depth)
	for err == nil && p.take('*') {
		var right *node
		if right, err = p.power(depth); err != nil {
			break
		}
		for _, a := range []*node{left, right} {
			if a.op == "number" && a.value == 0 {
				return nil, &config.Error{Must: "weight must be other than 0", Value: "0"}
			}
		}
		left, err = p.add(&node{op: "*", args: []*node{left, right}})
	}
	return left, err
}

func (p *parser) power(depth int) (*node, error) {
	if p.take('+') {
		return p.power1(depth)
	}
	if !p.take('-') {
		return p.power1(depth)
	}
	n, err := p.power1(depth)
	if err != nil {
		return nil, err
	}
	if n.op == "number" && n.value > 0 {
		n.value = -n.value
		n.span = n.bounds()
		return n, nil
	}
	return p.add(&node{op: "neg", args: []*node{n}})
}

func (p *parser) power1(depth int) (*node, error) {
	base, err := p.atom(depth)
	if err != nil || !p.take('^') {
		return base, err
	}
	exponent, ok := p.literal()
	if !ok {
		return nil, p.unexpected("a number as exponent")
	}
	return p.raise(base, exponent)
}

// raise makes a power whose value is finite for every base.
func (p *parser) raise(base *node, exponent float64) (*node, error) {
	if !(exponent >= 0 && exponent <= 1000) {
		return nil, &config.Error{Must: "exponent must be between 0 and 1000", Value: fmt.Sprint(exponent)}
	}
	if base.span.lo < 0 && exponent != math.Trunc(exponent) {
		return nil, &config.Error{Must: "base of a power that is no whole number must not fall below 0: max(0, x) or clip(x, 0, 1) cut it", Value: fmt.Sprintf("%q", base.String())}
	}
	n := &node{op: "number", value: exponent, column: -1}
	n.span = n.bounds()
	return p.add(&node{op: "pow", args: []*node{base, n}})
}

// literal reads a number without sign.
func (p *parser) literal() (float64, bool) {
	p.peek()
	end := p.pos
	for end < len(p.text) {
		c := p.text[end]
		exponent := (c == '-' || c == '+') && end > p.pos && (p.text[end-1] == 'e' || p.text[end-1] == 'E')
		if !(c >= '0' && c <= '9' || c == '.' || (c == 'e' || c == 'E') && end > p.pos || exponent) {
			break
		}
		end++
	}
	x, err := strconv.ParseFloat(p.text[p.pos:end], 64)
	if err != nil {
		return 0, false
	}
	p.pos = end
	return x, true
}

// name reads letters, digits and underscores; empty where there is no letter.
func (p *parser) name() string {
	p.peek()
	end := p.pos
	for end < len(p.text) {
		c := p.text[end]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_'
		if !letter && (end == p.pos || c < '0' || c > '9') {
			break
		}
		end++
	}
	word := p.text[p.pos:end]
	p.pos = end
	return word
}

func (p *parser) atom(depth int) (*node, error) {
	if p.take('(') {
		n, err := p.expression(depth + 1)
		if err == nil && !p.take(')') {
			err = p.unexpected(`")"`)
		}
		return n, err
	}
	if x, ok := p.literal(); ok {
		if !(x <= maxNumber) {
			return nil, &config.Error{Must: fmt.Sprintf("numbers must be between -%.0f and %.0f", maxNumber, maxNumber), Value: fmt.Sprint(x)}
		}
		return p.add(&node{op: "number", value: x})
	}
	start := p.pos
	name := p.name()
	if name == "" {
		return nil, p.unexpected("a term, a function, a number or a parenthesis")
	}
	if k, ok := findKind(name); ok {
		return p.term(k)
	}
	f, ok := findFunction(name)
	if !ok {
		return nil, unknownReward(name)
	}
	if !p.take('(') {
		p.pos = start
		return nil, &config.Error{Must: fmt.Sprintf("%s must be called with its arguments: %s(...)", name, name), Value: fmt.Sprintf("%q", p.text[start:])}
	}
	return p.call(f, depth)
}

// call reads the arguments of a function.
func (p *parser) call(f function, depth int) (*node, error) {
	n := &node{op: f.name}
	for _, prm := range f.params {
		n.params = append(n.params, prm.def)
	}
	for {
		if key, ok := p.key(); ok {
			if err := p.parameter(f, n, key); err != nil {
				return nil, err
			}
		} else {
			a, err := p.expression(depth + 1)
			if err != nil {
				return nil, err
			}
			n.args = append(n.args, a)
		}
		if p.take(')') {
			break
		}
		if !p.take(',') {
			return nil, p.unexpected(`"," or ")"`)
		}
	}
	if len(n.args) < f.least || len(n.args) > f.most {
		want := fmt.Sprint(f.least)
		if f.most > f.least {
			want = fmt.Sprintf("%d to %d", f.least, f.most)
		}
		return nil, &config.Error{Must: fmt.Sprintf("%s must have %s arguments", f.name, want), Value: fmt.Sprint(len(n.args))}
	}
	if err := p.checkCall(n); err != nil {
		return nil, err
	}
	if f.name == "pow" {
		return p.raise(n.args[0], n.args[1].value)
	}
	return p.add(n)
}

// key reads name= where a parameter stands here.
func (p *parser) key() (string, bool) {
	start := p.pos
	if name := p.name(); name != "" && p.take('=') {
		return name, true
	}
	p.pos = start
	return "", false
}

// parameter reads the number of one parameter of a call.
func (p *parser) parameter(f function, n *node, key string) error {
	i := slices.IndexFunc(f.params, func(q parameter) bool { return q.name == key })
	if i < 0 {
		var names []string
		for _, q := range f.params {
			names = append(names, q.name+"=X")
		}
		must := fmt.Sprintf("%s takes no parameters", f.name)
		if len(names) > 0 {
			must = fmt.Sprintf("parameter of %s must be %s", f.name, strings.Join(names, " or "))
		}
		return &config.Error{Must: must, Value: fmt.Sprintf("%q", key)}
	}
	x, err := p.signed()
	if err != nil {
		return err
	}
	if !f.params[i].allowed.Contains(x) {
		return &config.Error{Must: fmt.Sprintf("%s of %s must be %s", key, f.name, f.params[i].allowed), Value: fmt.Sprint(x)}
	}
	n.params[i] = x
	return nil
}

// signed reads a number that may have a sign.
func (p *parser) signed() (float64, error) {
	sign := 1.0
	if p.take('-') {
		sign = -1
	}
	x, ok := p.literal()
	if !ok {
		return 0, p.unexpected("a number")
	}
	return sign * x, nil
}

// checkCall reports arguments that do not go together.
func (p *parser) checkCall(n *node) error {
	constant := func(from int) error {
		for _, a := range n.args[from:] {
			if a.op != "number" {
				return &config.Error{Must: fmt.Sprintf("argument of %s must be a number", n.op), Value: fmt.Sprintf("%q", a.String())}
			}
		}
		return nil
	}
	switch n.op {
	case "linear":
		return constant(0)
	case "pow":
		return constant(1)
	case "clip":
		if err := constant(1); err != nil {
			return err
		}
		if lo, hi := n.args[1].value, n.args[2].value; lo > hi {
			return &config.Error{Must: "lower bound of clip must not be above the upper one", Value: fmt.Sprintf("%g and %g", lo, hi)}
		}
	case "fade":
		if p.out.half > 0 && n.params[2] > 0 && p.out.half != n.params[2] {
			return &config.Error{Must: "half of fade must be the same throughout", Value: fmt.Sprintf("%g and %g", p.out.half, n.params[2])}
		}
		p.out.half = max(p.out.half, n.params[2])
	}
	return nil
}
