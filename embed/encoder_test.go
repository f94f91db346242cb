package embed

import (
	"context"
	"errors"
	"math"
	"os"
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

// A folder that is no model is one clear error.
func TestEncoderBadFolder(t *testing.T) {
	if _, err := Open(t.TempDir(), Options{}); err == nil {
		t.Error("an empty folder must be an error")
	}
}
