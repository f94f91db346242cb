package printable

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestShorten(t *testing.T) {
	for _, c := range []struct {
		text string
		n    int
		want string
	}{
		{"", 0, ""}, {"short", 5, "short"}, {"pgsrm/seed-1", 8, "pgsr…d-1"}, {"日本語", 6, "日本語"}, {"日本語日本語", 7, "日…本語"},
		{"añb", 3, "añb"}, {strings.Repeat("x", 1<<20) + "end", 9, "xxxx…xend"},
	} {
		if got := Shorten(c.text, c.n); got != c.want {
			t.Errorf("Shorten(%.20q, %d) = %q, want %q", c.text, c.n, got, c.want)
		}
	}
	marks := "a" + strings.Repeat("\u0301", 1<<20)
	if got := Shorten(marks, 10); len(got) > 64*10+3 || !utf8.ValidString(got) {
		t.Errorf("a letter with many marks: %d bytes", len(got))
	}
}

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		text  string
		width int
		want  string
	}{
		{"one two", 0, "one two"}, {"one two", 7, "one two"}, {"one two three", 10, "one two\n  three"},
		{strings.Repeat("x", 25) + " y", 10, "xxxxxxxxxx\n  xxxxxxxx\n  xxxxxxx\n  y"}, {"ab 日本語日本語 c", 10, "ab\n  日本語日\n  本語 c"},
	} {
		if got := Wrap(c.text, c.width); got != c.want {
			t.Errorf("Wrap(%q, %d) = %q, want %q", c.text, c.width, got, c.want)
		}
	}
	for line := range strings.Lines(Wrap(strings.Repeat("日本語 and words of any kind ", 500), 40)) {
		if w := Width(strings.TrimSuffix(line, "\n")); w > 40 {
			t.Fatalf("%d columns: %q", w, line)
		}
	}
}
