package jinja

import (
	"slices"
	"strings"
)

// tuple reads an expression, or several with commas as a tuple; cond says
// whether "a if b else c" may stand without brackets.
func (p *parser) tuple(cond bool) (expr, error) {
	one := p.or
	if cond {
		one = p.expression
	}
	first, err := one()
	if err != nil || !p.isOp(",") {
		return first, err
	}
	out := listExpr{tuple: true, items: []expr{first}}
	for p.skipOp(",") {
		if k := p.cur().kind; k == kindEnd || k == kindClose || p.isOp(")") || p.isName("recursive") {
			break
		}
		x, err := one()
		if err != nil {
			return nil, err
		}
		out.items = append(out.items, x)
	}
	return out, nil
}

// expression reads "a if b else c" or what binds closer.
func (p *parser) expression() (expr, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	x, err := p.or()
	for n := 0; err == nil && p.skipName("if"); n++ {
		if n == maxChain {
			return nil, errorAt(p.cur().line, "%w", errChain)
		}
		c := condExpr{yes: x}
		if c.test, err = p.or(); err != nil {
			return nil, err
		}
		if p.skipName("else") {
			if c.no, err = p.expression(); err != nil {
				return nil, err
			}
		}
		x = c
	}
	return x, err
}

// left reads operands with left-binding operators between them.
func (p *parser) left(operand func() (expr, error), join func(op string, line int, a, b expr) expr, ops ...string) (expr, error) {
	x, err := operand()
	for n := 0; err == nil && slices.Contains(ops, p.cur().text) && (p.cur().kind == kindOp || p.cur().kind == kindName); n++ {
		if n == maxChain {
			return nil, errorAt(p.cur().line, "%w", errChain)
		}
		op := p.next()
		var y expr
		if y, err = operand(); err != nil {
			return nil, err
		}
		x = join(op.text, op.line, x, y)
	}
	return x, err
}

func joinLogic(op string, _ int, a, b expr) expr { return logicExpr{op == "or", a, b} }

func joinBinary(op string, line int, a, b expr) expr { return binaryExpr{line, op, a, b} }

func (p *parser) or() (expr, error)  { return p.left(p.and, joinLogic, "or") }
func (p *parser) and() (expr, error) { return p.left(p.not, joinLogic, "and") }

func (p *parser) not() (expr, error) {
	if !p.skipName("not") {
		return p.compare()
	}
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	x, err := p.not()
	return notExpr{x}, err
}

func (p *parser) compare() (expr, error) {
	x, err := p.sum()
	if err != nil {
		return nil, err
	}
	c := compareExpr{line: p.cur().line, x: x}
	for {
		t := p.cur()
		op := ""
		switch {
		case t.kind == kindOp && slices.Contains([]string{"==", "!=", "<", "<=", ">", ">="}, t.text), p.isName("in"):
			op = t.text
		case p.isName("not") && p.tokens[p.at+1].kind == kindName && p.tokens[p.at+1].text == "in":
			p.at++
			op = "not in"
		}
		if op == "" {
			break
		}
		p.at++
		y, err := p.sum()
		if err != nil {
			return nil, err
		}
		c.ops, c.with = append(c.ops, op), append(c.with, y)
	}
	if c.ops == nil {
		return x, nil
	}
	return c, nil
}

func (p *parser) sum() (expr, error) { return p.left(p.concat, joinBinary, "+", "-") }

func (p *parser) concat() (expr, error) {
	x, err := p.product()
	if err != nil || !p.isOp("~") {
		return x, err
	}
	c := concatExpr{[]expr{x}}
	for p.skipOp("~") {
		if x, err = p.product(); err != nil {
			return nil, err
		}
		c.items = append(c.items, x)
	}
	return c, nil
}

func (p *parser) product() (expr, error) { return p.left(p.power, joinBinary, "*", "/", "//", "%") }

func (p *parser) power() (expr, error) {
	return p.left(func() (expr, error) { return p.unary(true) }, joinBinary, "**")
}

