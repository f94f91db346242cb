package printable

import (
	"strings"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"
)

// columns measures as terminals do that take a character of ambiguous width for a narrow one.
var columns = func() *runewidth.Condition {
	c := runewidth.NewCondition()
	c.EastAsianWidth = false
	return c
}()

// Width is how many columns of a terminal a text without control characters takes.
func Width(s string) int { return columns.StringWidth(s) }

// Shorten takes out the middle of a text of more than n columns: names differ at either end.
func Shorten(s string, n int) string {
	const most = 64 // bytes of a column; a text may have any number of marks upon a letter
	if len(s) <= n || len(s) <= most*n && Width(s) <= n {
		return s
	}
	head, tail := s, s
	if len(s) > most*n {
		head, tail = s[:most*n/2], s[len(s)-most*n/2:]
		for head != "" && !utf8.RuneStart(s[len(head)]) {
			head = head[:len(head)-1]
		}
		for tail != "" && !utf8.RuneStart(tail[0]) {
			tail = tail[1:]
		}
	}
	head = columns.Truncate(head, n/2, "")
	return head + "…" + columns.TruncateLeft(tail, Width(tail)-max(0, n-Width(head)-1), "")
}

// Wrap breaks a text at spaces into lines of at most width columns, of which all but the
// first are indented. A longer word is broken where its line ends. A width below 10 is none.
func Wrap(s string, width int) string {
	const indent = "  "
	if width < 10 || Width(s) <= width {
		return s
	}
	var b strings.Builder
	column, fresh := 0, true // fresh: no word stands in this line
	newline := func() {
		b.WriteString("\n" + indent)
		column, fresh = len(indent), true
	}
	for word := range strings.FieldsSeq(s) {
		switch {
		case fresh:
		case column+1+Width(word) > width:
			newline()
		default:
			b.WriteByte(' ')
			column++
		}
		for column+Width(word) > width {
			part := columns.Truncate(word, width-column, "")
			b.WriteString(part)
			word = word[len(part):]
			newline()
		}
		b.WriteString(word)
		column, fresh = column+Width(word), false
	}
	return b.String()
}
