package tokenizer

import (
	"unicode/utf8"

	"pgsrm/tokenizer/internal/chars"
)

// Hand-written scanners for the pre-tokenizer patterns in wide use. Each returns
// the end of the match that begins at s[i]; the three patterns match at every
// position, so the matches cover the text.

// The patterns in wide use, as the files spell them.
const (
	PatternGPT2   = `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
	PatternLlama3 = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	PatternQwen2  = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
)

// scanner returns the end of the match that begins at s[i], i < len(s).
type scanner func(s string, i int) int

// scannerOf returns the hand-written scanner of a pattern, nil without one.
func scannerOf(pattern string) scanner {
	t := chars.Load()
	switch pattern {
	case PatternGPT2:
		return func(s string, i int) int { return scanGPT2(t, s, i) }
	case PatternLlama3:
		return func(s string, i int) int { return scanLlama(t, s, i, 3) }
	case PatternQwen2:
		return func(s string, i int) int { return scanLlama(t, s, i, 1) }
	}
	return nil
}

// scanGPT2 matches PatternGPT2.
func scanGPT2(t *chars.Table, s string, i int) int {
	if s[i] == '\'' {
		if n := contraction(s[i+1:], false); n > 0 {
			return i + 1 + n
		}
	}
	k, n := t.ClassOf(s, i)
	if s[i] == ' ' { // " ?": a space belongs to what follows it
		if k2, n2 := t.ClassOf(s, i+1); k2 != chars.White && k2 != chars.End {
			return t.Run(s, i+1+n2, k2)
		}
	}
	if k != chars.White {
		return t.Run(s, i+n, k)
	}
	return scanSpace(t, s, i)
}

// scanSpace matches \s+(?!\S)|\s+: all of the run at the end of the text, else
// all but its last character, unless it is the only one.
func scanSpace(t *chars.Table, s string, i int) int {
	j := t.Run(s, i, chars.White)
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
		c, d = chars.LowerASCII(c), chars.LowerASCII(d)
	}
	switch {
	case c == 's' || c == 't' || c == 'm' || c == 'd':
		return 1
	case (c == 'r' || c == 'v') && d == 'e', c == 'l' && d == 'l':
		return 2
	}
	return 0
}

// scanLlama matches PatternLlama3 (digits 3) and PatternQwen2 (digits 1).
func scanLlama(t *chars.Table, s string, i, digits int) int {
	if s[i] == '\'' {
		if n := contraction(s[i+1:], true); n > 0 {
			return i + 1 + n
		}
	}
	k, n := t.ClassOf(s, i)
	k2, n2 := t.ClassOf(s, i+n)
	switch {
	case k == chars.Letter:
		return t.Run(s, i+n, chars.Letter)
	case k == chars.Number:
		j := i + n
		for digits--; digits > 0 && k2 == chars.Number; digits-- {
			j += n2
			k2, n2 = t.ClassOf(s, j)
		}
		return j
	case k2 == chars.Letter && s[i] != '\r' && s[i] != '\n':
		return t.Run(s, i+n+n2, chars.Letter)
	case k == chars.Other:
		return newlines(s, t.Run(s, i+n, chars.Other))
	case s[i] == ' ' && k2 == chars.Other:
		return newlines(s, t.Run(s, i+1+n2, chars.Other))
	}
	return scanLines(t, s, i)
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
func scanLines(t *chars.Table, s string, i int) int {
	for j := t.Run(s, i, chars.White); j > i; j-- {
		if s[j-1] == '\r' || s[j-1] == '\n' {
			return j
		}
	}
	return scanSpace(t, s, i)
}
