package tokenizer

import "unicode/utf8"

// Hand-written scanners for the pre-tokenizer patterns in wide use. Each returns
// the end of the match that begins at s[i]; the three patterns match at every
// position, so the matches cover the text.

// The patterns, as the files spell them.
const (
	patternGPT2   = `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
	patternLlama3 = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	patternQwen2  = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
)

// scanner returns the end of the match that begins at s[i], i < len(s).
type scanner func(s string, i int) int

// scannerOf returns the hand-written scanner of a pattern, nil without one.
func scannerOf(pattern string) scanner {
	t := chars()
	switch pattern {
	case patternGPT2:
		return t.scanGPT2
	case patternLlama3:
		return func(s string, i int) int { return t.scanLlama(s, i, 3) }
	case patternQwen2:
		return func(s string, i int) int { return t.scanLlama(s, i, 1) }
	}
	return nil
}

// class is the kind of a character: the four are disjoint and cover everything.
type class uint8

const (
	other  class = iota // [^\s\p{L}\p{N}]
	letter              // \p{L}
	number              // \p{N}
	space               // \s
)

// end is the class behind the last character.
const end class = 255

// classOf returns the class of the character at s[i] and its length in bytes,
// at the end of s the class end and 0.
func (t *charTable) classOf(s string, i int) (class, int) {
	if i >= len(s) {
		return end, 0
	}
	if c := s[i]; c < utf8.RuneSelf {
		return asciiClass(c), 1
	}
	r, n := utf8.DecodeRuneInString(s[i:])
	p := t.of(r)
	if p&isSpaceFlag != 0 {
		return space, n
	}
	return t.class[p&categoryBits], n
}

func asciiClass(c byte) class {
	switch {
	case c|0x20 >= 'a' && c|0x20 <= 'z':
		return letter
	case c >= '0' && c <= '9':
		return number
	case c == ' ' || c >= '\t' && c <= '\r':
		return space
	}
	return other
}

// run returns the end of the run of class c that begins at s[i].
func (t *charTable) run(s string, i int, c class) int {
	for {
		k, n := t.classOf(s, i)
		if k != c {
			return i
		}
		i += n
	}
}

// scanGPT2 matches patternGPT2.
func (t *charTable) scanGPT2(s string, i int) int {
	if s[i] == '\'' {
		if n := contraction(s[i+1:], false); n > 0 {
			return i + 1 + n
		}
	}
	k, n := t.classOf(s, i)
	if s[i] == ' ' { // " ?": a space belongs to what follows it
		if k2, n2 := t.classOf(s, i+1); k2 != space && k2 != end {
			return t.run(s, i+1+n2, k2)
		}
	}
	if k != space {
		return t.run(s, i+n, k)
	}
	return t.scanSpace(s, i)
}

// scanSpace matches \s+(?!\S)|\s+: all of the run at the end of the text, else
// all but its last character, unless it is the only one.
func (t *charTable) scanSpace(s string, i int) int {
	j := t.run(s, i, space)
	if j == len(s) {
		return j
	}
	_, n := utf8.DecodeLastRuneInString(s[i:j])
	if j-n > i {
		return j - n
	}
	return j
}

// contraction returns the length of s, t, re, ve, m, ll or d at the start of s
// (what follows an apostrophe), 0 if there is none. With fold set, case does not
// matter, and the long s (U+017F) is an s.
func contraction(s string, fold bool) int {
	if s == "" {
		return 0
	}
	c, d := s[0], byte(0)
	if len(s) > 1 {
		d = s[1]
	}
	if fold {
		if len(s) > 1 && c == 0xC5 && d == 0xBF {
			return 2
		}
		c, d = lowerASCII(c), lowerASCII(d)
	}
	switch {
	case c == 's' || c == 't' || c == 'm' || c == 'd':
		return 1
	case (c == 'r' || c == 'v') && d == 'e', c == 'l' && d == 'l':
		return 2
	}
	return 0
}

func lowerASCII(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 0x20
	}
	return c
}

// scanLlama matches patternLlama3 (digits 3) and patternQwen2 (digits 1).
func (t *charTable) scanLlama(s string, i, digits int) int {
	if s[i] == '\'' {
		if n := contraction(s[i+1:], true); n > 0 {
			return i + 1 + n
		}
	}
	k, n := t.classOf(s, i)
	k2, n2 := t.classOf(s, i+n)
	switch {
	case k == letter:
		return t.run(s, i+n, letter)
	case k == number:
		j := i + n
		for digits--; digits > 0 && k2 == number; digits-- {
			j += n2
			k2, n2 = t.classOf(s, j)
		}
		return j
	case k2 == letter && s[i] != '\r' && s[i] != '\n':
		return t.run(s, i+n+n2, letter)
	case k == other:
		return newlines(s, t.run(s, i+n, other))
	case s[i] == ' ' && k2 == other:
		return newlines(s, t.run(s, i+1+n2, other))
	}
	return t.scanLines(s, i)
}

// newlines returns the end of [\r\n]* at s[i].
func newlines(s string, i int) int {
	for i < len(s) && (s[i] == '\r' || s[i] == '\n') {
		i++
	}
	return i
}

// scanLines matches \s*[\r\n]+|\s+(?!\S)|\s+: up to the last line break of the
// run if it has one.
func (t *charTable) scanLines(s string, i int) int {
	for j := t.run(s, i, space); j > i; j-- {
		if s[j-1] == '\r' || s[j-1] == '\n' {
			return j
		}
	}
	return t.scanSpace(s, i)
}
