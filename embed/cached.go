package embed

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"

	"pgsrm/cache"
)

// cached is a Costly embedder behind memory, cache and batcher.
type cached struct {
	inner   Costly
	through *cache.Through[[]float32]
}

// newCached wraps an embedder; c may be nil.
func newCached(e Costly, c *cache.Cache) *cached {
	t := cache.NewThrough[[]float32](memoTexts)
	t.Cache, t.Kind, t.Source = c, cache.Vector, sourceName(e.Identity())
	t.Encode = encodeVector
	t.Decode = func(b []byte) ([]float32, error) { return decodeVector(b, e.Identity().Dim) }
	return &cached{e, t}
}

// sourceName is the identity as it stands in the keys and entries of the cache.
func sourceName(id Identity) string {
	text, err := json.Marshal(id)
	if err != nil { // strings, a bool and an int have a JSON form
		panic(fmt.Sprintf("embed: identity %+v: %v", id, err))
	}
	return string(text)
}

// Embed asks for the texts that neither memory nor cache knows, each once.
func (c *cached) Embed(ctx context.Context, texts []string) []Result {
	outcomes := c.through.Do(ctx, texts, func(ctx context.Context, at []int) []cache.Outcome[[]float32] {
		missing := make([]string, len(at))
		for k, i := range at {
			missing[k] = texts[i]
		}
		got := make([]cache.Outcome[[]float32], len(at))
		for k, r := range inBatches(ctx, c.inner, missing) {
			got[k] = cache.Outcome[[]float32]{Value: r.Vector, Err: r.Err}
		}
		return got
	})
	out := make([]Result, len(texts))
	for i, o := range outcomes {
		out[i] = Result{Vector: o.Value, Err: o.Err}
	}
	return out
}

// Identity is that of the wrapped embedder.
func (c *cached) Identity() Identity { return c.inner.Identity() }

// CacheCounts are what became of the requests so far.
func (c *cached) CacheCounts() cache.Counts { return c.through.Counts() }

// Unwrap is the wrapped embedder.
func (c *cached) Unwrap() Embedder { return c.inner }

// encodeVector is the vector as little-endian float32.
func encodeVector(v []float32) []byte {
	b := make([]byte, 0, 4*len(v))
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return b
}

// decodeVector reads and checks a vector of dim numbers; dim 0 is any number.
func decodeVector(b []byte, dim int) ([]float32, error) {
	if len(b)%4 != 0 {
		return nil, fmt.Errorf("embed: bytes of a vector must be a multiple of 4 (got %d)", len(b))
	}
	v := make([]float32, len(b)/4)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	if dim == 0 {
		dim = len(v)
	}
	return v, Check(v, dim)
}

// CacheCountsOf are the counts of the memory and the cache before an embedder; ok is false
// where it has none.
func CacheCountsOf(e Embedder) (c cache.Counts, ok bool) {
	counted, ok := e.(*cached)
	if ok {
		c = counted.CacheCounts()
	}
	return c, ok
}