// unary reads a sign, or a value with what follows it: attributes, calls and,
// where filters is set, filters and tests.
func (p *parser) unary(filters bool) (expr, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	var x expr
	var err error
	if t := p.cur(); p.isOp("-") || p.isOp("+") {
		p.at++
		if x, err = p.unary(false); err == nil {
			x = unaryExpr{t.line, t.text, x}
		}
	} else {
		x, err = p.primary()
	}
	if err == nil {
		x, err = p.postfix(x)
	}
	if err == nil && filters {
		x, err = p.filters(x)
	}
	return x, err
}

func (p *parser) primary() (expr, error) {
	switch t := p.next(); t.kind {
	case kindName:
		return nameOrConst(t.text), nil
	case kindString:
		parts := []string{t.text}
		for p.cur().kind == kindString {
			parts = append(parts, p.next().text)
		}
		return constExpr{strings.Join(parts, "")}, nil
	case kindInt:
		return constExpr{t.int}, nil
	case kindFloat:
		return constExpr{t.float}, nil
	case kindOp:
		switch t.text {
		case "(":
			if p.skipOp(")") {
				return listExpr{tuple: true}, nil
			}
			x, err := p.tuple(true)
			if err != nil {
				return nil, err
			}
			return x, p.expectOp(")")
		case "[":
			items, err := p.items("]")
			return listExpr{items: items}, err
		case "{":
			return p.dict(t.line)
		}
	}
	if p.cur().kind != kindEOF {
		p.at--
	}
	return nil, p.fail("an expression")
}

func nameOrConst(name string) expr {
	switch name {
	case "true", "True":
		return constExpr{true}
	case "false", "False":
		return constExpr{false}
	case "none", "None":
		return constExpr{nil}
	}
	return nameExpr{name}
}

// items reads expressions with commas up to the closing bracket.
func (p *parser) items(closing string) ([]expr, error) {
	var out []expr
	for !p.isOp(closing) {
		if len(out) > 0 {
			if err := p.expectOp(","); err != nil {
				return nil, err
			}
			if p.isOp(closing) {
				break
			}
		}
		x, err := p.expression()
		if err != nil {
			return nil, err
		}
		out = append(out, x)
	}
	return out, p.expectOp(closing)
}

func (p *parser) dict(line int) (expr, error) {
	d := dictExpr{line: line}
	for !p.isOp("}") {
		if len(d.keys) > 0 {
			if err := p.expectOp(","); err != nil {
				return nil, err
			}
			if p.isOp("}") {
				break
			}
		}
		k, err := p.expression()
		if err == nil {
			err = p.expectOp(":")
		}
		if err != nil {
			return nil, err
		}
		v, err := p.expression()
		if err != nil {
			return nil, err
		}
		d.keys, d.values = append(d.keys, k), append(d.values, v)
	}
	return d, p.expectOp("}")
}

// postfix reads attributes, items and calls.
func (p *parser) postfix(x expr) (expr, error) {
	for n := 0; ; n++ {
		if n > maxChain {
			return nil, errorAt(p.cur().line, "%w", errChain)
		}
		line := p.cur().line
		switch {
		case p.skipOp("."):
			t := p.next()
			switch t.kind {
			case kindName:
				x = attrExpr{line, x, t.text}
			case kindInt:
				x = itemExpr{line, x, constExpr{t.int}}
			default:
				return nil, errorAt(line, `a name or number must follow "."`)
			}
		case p.skipOp("["):
			var err error
			if x, err = p.subscript(x, line); err != nil {
				return nil, err
			}
		case p.isOp("("):
			a, err := p.arguments()
			if err != nil {
				return nil, err
			}
			x = callExpr{line, x, a}
		default:
			return x, nil
		}
	}
}

