package hf

import (
	"strings"
	"testing"
)

// Of several texts the one that comes first in the answer counts.
func TestStopFind(t *testing.T) {
	for _, c := range []struct {
		text string
		stop Stop
		want int
	}{
		{"a.b,c", Stop{",", "."}, 1}, {"a.b,c", Stop{".", ","}, 1}, {"abc", Stop{"x"}, -1}, {"abc", nil, -1}, {".", Stop{"."}, 0},
	} {
		if got := c.stop.Find(c.text); got != c.want {
			t.Errorf("%q in %q: %d, want %d", c.stop, c.text, got, c.want)
		}
	}
}

// A text counts that begins in one token and ends in another; the answer ends before it.
func TestStopEndsResponses(t *testing.T) {
	m, err := Load("testdata/chat")
	if err != nil {
		t.Fatal(err)
	}
	ids := m.Tokenizer.Encode("one two three")
	if len(ids) < 3 {
		t.Fatalf("want several tokens, got %d", len(ids))
	}
	stop := Stop{"o t", "never"}
	ends := m.Ends(stop)
	for n := range ids {
		response := ids[:n+1]
		text := m.Tokenizer.Decode(response, true)
		before, _, found := strings.Cut(text, "o t")
		if got := ends(response); got != found {
			t.Errorf("%q ends: %v", text, got)
		}
		if got := m.Answer(response, stop); got != before {
			t.Errorf("%q: got answer %q, want %q", text, got, before)
		}
	}
	if m.Ends(nil) != nil || m.Answer(ids, nil) != m.Tokenizer.Decode(ids, true) {
		t.Error("without texts nothing ends early")
	}
}
