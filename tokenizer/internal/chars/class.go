package chars

import "unicode/utf8"

// Class is the kind of a character: the four are disjoint and cover everything.
type Class uint8

const (
	Other  Class = iota // [^\s\p{L}\p{N}]
	Letter              // \p{L}
	Number              // \p{N}
	White               // \s
)

// End is the class after the last character.
const End Class = 255

// ClassOf returns the class of the character at s[i] and its length in bytes,
// at the end of s the class End and 0.
func (t *Table) ClassOf(s string, i int) (Class, int) {
	if i >= len(s) {
		return End, 0
	}
	if c := s[i]; c < utf8.RuneSelf {
		return ASCIIClass(c), 1
	}
	r, n := utf8.DecodeRuneInString(s[i:])
	p := t.Of(r)
	if p&Space != 0 {
		return White, n
	}
	return t.class[p&CategoryBits], n
}

// ASCIIClass is the class of an ASCII character.
func ASCIIClass(c byte) Class {
	switch {
	case c|0x20 >= 'a' && c|0x20 <= 'z':
		return Letter
	case c >= '0' && c <= '9':
		return Number
	case c == ' ' || c >= '\t' && c <= '\r':
		return White
	}
	return Other
}

// Run returns the end of the run of class c that begins at s[i].
func (t *Table) Run(s string, i int, c Class) int {
	for {
		k, n := t.ClassOf(s, i)
		if k != c {
			return i
		}
		i += n
	}
}

// LowerASCII is the lower case of an ASCII letter, else c.
func LowerASCII(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 0x20
	}
	return c
}
