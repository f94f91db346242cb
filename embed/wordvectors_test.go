package embed

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Words are folded, other languages left out, vectors summed and scaled: red
// (3,0), blue (0,4).
func TestWordVectors(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vectors")
	in := "4 2\n/c/de/rot 1 1\n/c/en/Réd 3 0\n/c/en/blue 0 4\n/c/fr/bleu 1 1\n"
	if err := os.WriteFile(path, []byte(in), 0o600); err != nil {
		t.Fatal(err)
	}
	e, err := Open("file:"+path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if id := e.Identity(); id.Dim != 2 || !id.Normalize || id.Pooling != "word-mean" || !strings.HasPrefix(id.Model, "words:") {
		t.Errorf("identity: %+v", id)
	}
	got := e.Embed(t.Context(), []string{"Red!", "red and BLUÉ", "rot"})
	for i, want := range [][]float32{{1, 0}, {0.6, 0.8}} {
		if got[i].Err != nil || !near(got[i].Vector, want) {
			t.Errorf("text %d: got %v, %v, want %v", i, got[i].Vector, got[i].Err, want)
		}
	}
	if !errors.Is(got[2].Err, ErrNoMeaning) || got[2].Vector != nil {
		t.Errorf("unknown word: got %v", got[2])
	}
	if again, err := Open("file:"+path+".index", Options{}); err != nil || again.Identity() != e.Identity() {
		t.Errorf("the index itself: %v", err)
	}
}

// The context is looked at between texts.
func TestEmbeddersHearTheContext(t *testing.T) {
	words, err := readWordVectors(strings.NewReader("red 3 0\nblue 0 4\n"))
	if err != nil {
		t.Fatal(err)
	}
	for name, e := range map[string]Embedder{"word vectors": words, "static": smallStatic(t)} {
		got := e.Embed(&ending{Context: t.Context(), left: 2}, []string{"red", "blue", "red", "blue"})
		for i, r := range got {
			if ended := errors.Is(r.Err, context.Canceled); ended != (i >= 2) {
				t.Errorf("%s: text %d of a context that ends after two: got %v", name, i, r)
			}
		}
	}
}

// ending is a context that ends once it has been asked some times.
type ending struct {
	context.Context
	left int
}

func (c *ending) Err() error {
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

func near(a, b []float32) bool {
	for i := range b {
		if math.Abs(float64(a[i]-b[i])) > 1e-6 {
			return false
		}
	}
	return len(a) == len(b)
}

func TestVectorFile(t *testing.T) {
	f, err := readVectorFile(strings.NewReader(`{"text":"a","vector":[1,2]}` + "\n\n" + `{"text":"","vector":[0,1],"more":1}`))
	if err != nil {
		t.Fatal(err)
	}
	got := f.Embed(t.Context(), []string{"", "b", "a"})
	if !near(got[0].Vector, []float32{0, 1}) || got[1].Err == nil || errors.Is(got[1].Err, ErrNoMeaning) || !near(got[2].Vector, []float32{1, 2}) {
		t.Errorf("got %v", got)
	}
	for in, want := range map[string]string{
		"":               "must hold at least one vector",
		`{"vector":[1]}`: `line 1: must have "text"`,
		`{"text":"a"}`:   `line 1: text "a": embed: vector must not be zero`,
		"{\"text\":\"a\",\"vector\":[1]}\n{\"text\":\"b\",\"vector\":[1,2]}": `line 2: text "b": embed: vector must have 1 numbers (got 2)`,
		`[]`: `line 1: must be {"text": "...", "vector": [...]} (got json: cannot unmarshal array into Go value of type embed.vectorLine)`,
	} {
		if _, err := readVectorFile(strings.NewReader(in)); err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %s", in, err, want)
		}
	}
}
