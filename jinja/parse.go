package jinja

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// parser makes a tree of the tokens.
type parser struct {
	tokens []token
	at     int
	depth  int
	loops  int // nested for statements
}

var (
	errBreak    = errors.New("break outside of a loop")
	errContinue = errors.New("continue outside of a loop")
)

func (p *parser) cur() token { return p.tokens[p.at] }

func (p *parser) next() token {
	t := p.tokens[p.at]
	if t.kind != kindEOF {
		p.at++
	}
	return t
}

// isOp says whether the current token is that operator.
func (p *parser) isOp(text string) bool { return p.cur().kind == kindOp && p.cur().text == text }

// isName says whether the current token is one of these names.
func (p *parser) isName(names ...string) bool {
	return p.cur().kind == kindName && slices.Contains(names, p.cur().text)
}

func (p *parser) skipOp(text string) bool {
	ok := p.isOp(text)
	if ok {
		p.at++
	}
	return ok
}

func (p *parser) skipName(name string) bool {
	ok := p.isName(name)
	if ok {
		p.at++
	}
	return ok
}

// fail is an error at the current token.
func (p *parser) fail(want string) error {
	return errorAt(p.cur().line, "must be %s (got %s)", want, p.cur().describe())
}

func (p *parser) expectOp(text string) error {
	if !p.skipOp(text) {
		return p.fail(fmt.Sprintf("%q", text))
	}
	return nil
}

func (p *parser) expect(k kind, want string) error {
	if p.cur().kind != k {
		return p.fail(want)
	}
	p.at++
	return nil
}

func (p *parser) name() (string, error) {
	if p.cur().kind != kindName {
		return "", p.fail("a name")
	}
	return p.next().text, nil
}

// enter counts the nesting; leave undoes it.
func (p *parser) enter() error {
	if p.depth++; p.depth > maxDepth {
		return errorAt(p.cur().line, "%w", errDepth)
	}
	return nil
}

func (p *parser) leave() { p.depth-- }

// body reads statements up to a tag of one of the names, which is left to be
// read; without names up to the end of the template.
func (p *parser) body(ends ...string) ([]stmt, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	var out []stmt
	for {
		switch t := p.next(); t.kind {
		case kindEOF:
			if ends != nil {
				return nil, errorAt(t.line, "tag %s is missing", strings.Join(ends, " or "))
			}
			return out, nil
		case kindData:
			out = append(out, textStmt{t.text})
		case kindOpen:
			x, err := p.tuple(true)
			if err == nil {
				err = p.expect(kindClose, `"}}"`)
			}
			if err != nil {
				return nil, err
			}
			out = append(out, outputStmt{t.line, x})
		case kindBegin:
			if p.isName(ends...) {
				return out, nil
			}
			s, err := p.statement()
			if err == nil {
				err = p.expect(kindEnd, `"%}"`)
			}
			if err != nil {
				return nil, err
			}
			out = append(out, s)
		}
	}
}

// statement reads a tag after its "{%", without its own "%}".
func (p *parser) statement() (stmt, error) {
	t := p.cur()
	name, err := p.name()
	if err != nil {
		return nil, err
	}
	switch name {
	case "if":
		return p.ifStatement()
	case "for":
		return p.forStatement(t.line)
	case "set":
		return p.setStatement(t.line)
	case "macro":
		return p.macroStatement(t.line)
	case "with":
		return p.withStatement()
	case "generation":
		return p.generationStatement(t.line)
	case "break", "continue":
		if p.loops == 0 {
			return nil, errorAt(t.line, "%s must stand in a loop", name)
		}
		if name == "break" {
			return jumpStmt{errBreak}, nil
		}
		return jumpStmt{errContinue}, nil
	}
	return nil, errorAt(t.line, "tag %q is not supported", name)
}

// block reads "%}", the statements after it and the name of the tag that ends them.
func (p *parser) block(ends ...string) ([]stmt, string, error) {
	if err := p.expect(kindEnd, `"%}"`); err != nil {
		return nil, "", err
	}
	body, err := p.body(ends...)
	if err != nil {
		return nil, "", err
	}
	return body, p.next().text, nil
}

func (p *parser) ifStatement() (stmt, error) {
	if err := p.enter(); err != nil { // elif nests
		return nil, err
	}
	defer p.leave()
	test, err := p.tuple(false)
	if err != nil {
		return nil, err
	}
	s := ifStmt{test: test}
	var end string
	if s.body, end, err = p.block("elif", "else", "endif"); err != nil {
		return nil, err
	}
	switch end {
	case "elif":
		rest, err := p.ifStatement()
		if err != nil {
			return nil, err
		}
		s.orIf = []stmt{rest}
	case "else":
		s.orIf, _, err = p.block("endif")
	}
	return s, err
}

func (p *parser) forStatement(line int) (stmt, error) {
	s := &forStmt{line: line}
	var err error
	if s.target, err = p.targets(); err != nil {
		return nil, err
	}
	for _, name := range s.target.names() {
		if name == "loop" {
			return nil, errorAt(line, "loop must not be assigned to")
		}
	}
	if !p.skipName("in") {
		return nil, p.fail(`"in"`)
	}
	if s.iter, err = p.tuple(false); err != nil {
		return nil, err
	}
	if p.skipName("if") {
		if s.test, err = p.expression(); err != nil {
			return nil, err
		}
	}
	if p.isName("recursive") {
		return nil, errorAt(line, "for: recursive is not supported")
	}
	begin := p.at
	p.loops++
	var end string
	s.body, end, err = p.block("else", "endfor")
	p.loops--
	if err != nil {
		return nil, err
	}
	s.usesLoop = p.mentions(begin, p.at, "loop")
	if end == "else" {
		s.orElse, _, err = p.block("endfor")
	}
	return s, err
}

