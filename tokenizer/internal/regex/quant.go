package regex

import (
	"strconv"
	"strings"
)

// quantified reads what follows an atom.
func (p *parser) quantified(c code) (code, error) {
	start := p.pos
	least, most, ok, err := p.bounds()
	if err != nil || !ok {
		return c, err
	}
	how := greedy
	interval := p.pattern[start] == '{'
	switch {
	case !interval && p.take("?"):
		how = lazy
	case !interval && p.take("+"):
		how = possessive
	}
	if rest := p.pattern[p.pos:]; rest != "" && strings.IndexByte("*+?{", rest[0]) >= 0 || c.empty {
		return c, p.unsupported(start, p.pos+1) // a quantifier of a quantifier, or of nothing
	}
	p.last = 0
	if len(c.prog) == 1 && c.prog[0].op == opSet {
		return code{[]inst{{op: opRun, set: c.prog[0].set, min: least, max: most, style: how}}, least == 0}, nil
	}
	return p.repeat(c, least, most, how)
}

// bounds reads a quantifier: how often at least and at most, -1 for no limit.
func (p *parser) bounds() (least, most int, ok bool, err error) {
	switch {
	case p.take("*"):
		return 0, -1, true, nil
	case p.take("+"):
		return 1, -1, true, nil
	case p.take("?"):
		return 0, 1, true, nil
	case !strings.HasPrefix(p.pattern[p.pos:], "{"):
		return 0, 0, false, nil
	}
	start := p.pos
	body, _, closed := strings.Cut(p.pattern[p.pos+1:], "}")
	a, b, two := strings.Cut(body, ",")
	least, err1 := strconv.Atoi(a)
	most, err2 := least, err1
	if two && b == "" {
		most, err2 = -1, nil
	} else if two {
		most, err2 = strconv.Atoi(b)
	}
	if !closed || err1 != nil || err2 != nil || least < 0 || least > 1000 || most > 1000 || most >= 0 && most < least {
		return 0, 0, false, p.unsupported(start, start+1+len(body)+1)
	}
	p.pos += len(body) + 2
	return least, most, true, nil
}

// repeat writes out a repetition of more than one character.
func (p *parser) repeat(c code, least, most int, how style) (code, error) {
	all := code{empty: least == 0}
	var err error
	for range least {
		if all, err = p.limit(code{appendCode(all.prog, c), all.empty}); err != nil {
			return all, err
		}
	}
	n := len(c.prog)
	branch := func(in, out int) inst {
		if how == lazy {
			return inst{op: opSplit, x: out, y: in}
		}
		return inst{op: opSplit, x: in, y: out}
	}
	if most < 0 {
		loop := appendCode([]inst{branch(1, n+2)}, c)
		all.prog = appendCode(all.prog, code{prog: append(loop, inst{op: opJump, x: 0})})
	}
	for left := most - least; left > 0; left-- { // (c(c(c)?)?)?
		one := appendCode([]inst{branch(1, left*(n+1))}, c)
		if all, err = p.limit(code{appendCode(all.prog, code{prog: one}), all.empty}); err != nil {
			return all, err
		}
	}
	if how == possessive {
		prog := appendCode([]inst{{op: opAtomic, x: len(all.prog) + 2}}, all)
		all.prog = append(prog, inst{op: opMatch})
	}
	return all, nil
}
