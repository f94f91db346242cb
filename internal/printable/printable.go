// Package printable makes text from outside safe to show on a terminal. Names of
// tensors, templates, tasks and the replies of servers may hold escape sequences that
// move the cursor, rename the window or hide what follows; here they become visible
// text, as Go writes them: \x1b, \u009b, \u202e.
package printable

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// control says that a terminal may obey the character rather than show it: C0 except
// newline and tab, DEL, C1, and the characters that change the direction of text.
func control(r rune) bool {
	switch {
	case r == '\n' || r == '\t':
		return false
	case r < 0x20 || r >= 0x7f && r <= 0x9f:
		return true
	case r == 0x061c, r == 0x200e, r == 0x200f:
		return true
	}
	return r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}

// Text is s with its control characters made visible.
func Text(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); {
		n := appendOne(&b, s[i:])
		i += n
	}
	return b.String()
}

// appendOne writes the first character of s, visible, and returns its length. A byte
// that is no UTF-8 but a C1 control of an 8-bit terminal is a control character, too.
func appendOne(b *strings.Builder, s string) int {
	r, n := utf8.DecodeRuneInString(s)
	switch {
	case r == utf8.RuneError && n == 1 && s[0] <= 0x9f, r < 0x80 && control(r):
		fmt.Fprintf(b, `\x%02x`, s[0])
	case control(r):
		fmt.Fprintf(b, `\u%04x`, r)
	default:
		b.WriteString(s[:n])
	}
	return n
}

// Writer returns a writer that shows on w what is written to it. A character that is
// cut by the end of a write is shown with the next one.
func Writer(w io.Writer) io.Writer { return &writer{w: w} }

type writer struct {
	w    io.Writer
	rest string // bytes of an unfinished character
}

// Write implements io.Writer.
func (v *writer) Write(p []byte) (int, error) {
	text := v.rest + string(p)
	whole := len(text) - unfinished(text)
	v.rest = text[whole:]
	if _, err := io.WriteString(v.w, Text(text[:whole])); err != nil {
		return 0, err
	}
	return len(p), nil
}

// unfinished is the length of the character at the end of s that more bytes would
// complete, 0 if there is none.
func unfinished(s string) int {
	for n := 1; n <= min(utf8.UTFMax-1, len(s)); n++ {
		if at := len(s) - n; utf8.RuneStart(s[at]) {
			if utf8.FullRuneInString(s[at:]) {
				return 0
			}
			return n
		}
	}
	return 0
}
