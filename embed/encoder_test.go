package embed

import (
	"context"
	"errors"
	"math"
	"os"
	"strings"
	"testing"
)

// The folder of all-MiniLM-L6-v2 stands behind the same contract: vectors of unit
// length, empty texts without meaning, a cancelled context an error of every text.
func TestEncoderFolder(t *testing.T) {
	dir := os.Getenv("PGSRM_MINILM")
	if dir == "" {
		t.Skip("PGSRM_MINILM is not set: the encoder over a real model folder was not tested")
	}
	e, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if id := e.Identity(); id.Dim != 384 || id.Pooling != "mean" || !id.Normalize {
		t.Errorf("identity: %+v", id)
	}
	r := e.Embed(t.Context(), []string{"purple", " ", "violet", "elephant"})
	if !errors.Is(r[1].Err, ErrNoMeaning) {
		t.Errorf("empty text: got %v, want ErrNoMeaning", r[1])
	}
	// sentence-transformers 6.2: purple.violet 0.5882
	if c := Dot(r[0].Vector, r[2].Vector); math.Abs(c-0.5882) > 1e-3 {
		t.Errorf("purple.violet: got %.4f, want 0.5882", c)
	}
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	if r := e.Embed(stopped, []string{"tree"}); !errors.Is(r[0].Err, context.Canceled) {
		t.Errorf("cancelled: got %v", r[0])
	}
}

// e5's shape: prompts by name or as a text are part of the identity and change the
// vectors; what is too long is cut with one warning, or an error of its text.
func TestEncoderSettings(t *testing.T) {
	const dir = "../hf/testdata/e5"
	long := strings.Repeat("red ", 100)
	var warned []string
	open := func(change func(*Settings)) Embedder {
		set := DefaultSettings()
		change(&set)
		e, err := Open(dir, Options{Settings: &set, Warn: func(text string) { warned = append(warned, text) }})
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	embed := func(e Embedder, text string) []float32 {
		r := e.Embed(t.Context(), []string{text})[0]
		if r.Err != nil {
			t.Fatal(r.Err)
		}
		return r.Vector
	}
	query := open(func(*Settings) {})
	passage := open(func(s *Settings) { s.Prompt = "passage" })
	prefix := open(func(s *Settings) { s.Prefix = "passage: " })
	if query.Identity().Template != "query: " || passage.Identity() != prefix.Identity() {
		t.Errorf("templates %q, %q, %q", query.Identity().Template, passage.Identity().Template, prefix.Identity().Template)
	}
	if p := embed(passage, "red"); !near(p, embed(prefix, "red")) || near(p, embed(query, "red")) {
		t.Error("the prompt must count")
	}
	embed(query, long)
	embed(query, long+"blue")
	if c, ok := CountsOf(query); !ok || c.Cut != 2 || len(warned) != 1 || !strings.Contains(warned[0], "longer than the 40 tokens") {
		t.Errorf("cut %+v, warned %q", c, warned)
	}
	strict := open(func(s *Settings) { s.TooLong = tooLongError })
	got := strict.Embed(t.Context(), []string{"red", long})
	if got[0].Err != nil || got[1].Err == nil || got[1].Err.Error() != "embed: text must have at most 40 tokens (got 108)" {
		t.Errorf("strict: %v", got)
	}
	set := DefaultSettings()
	set.Prompt = "question"
	if _, err := Open(dir, Options{Settings: &set}); err == nil || err.Error() != `embed: ../hf/testdata/e5: config_sentence_transformers.json: prompt must be one of ["passage" "query"] (got "question")` {
		t.Errorf("unknown prompt: %v", err)
	}
}

// A folder that is no model is one clear error.
func TestEncoderBadFolder(t *testing.T) {
	if _, err := Open(t.TempDir(), Options{}); err == nil {
		t.Error("an empty folder must be an error")
	}
}
