package embed

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"

	"pgsrm/kernel"
	"pgsrm/lm"
)

// encoderChunk is how many texts are encoded between two looks at the context.
const encoderChunk = 256

// Encoder embeds texts with a local model folder (a sentence-transformers folder
// or a plain BERT one) on the project's own engine.
type Encoder struct {
	mu  sync.Mutex // lm.Encoder serves one call at a time
	enc *lm.Encoder
}

// OpenEncoder loads a model folder and computes on all processors.
func OpenEncoder(dir string) (*Encoder, error) {
	enc, err := lm.LoadEncoder(dir)
	if err != nil {
		return nil, fmt.Errorf("embed: %w", err)
	}
	enc.SetPool(kernel.NewPool(runtime.GOMAXPROCS(0)))
	return &Encoder{enc: enc}, nil
}

// Embed encodes texts; an empty one has ErrNoMeaning.
func (e *Encoder) Embed(ctx context.Context, texts []string) []Result {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := make([]Result, len(texts))
	for lo := 0; lo < len(texts); lo += encoderChunk {
		hi := min(len(texts), lo+encoderChunk)
		if err := ctx.Err(); err != nil {
			copy(out[lo:], failAll(len(texts)-lo, err))
			break
		}
		e.chunk(texts[lo:hi], out[lo:hi])
	}
	return out
}

// chunk encodes the texts that are not empty, in one call.
func (e *Encoder) chunk(texts []string, out []Result) {
	var full []string
	var at []int // place of full[i] in texts
	for i, text := range texts {
		if strings.TrimSpace(text) == "" {
			out[i].Err = fmt.Errorf("embed: empty text: %w", ErrNoMeaning)
			continue
		}
		full, at = append(full, text), append(at, i)
	}
	if len(full) == 0 {
		return
	}
	vectors, err := e.enc.Encode(full)
	for k, i := range at {
		if err != nil {
			out[i].Err = fmt.Errorf("embed: %w", err)
			continue
		}
		out[i].Vector = vectors[k]
	}
}

// Identity is the digest of the folder and its recipe.
func (e *Encoder) Identity() Identity {
	return Identity{
		Model: "encoder:" + e.enc.Digest(), Pooling: e.enc.Pooling(), Normalize: e.enc.Normalized(),
		Template: e.enc.Template(), Dim: e.enc.Dim(),
	}
}

// Limits are those of one call: texts of similar length, a few hundred at once.
func (e *Encoder) Limits() Limits { return Limits{Items: encoderChunk} }
