package regex

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"pgsrm/tokenizer/internal/chars"
)

// class reads [...] after its opening bracket.
func (p *parser) class() (*charSet, error) {
	start := p.pos - 1
	s := &charSet{chars: p.chars, not: p.take("^")}
	for first := true; ; first = false {
		if p.pos >= len(p.pattern) {
			return nil, p.unsupported(start, p.pos)
		}
		if !first && p.take("]") {
			break
		}
		if rest := p.pattern[p.pos:]; rest[0] == '[' || rest[0] == ']' || strings.HasPrefix(rest, "&&") || rest[0] == '-' && !first && !strings.HasPrefix(rest, "-]") {
			return nil, p.unsupported(p.pos, p.pos+2)
		}
		it, err := p.classItem()
		if err != nil {
			return nil, err
		}
		s.items = append(s.items, it)
	}
	if p.fold {
		return s, p.foldClass(s, start)
	}
	return s, nil
}

// classItem reads a character, a range or a class by name inside brackets.
func (p *parser) classItem() (setItem, error) {
	start := p.pos
	it, single, err := p.item()
	rest := p.pattern[p.pos:]
	if err != nil || !single || !strings.HasPrefix(rest, "-") || strings.HasPrefix(rest, "-]") {
		return it, err
	}
	p.pos++
	if p.pos >= len(p.pattern) || p.pattern[p.pos] == '[' {
		return it, p.unsupported(start, p.pos)
	}
	to, single, err := p.item()
	if err != nil {
		return it, err
	}
	if !single || to.lo < it.lo {
		return it, p.unsupported(start, p.pos)
	}
	it.hi = to.hi
	return it, nil
}

// foldClass adds the other cases of single ASCII letters; ranges and names under
// (?i: are refused unless they have no letters.
func (p *parser) foldClass(s *charSet, start int) error {
	for _, it := range s.items {
		switch {
		case it.hi >= it.lo && it.lo == it.hi && it.hi < utf8.RuneSelf:
			s.items = append(s.items, folded(it.lo)...)
		case it.flags == chars.Space:
		default:
			return p.unsupported(start, p.pos)
		}
	}
	return nil
}

// item reads one character or one class by name; single says which.
func (p *parser) item() (it setItem, single bool, err error) {
	start := p.pos
	r, n := utf8.DecodeRuneInString(p.pattern[p.pos:])
	p.pos += n
	if r == utf8.RuneError && n == 1 {
		return it, false, p.unsupported(start, p.pos)
	}
	if r != '\\' {
		return setItem{lo: r, hi: r}, true, nil
	}
	if p.pos >= len(p.pattern) {
		return it, false, p.unsupported(start, p.pos)
	}
	c := p.pattern[p.pos]
	p.pos++
	none := setItem{lo: 0, hi: -1}
	switch c {
	case 's', 'S':
		none.flags, none.not = chars.Space, c == 'S'
		return none, false, nil
	case 'w', 'W':
		none.flags, none.not = chars.RegexWord, c == 'W'
		return none, false, nil
	case 'd', 'D':
		none.categories, none.not = p.chars.Categories("Nd"), c == 'D'
		return none, false, nil
	case 'p', 'P':
		it, err = p.property(start, c == 'P')
		return it, false, err
	}
	r, err = p.escape(start, c)
	return setItem{lo: r, hi: r}, true, err
}

// escape returns the character of \c.
func (p *parser) escape(start int, c byte) (rune, error) {
	switch c {
	case 'n':
		return '\n', nil
	case 'r':
		return '\r', nil
	case 't':
		return '\t', nil
	case 'f':
		return '\f', nil
	case 'v':
		return '\v', nil
	case 'x':
		if p.take("{") {
			hex, _, closed := strings.Cut(p.pattern[p.pos:], "}")
			p.pos += len(hex)
			if !closed {
				return 0, p.unsupported(start, p.pos)
			}
			p.pos++
			return p.hex(start, hex)
		}
		return p.hexDigits(start, 2)
	case 'u':
		return p.hexDigits(start, 4)
	}
	if k := chars.ASCIIClass(c); c >= utf8.RuneSelf || k == chars.Letter || k == chars.Number || c == '_' {
		return 0, p.unsupported(start, p.pos)
	}
	return rune(c), nil
}

// hexDigits reads n digits.
func (p *parser) hexDigits(start, n int) (rune, error) {
	if p.pos+n > len(p.pattern) {
		return 0, p.unsupported(start, len(p.pattern))
	}
	p.pos += n
	return p.hex(start, p.pattern[p.pos-n:p.pos])
}

func (p *parser) hex(start int, digits string) (rune, error) {
	n, err := strconv.ParseUint(digits, 16, 32)
	if err != nil || !utf8.ValidRune(rune(n)) || n > utf8.MaxRune {
		return 0, p.unsupported(start, p.pos)
	}
	return rune(n), nil
}

// property reads {L} of \p{L}: a general category, its first letter, or Han.
func (p *parser) property(start int, not bool) (setItem, error) {
	name, _, closed := strings.Cut(p.pattern[p.pos:], "}")
	if !closed || !strings.HasPrefix(name, "{") {
		return setItem{}, p.unsupported(start, p.pos)
	}
	p.pos += len(name) + 1
	name = name[1:]
	it := setItem{lo: 0, hi: -1, not: not}
	if rest, ok := strings.CutPrefix(name, "^"); ok {
		name, it.not = rest, !not
	}
	if name == "Han" {
		it.flags = chars.Han
		return it, nil
	}
	if it.categories = p.chars.Categories(name); it.categories == 0 {
		return it, p.unsupported(start, p.pos)
	}
	return it, nil
}
