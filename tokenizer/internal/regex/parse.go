package regex

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"pgsrm/tokenizer/internal/chars"
)

// The syntax of patterns: characters, the dot, classes [a-z\p{L}] and [^...],
// \s \S \d \D \w \W \p{L} \P{L} \p{^L}, the escapes \n \r \t \f \v \xHH \x{H...}
// \uHHHH, groups (...) (?:...) (?i:...) (?>...), lookahead (?=...) (?!...),
// alternatives, * + ? with ? (lazy) or + (possessive) after them, {n} {n,} {n,m},
// the anchors ^ $ \A \z. Everything else is an error, even where Oniguruma knows
// it: an unknown pattern is refused rather than read differently.

// parser compiles a pattern as it reads it.
type parser struct {
	chars   *chars.Table
	pattern string
	pos     int
	fold    bool // (?i: case does not matter
	depth   int
	last    rune // the literal before, under fold
}

const (
	maxPattern = 1 << 14  // bytes
	maxProgram = maxNodes // instructions
	maxDepth   = 100      // groups in groups
)

// code is a part of a program with jumps relative to its start.
type code struct {
	prog  []inst
	empty bool // it can match nothing
}

// Compile makes the program of a pattern.
func Compile(pattern string) (*Regexp, error) {
	if len(pattern) > maxPattern {
		return nil, fmt.Errorf("regex: pattern must have at most %d bytes (got %d)", maxPattern, len(pattern))
	}
	p := &parser{chars: chars.Load(), pattern: pattern}
	body, err := p.alternatives()
	if err == nil && p.pos < len(pattern) {
		err = p.unsupported(p.pos, p.pos+1)
	}
	if err != nil {
		return nil, err
	}
	never := (&charSet{chars: p.chars}).finish()
	prog := []inst{{op: opJump, x: 2}, {op: opSet, set: never}} // failPC
	prog = append(appendCode(prog, body), inst{op: opMatch})
	g, err := newGraph(prog)
	if err != nil {
		return nil, err
	}
	return &Regexp{prog, g}, nil
}

// unsupported is the error for pattern[a:b].
func (p *parser) unsupported(a, b int) error {
	b = min(b, len(p.pattern))
	return fmt.Errorf("regex: %q at byte %d must be supported syntax (pattern %.200q)", p.pattern[a:b], a, p.pattern)
}

// appendCode appends code, moving its jumps.
func appendCode(prog []inst, c code) []inst {
	base := len(prog)
	for _, in := range c.prog {
		in.x += base
		in.y += base
		prog = append(prog, in)
	}
	return prog
}

// alternatives reads a|b|c up to the end or a closing parenthesis.
func (p *parser) alternatives() (code, error) {
	if p.depth++; p.depth > maxDepth {
		return code{}, fmt.Errorf("regex: groups must nest at most %d deep", maxDepth)
	}
	defer func() { p.depth-- }()
	var all []code
	for {
		one, err := p.sequence()
		if err != nil {
			return one, err
		}
		if all = append(all, one); !p.take("|") {
			break
		}
	}
	if len(all) == 1 {
		return all[0], nil
	}
	total, empty := 2*(len(all)-1), false
	for _, one := range all {
		total, empty = total+len(one.prog), empty || one.empty
	}
	prog := make([]inst, 0, total)
	for i, one := range all {
		at, n := len(prog), len(one.prog)
		if i == len(all)-1 {
			prog = appendCode(prog, one)
			break
		}
		prog = append(prog, inst{op: opSplit, x: at + 1, y: at + n + 2})
		prog = append(appendCode(prog, one), inst{op: opJump, x: total})
	}
	return p.limit(code{prog, empty})
}

// limit refuses a program that has grown too long.
func (p *parser) limit(c code) (code, error) {
	if len(c.prog) > maxProgram {
		return c, fmt.Errorf("regex: pattern must compile to at most %d instructions", maxProgram)
	}
	return c, nil
}

// sequence reads atoms with their quantifiers.
func (p *parser) sequence() (code, error) {
	all := code{empty: true}
	p.last = 0
	for p.pos < len(p.pattern) && p.pattern[p.pos] != '|' && p.pattern[p.pos] != ')' {
		one, err := p.atom()
		if err != nil {
			return all, err
		}
		if one, err = p.quantified(one); err != nil {
			return all, err
		}
		all = code{appendCode(all.prog, one), all.empty && one.empty}
		if all, err = p.limit(all); err != nil {
			return all, err
		}
	}
	return all, nil
}