// subscript reads an index or a slice and "]".
func (p *parser) subscript(x expr, line int) (expr, error) {
	var parts [3]expr // of a slice
	var colons int
	for !p.isOp("]") {
		if p.skipOp(":") {
			if colons++; colons > 2 {
				return nil, errorAt(line, "slice must have at most two colons")
			}
			continue
		}
		if parts[colons] != nil {
			return nil, p.fail(`"]"`)
		}
		y, err := p.expression()
		if err != nil {
			return nil, err
		}
		parts[colons] = y
	}
	p.at++
	switch {
	case colons > 0:
		return sliceExpr{line, x, parts[0], parts[1], parts[2]}, nil
	case parts[0] == nil:
		return nil, errorAt(line, "index must not be empty")
	}
	return itemExpr{line, x, parts[0]}, nil
}

// arguments reads the arguments of a call in brackets.
func (p *parser) arguments() (args, error) {
	var a args
	p.at++
	for n := 0; !p.isOp(")"); n++ {
		if n > 0 {
			if err := p.expectOp(","); err != nil {
				return a, err
			}
			if p.isOp(")") {
				break
			}
		}
		if p.isOp("*") || p.isOp("**") {
			return a, errorAt(p.cur().line, "arguments with %s are not supported", p.cur().text)
		}
		if n >= maxArguments {
			return a, errorAt(p.cur().line, "%w", errArgs)
		}
		name := ""
		if t := p.tokens[p.at]; t.kind == kindName && p.tokens[p.at+1].kind == kindOp && p.tokens[p.at+1].text == "=" {
			name = t.text
			p.at += 2
		}
		x, err := p.expression()
		if err != nil {
			return a, err
		}
		switch {
		case name != "":
			if slices.ContainsFunc(a.key, func(k keyword) bool { return k.name == name }) {
				return a, errorAt(p.cur().line, "argument %s stands twice", name)
			}
			a.key = append(a.key, keyword{name, x})
		case len(a.key) > 0:
			return a, errorAt(p.cur().line, "argument without a name must not follow one with a name")
		default:
			a.pos = append(a.pos, x)
		}
	}
	return a, p.expectOp(")")
}

// filters reads filters, tests and calls after a value.
func (p *parser) filters(x expr) (expr, error) {
	for n := 0; ; n++ {
		if n > maxChain {
			return nil, errorAt(p.cur().line, "%w", errChain)
		}
		var err error
		switch {
		case p.isOp("|"):
			x, err = p.filter(x)
		case p.isName("is"):
			x, err = p.test(x)
		case p.isOp("("):
			line := p.cur().line
			var a args
			a, err = p.arguments()
			x = callExpr{line, x, a}
		default:
			return x, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// filter reads one filter of x.
func (p *parser) filter(x expr) (filterExpr, error) {
	p.at++
	f := filterExpr{line: p.cur().line, x: x}
	var err error
	if f.name, err = p.name(); err != nil {
		return f, err
	}
	if filters[f.name] == nil {
		return f, errorAt(f.line, "filter %q is not supported", f.name)
	}
	if p.isOp("(") {
		f.args, err = p.arguments()
	}
	return f, err
}

// test reads one test of x.
func (p *parser) test(x expr) (expr, error) {
	p.at++
	negated := p.skipName("not")
	t := testExpr{line: p.cur().line, x: x}
	var err error
	if t.name, err = p.name(); err != nil {
		return nil, err
	}
	if tests[t.name] == nil {
		return nil, errorAt(t.line, "test %q is not supported", t.name)
	}
	switch k := p.cur().kind; {
	case p.isOp("("):
		t.args, err = p.arguments()
	case p.isName("else", "or", "and"):
	case p.isName("is"):
		return nil, errorAt(t.line, "tests with is must not be chained")
	case k == kindName || k == kindString || k == kindInt || k == kindFloat || p.isOp("[") || p.isOp("{"):
		var y expr
		if y, err = p.primary(); err == nil {
			y, err = p.postfix(y)
		}
		t.args.pos = []expr{y}
	}
	if err != nil {
		return nil, err
	}
	if negated {
		return notExpr{t}, nil
	}
	return t, nil
}
