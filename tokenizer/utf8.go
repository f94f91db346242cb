package tokenizer

import (
	"strings"
	"unicode/utf8"
)

// validText returns s with every maximal broken part of its UTF-8 replaced by
// U+FFFD, as Python's errors="replace" and Rust's from_utf8_lossy do (Unicode
// 15, section 3.9, "substitution of maximal subparts").
func validText(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); {
		if r, n := utf8.DecodeRuneInString(s[i:]); r != utf8.RuneError || n > 1 {
			b.WriteString(s[i : i+n])
			i += n
			continue
		}
		b.WriteRune(utf8.RuneError)
		i += brokenPart(s[i:])
	}
	return b.String()
}

// brokenPart returns the length of the maximal broken part that s begins with:
// the longest start of a well-formed sequence, at least one byte.
func brokenPart(s string) int {
	lo, hi, n := byte(0x80), byte(0xBF), 0 // bounds of the second byte, length
	switch c := s[0]; {
	case c >= 0xC2 && c <= 0xDF:
		n = 2
	case c >= 0xE0 && c <= 0xEF:
		n = 3
	case c >= 0xF0 && c <= 0xF4:
		n = 4
	default:
		return 1
	}
	switch s[0] {
	case 0xE0:
		lo = 0xA0
	case 0xED:
		hi = 0x9F
	case 0xF0:
		lo = 0x90
	case 0xF4:
		hi = 0x8F
	}
	i := 1
	for i < n && i < len(s) && s[i] >= lo && s[i] <= hi {
		lo, hi = 0x80, 0xBF
		i++
	}
	return i
}