// mentions says whether a name stands among the tokens.
func (p *parser) mentions(from, to int, names ...string) bool {
	for _, t := range p.tokens[from:to] {
		if t.kind == kindName && slices.Contains(names, t.text) {
			return true
		}
	}
	return false
}

// targets reads what is assigned to: a target, or several with commas.
func (p *parser) targets() (target, error) {
	first, err := p.target()
	if err != nil || !p.isOp(",") {
		return first, err
	}
	out := tupleTarget{first}
	for p.skipOp(",") {
		if p.isOp(")") { // Jinja has a comma at the end in brackets only
			break
		}
		one, err := p.target()
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

func (p *parser) target() (target, error) {
	line := p.cur().line
	if p.skipOp("(") {
		t, err := p.targets()
		if err != nil {
			return nil, err
		}
		return t, p.expectOp(")")
	}
	name, err := p.name()
	if err != nil {
		return nil, err
	}
	if slices.Contains(reserved, name) {
		return nil, errorAt(line, "%s must not be assigned to", name)
	}
	if p.skipOp(".") {
		attr, err := p.name()
		return attrTarget{line, name, attr}, err
	}
	return nameTarget(name), nil
}

// reserved are names that cannot be assigned to; true in capitals likewise.
var reserved = []string{"true", "false", "none", "True", "False", "None", "self", "super", "loop",
	"if", "else", "elif", "for", "in", "not", "and", "or", "is", "caller", "varargs", "kwargs"}

func (p *parser) setStatement(line int) (stmt, error) {
	to, err := p.targets()
	if err != nil {
		return nil, err
	}
	if p.skipOp("=") {
		v, err := p.tuple(true)
		return setStmt{line, to, v}, err
	}
	s := &blockStmt{line: line, target: to}
	for p.isOp("|") {
		f, err := p.filter(nil)
		if err != nil {
			return nil, err
		}
		s.filters = append(s.filters, f)
	}
	s.body, _, err = p.block("endset")
	return s, err
}

// generationStatement reads what transformers marks as the model's own text. It
// does not change the text, but is a scope of its own.
func (p *parser) generationStatement(line int) (stmt, error) {
	loops := p.loops
	p.loops = 0
	body, _, err := p.block("endgeneration")
	p.loops = loops
	return &blockStmt{line: line, body: body}, err
}

func (p *parser) withStatement() (stmt, error) {
	s := &withStmt{}
	for p.cur().kind != kindEnd {
		if len(s.names) > 0 {
			if err := p.expectOp(","); err != nil {
				return nil, err
			}
		}
		to, err := p.target()
		if err != nil {
			return nil, err
		}
		name, ok := to.(nameTarget)
		if !ok {
			return nil, errorAt(p.cur().line, "with: must assign to a name")
		}
		if err := p.expectOp("="); err != nil {
			return nil, err
		}
		v, err := p.expression()
		if err != nil {
			return nil, err
		}
		s.names, s.values = append(s.names, string(name)), append(s.values, v)
	}
	var err error
	s.body, _, err = p.block("endwith")
	return s, err
}

func (p *parser) macroStatement(line int) (stmt, error) {
	if p.loops > 0 {
		return nil, errorAt(line, "macro in a loop is not supported")
	}
	s := &macroStmt{line: line}
	to, err := p.target()
	if err != nil {
		return nil, err
	}
	name, ok := to.(nameTarget)
	if !ok {
		return nil, errorAt(line, "macro: must have a name")
	}
	s.name = string(name)
	if err := p.expectOp("("); err != nil {
		return nil, err
	}
	if err := p.parameters(s); err != nil {
		return nil, err
	}
	begin := p.at
	s.body, _, err = p.block("endmacro")
	if p.mentions(begin, p.at, "caller", "varargs", "kwargs") {
		return nil, errorAt(line, "macro with caller, varargs or kwargs is not supported")
	}
	return s, err
}

// parameters reads the parameters of a macro, their defaults and ")".
func (p *parser) parameters(s *macroStmt) error {
	for !p.isOp(")") {
		if len(s.params) > 0 {
			if err := p.expectOp(","); err != nil {
				return err
			}
		}
		to, err := p.target()
		if err != nil {
			return err
		}
		name, ok := to.(nameTarget)
		if !ok || slices.Contains(s.params, string(name)) {
			return errorAt(s.line, "macro %s: parameters must be different names", s.name)
		}
		if s.params = append(s.params, string(name)); len(s.params) > maxArguments {
			return errorAt(s.line, "macro %s: %w", s.name, errArgs)
		}
		if p.skipOp("=") {
			v, err := p.expression()
			if err != nil {
				return err
			}
			s.defaults = append(s.defaults, v)
		} else if len(s.defaults) > 0 {
			return errorAt(s.line, "macro %s: parameter %s must have a default", s.name, name)
		}
	}
	return p.expectOp(")")
}
