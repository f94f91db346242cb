package embed

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"

	"pgsrm/hf"
	"pgsrm/kernel"
)

// encoderChunk is how many texts are encoded between two looks at the context.
const encoderChunk = 256

// Encoder embeds texts with a local model folder (a sentence-transformers folder
// or a plain BERT one) on the project's own engine.
type Encoder struct {
	mu     sync.Mutex // hf.Encoder serves one call at a time
	enc    *hf.Encoder
	strict bool              // a text that is too long is an error, else it is cut
	warn   func(text string) // nil once it was told
}

// openEncoder loads a model folder and computes on all processors. Of the settings
// Prefix, Prompt and TooLong count.
func openEncoder(dir string, set Settings, warn func(text string)) (*Encoder, error) {
	if err := set.Validate(); err != nil {
		return nil, fmt.Errorf("embed: embedding.%w", err)
	}
	enc, err := hf.LoadEncoder(dir)
	if err != nil {
		return nil, fmt.Errorf("embed: %w", err)
	}
	if set.Prefix != "" {
		enc.UseTemplate(set.Prefix)
	}
	if set.Prompt != "" {
		if err := enc.UsePrompt(set.Prompt); err != nil {
			return nil, fmt.Errorf("embed: %s: %w", dir, err)
		}
	}
	if text := enc.Warning(); text != "" && warn != nil {
		warn("embedder: " + text)
	}
	enc.SetPool(kernel.NewPool(runtime.GOMAXPROCS(0)))
	return &Encoder{enc: enc, strict: set.TooLong == tooLongError, warn: warn}, nil
}

// Embed encodes texts; an empty one has ErrNoMeaning. A text beyond the length of the
// model is cut and counted, which is told once, or an error of its own.
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
		if out[i].Err = e.refuses(text); out[i].Err != nil {
			continue
		}
		full, at = append(full, text), append(at, i)
	}
	if len(full) == 0 {
		return
	}
	vectors, err := e.enc.Encode(full)
	if e.enc.Truncated() > 0 && e.warn != nil {
		e.warn(fmt.Sprintf("a text is longer than the %d tokens of the encoder and was cut, as others may be (embedding.too_long)", e.enc.MaxTokens()))
		e.warn = nil
	}
	for k, i := range at {
		if err != nil {
			out[i].Err = fmt.Errorf("embed: %w", err)
			continue
		}
		out[i].Vector = vectors[k]
	}
}

// refuses says why a text is not encoded.
func (e *Encoder) refuses(text string) error {
	if strings.TrimSpace(text) == "" {
		return fmt.Errorf("embed: empty text: %w", ErrNoMeaning)
	}
	if e.strict {
		if n := e.enc.Tokens(text); n > e.enc.MaxTokens() {
			return fmt.Errorf("embed: text must have at most %d tokens (got %d)", e.enc.MaxTokens(), n)
		}
	}
	return nil
}

// Counts are the texts that were cut.
func (e *Encoder) Counts() Counts {
	e.mu.Lock()
	defer e.mu.Unlock()
	return Counts{Cut: int64(e.enc.Truncated())}
}

// Identity is the digest of the folder and its recipe.
func (e *Encoder) Identity() Identity {
	pooling := e.enc.Pooling()
	if e.strict {
		pooling += " of whole texts" // a vector of a cut text must not be found in the cache
	}
	return Identity{
		Model: "encoder:" + e.enc.Digest(), Pooling: pooling, Normalize: e.enc.Normalized(),
		Template: e.enc.Template(), Dim: e.enc.Dim(),
	}
}

// Limits are those of one call: texts of similar length, a few hundred at once.
func (e *Encoder) Limits() Limits { return Limits{Items: encoderChunk} }
