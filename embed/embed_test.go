package embed

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCheck(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(-1))
	for _, c := range []struct {
		v    []float32
		want string
	}{
		{[]float32{0, 2}, ""},
		{[]float32{1}, "embed: vector must have 2 numbers (got 1)"},
		{nil, "embed: vector must have 2 numbers (got 0)"},
		{[]float32{1, nan}, "embed: vector must be finite (number 1 is NaN)"},
		{[]float32{inf, 0}, "embed: vector must be finite (number 0 is -Inf)"},
		{[]float32{0, 0}, "embed: vector must not be zero"},
	} {
		got := ""
		if err := Check(c.v, 2); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%v: got %q, want %q", c.v, got, c.want)
		}
	}
}

func TestDotAndCosine(t *testing.T) {
	a, b := []float32{1, 2, 3, 4, 5}, []float32{5, 4, 3, 2, 1}
	if got := Dot(a, b); got != 35 { // 5+8+9+8+5
		t.Errorf("dot: got %v, want 35", got)
	}
	if got := Cosine([]float32{3, 4}, []float32{4, 3}); math.Abs(got-0.96) > 1e-12 { // 24/25
		t.Errorf("cosine: got %v, want 0.96", got)
	}
}

// script answers with what the test says and records what it was asked.
type script struct {
	dim    int
	answer func(text string) Result
	asked  [][]string
}

func (s *script) Identity() Identity { return Identity{Model: "script", Dim: s.dim} }

func (s *script) Embed(ctx context.Context, texts []string) []Result {
	s.asked = append(s.asked, append([]string(nil), texts...))
	out := make([]Result, len(texts))
	for i, text := range texts {
		out[i] = s.answer(text)
	}
	return out
}

// Each text is asked for once, in one call, errors and bad vectors again and again.
func TestMemo(t *testing.T) {
	down := errors.New("timeout")
	s := &script{dim: 2, answer: func(text string) Result {
		switch text {
		case "down":
			return Result{Err: down}
		case "zero":
			return Result{Vector: []float32{0, 0}}
		}
		return Result{Vector: []float32{float32(len(text)), 1}}
	}}
	m := stack(s, Options{})
	for range 2 {
		got := m.Embed(t.Context(), []string{"a", "down", "bb", "a", "zero"})
		want := []Result{{Vector: []float32{1, 1}}, {}, {Vector: []float32{2, 1}}, {Vector: []float32{1, 1}}, {}}
		for i := range got {
			if d := cmp.Diff(want[i].Vector, got[i].Vector); d != "" {
				t.Error(d)
			}
		}
		if !errors.Is(got[1].Err, down) || got[4].Err == nil {
			t.Errorf("errors: got %v, %v", got[1].Err, got[4].Err)
		}
	}
	if d := cmp.Diff([][]string{{"a", "down", "bb", "zero"}, {"down", "zero"}}, s.asked); d != "" {
		t.Error(d)
	}
	if m.Identity() != s.Identity() {
		t.Error("identity must be that of the embedder")
	}
}

// short drops its last result.
type short struct{ *script }

func (s short) Embed(ctx context.Context, texts []string) []Result {
	return s.script.Embed(ctx, texts)[1:]
}

func TestMemoCountsResults(t *testing.T) {
	s := &script{dim: 1, answer: func(string) Result { return Result{Vector: []float32{1}} }}
	for i, r := range newMemo(short{s}).Embed(t.Context(), []string{"a", "b"}) {
		if r.Err == nil || r.Err.Error() != "embed: must give 2 results (got 1)" {
			t.Errorf("result %d: got %v", i, r.Err)
		}
	}
}

func TestWords(t *testing.T) {
	for in, want := range map[string]string{
		"":                     "",
		"  Red and\tBLUE ":     "red|and|blue",
		"don't stop.":          "don|'|t|stop|.",
		"Café Übergröße naïve": "cafe|ubergroße|naive",
		"a1b2 3,5":             "a1b2|3|,|5",
		"日本 x":                 "日本|x",
		"end":                  "end",
	} {
		if got := strings.Join(words(in), "|"); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestOpenErrors(t *testing.T) {
	for spec, want := range map[string]string{
		"":            `embed: must be builtin, file:PATH, hf:ORG/NAME, a model folder, openai:MODEL@URL, tei:URL, ollama:MODEL@URL or random:DIM (got "")`,
		"file:":       `embed: must be builtin, file:PATH, hf:ORG/NAME, a model folder, openai:MODEL@URL, tei:URL, ollama:MODEL@URL or random:DIM (got "file:")`,
		"hf:":         `embed: must be builtin, file:PATH, hf:ORG/NAME, a model folder, openai:MODEL@URL, tei:URL, ollama:MODEL@URL or random:DIM (got "hf:")`,
		"hf:a/../b":   `embed: hf: must be ORG/NAME, or datasets/ORG/NAME (got "a/../b")`,
		"file:/no/so": "embed: open /no/so: no such file or directory",
	} {
		if _, err := Open(spec, Options{}); err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %s", spec, err, want)
		}
	}
}