// take skips s if it comes next.
func (p *parser) take(s string) bool {
	if strings.HasPrefix(p.pattern[p.pos:], s) {
		p.pos += len(s)
		return true
	}
	return false
}

// atom reads one character, class, group or anchor.
func (p *parser) atom() (code, error) {
	start := p.pos
	c := p.pattern[p.pos]
	switch c {
	case '(':
		return p.group()
	case '[':
		p.pos++
		return p.setCode(p.class())
	case '.':
		p.pos++
		return p.setCode(&charSet{chars: p.chars, not: true, items: []setItem{{lo: '\n', hi: '\n'}}}, nil)
	case '^', '$':
		p.pos++
		op := opLineStart
		if c == '$' {
			op = opLineEnd
		}
		return code{[]inst{{op: op}}, true}, nil
	case '\\':
		if p.take(`\w`) || p.take(`\W`) {
			return p.setCode(p.wordSet(p.pattern[p.pos-1] == 'W'), nil)
		}
		if p.take(`\A`) {
			return code{[]inst{{op: opStart}}, true}, nil
		}
		if p.take(`\z`) {
			return code{[]inst{{op: opEnd}}, true}, nil
		}
	case '*', '+', '?', '{', '}', ']':
		return code{}, p.unsupported(start, start+1)
	}
	it, single, err := p.item()
	s := &charSet{chars: p.chars, items: []setItem{it}}
	if p.fold && err == nil {
		err = p.foldItem(it, single, start)
		s.items = append(s.items, folded(it.lo)...)
	}
	return p.setCode(s, err)
}

// wordSet is \w outside brackets: there Oniguruma counts the fractions and raised
// digits of Latin-1 in, which [\w] does not.
func (p *parser) wordSet(not bool) *charSet {
	p.last = 0
	none := setItem{lo: 0, hi: -1, flags: chars.RegexWord}
	return &charSet{chars: p.chars, not: not, items: []setItem{none, {lo: 0xB2, hi: 0xB3}, {lo: 0xB9, hi: 0xB9}, {lo: 0xBC, hi: 0xBE}}}
}

// setCode is the code that matches one character of a set.
func (p *parser) setCode(s *charSet, err error) (code, error) {
	if err != nil {
		return code{}, err
	}
	return code{prog: []inst{{op: opSet, set: s.finish()}}}, nil
}

// foldItem refuses what case may change in ways not written here: letters
// outside ASCII, categories of letters, and pairs of letters that fold into one
// character (ss and the sharp s, fi and its ligature).
func (p *parser) foldItem(it setItem, single bool, start int) error {
	if single && it.lo >= utf8.RuneSelf || it.categories != 0 {
		return p.unsupported(start, p.pos)
	}
	r := rune(0)
	if single {
		r = rune(chars.LowerASCII(byte(it.lo)))
	}
	pair := string([]rune{p.last, r})
	p.last = r
	switch pair {
	case "ss", "ff", "fi", "fl", "st":
		return p.unsupported(start-1, p.pos)
	}
	return nil
}

// folded returns both cases of an ASCII letter, and what else folds to it.
func folded(r rune) []setItem {
	if r >= utf8.RuneSelf {
		return nil
	}
	l := rune(chars.LowerASCII(byte(r)))
	if l < 'a' || l > 'z' {
		return nil
	}
	items := []setItem{{lo: l, hi: l}, {lo: l - 0x20, hi: l - 0x20}}
	switch l {
	case 's':
		items = append(items, setItem{lo: 0x17F, hi: 0x17F}) // long s
	case 'k':
		items = append(items, setItem{lo: 0x212A, hi: 0x212A}) // kelvin sign
	}
	return items
}

// group reads (...) of any kind.
func (p *parser) group() (code, error) {
	start, fold := p.pos, p.fold
	kind := opJump // a plain group
	not := false
	switch {
	case p.take("(?i:"):
		p.fold = true
	case p.take("(?:"):
	case p.take("(?>"):
		kind = opAtomic
	case p.take("(?="):
		kind = opLook
	case p.take("(?!"):
		kind, not = opLook, true
	case strings.HasPrefix(p.pattern[p.pos:], "(?"):
		return code{}, p.unsupported(start, start+4)
	default:
		p.pos++
	}
	body, err := p.alternatives()
	if err != nil {
		return body, err
	}
	if !p.take(")") {
		return body, p.unsupported(start, len(p.pattern))
	}
	p.fold, p.last = fold, 0
	if kind == opJump {
		return body, nil
	}
	prog := appendCode([]inst{{op: kind, not: not, x: len(body.prog) + 2}}, body)
	return code{append(prog, inst{op: opMatch}), body.empty || kind == opLook}, nil
}
