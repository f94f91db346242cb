package printable

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

var cases = []struct{ text, want string }{
	{"", ""},
	{"plain text,\ttab\nnew line", "plain text,\ttab\nnew line"},
	{"\x1b[31mred\x1b[0m", `\x1b[31mred\x1b[0m`},
	{"\x1b]0;title\x07", `\x1b]0;title\x07`},
	{"a\rb\x00c\x08d\x1fe f", `a\x0db\x00c\x08d\x1fe f`},
	{"\x7f\u0080\u009b2J\u009f\u00a0", `\x7f\u0080\u009b2J\u009f` + "\u00a0"},
	{"\x9b2J\x80\xa0", `\x9b2J\x80` + "\xa0"}, // C1 of an 8-bit terminal, and what is no UTF-8 besides
	{"\u202aabc\u202e\u202f", `\u202aabc\u202e` + "\u202f"},
	{"\u2066x\u2069\u206a\u200e\u200f\u061c", `\u2066x\u2069` + "\u206a" + `\u200e\u200f\u061c`},
	{"é 日本 😀 \ufffd", "é 日本 😀 \ufffd"},
}

func TestText(t *testing.T) {
	for _, c := range cases {
		if got := Text(c.text); got != c.want {
			t.Errorf("Text(%q) = %q, want %q", c.text, got, c.want)
		}
	}
}

// However a text is cut into writes, it is shown the same.
func TestWriter(t *testing.T) {
	for _, c := range cases {
		for size := 1; size <= max(1, len(c.text)); size++ {
			var out bytes.Buffer
			w := Writer(&out)
			for rest := c.text; rest != ""; {
				n := min(size, len(rest))
				if got, err := w.Write([]byte(rest[:n])); got != n || err != nil {
					t.Fatalf("wrote %d of %d, %v", got, n, err)
				}
				rest = rest[n:]
			}
			if out.String() != c.want {
				t.Errorf("%q in writes of %d: %q, want %q", c.text, size, out.String(), c.want)
			}
		}
	}
}

// The bytes of a character that never ends are shown with what follows.
func TestWriterUnfinished(t *testing.T) {
	var out strings.Builder
	w := Writer(&out)
	w.Write([]byte("a\xe2\x80"))
	if out.String() != "a" {
		t.Errorf("%q, want the cut character kept back", out.String())
	}
	w.Write([]byte("\n"))
	if want := "a\xe2\\x80\n"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestWriterError(t *testing.T) {
	if _, err := Writer(broken{}).Write([]byte("x")); err == nil || err.Error() != "broken pipe" {
		t.Errorf("error %v, want that of the writer", err)
	}
}
