package embed

import (
	"context"

	"pgsrm/cache"
)

// memoTexts is how many texts a memo surely remembers: 50 MB at E = 384.
const memoTexts = 1 << 15

// memo remembers the vectors of an embedder, since a run embeds the same texts
// again and again. Every vector is checked before it is handed on; errors are
// never remembered. It is safe for concurrent use.
type memo struct {
	inner Embedder
	known *cache.Recent[[]float32]
}

// newMemo wraps an embedder.
func newMemo(e Embedder) *memo { return &memo{inner: e, known: cache.NewRecent[[]float32](memoTexts)} }

// Close closes the inner embedder.
func (m *memo) Close() error { return Close(m.inner) }

// Embed asks the inner embedder once for each text that is not remembered.
func (m *memo) Embed(ctx context.Context, texts []string) []Result {
	out := make([]Result, len(texts))
	var missing []string
	var slot map[string]int // place of a text in missing
	for i, text := range texts {
		if v, ok := m.known.Get(text); ok {
			out[i].Vector = v
			continue
		}
		if slot == nil {
			slot = map[string]int{}
		}
		if _, ok := slot[text]; !ok {
			slot[text] = len(missing)
			missing = append(missing, text)
		}
	}
	if len(missing) == 0 {
		return out
	}
	fresh := m.ask(ctx, missing)
	for i, text := range texts {
		if k, ok := slot[text]; ok {
			out[i] = fresh[k]
		}
	}
	return out
}

// ask embeds texts through the inner embedder, checks and remembers.
func (m *memo) ask(ctx context.Context, texts []string) []Result {
	fresh := checked(m.inner, m.inner.Embed(ctx, texts), len(texts))
	for i, r := range fresh {
		if r.Err == nil {
			m.known.Put(texts[i], r.Vector)
		}
	}
	return fresh
}

// Identity is that of the wrapped embedder.
func (m *memo) Identity() Identity { return m.inner.Identity() }
