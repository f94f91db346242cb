package embed

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"

	"pgsrm/cache"
)

// cached is a costly embedder behind memory, cache and batcher.
type cached struct {
	inner   costly
	through *cache.Through[[]float32]

	mu   sync.Mutex
	dim  int  // E of the first vector, where the identity does not say it; 0 = none yet
	same bool // the model is known to be that which filled the cache
}

// Close closes the inner embedder.
func (c *cached) Close() error { return Close(c.inner) }

// newCached wraps an embedder; c may be nil.
func newCached(e costly, c *cache.Cache) *cached {
	t := cache.NewThrough[[]float32](memoTexts)
	t.Cache, t.Kind, t.Source = c, cache.Vector, sourceName(e.Identity())
	t.Encode = encodeVector
	t.Decode = func(b []byte) ([]float32, error) { return decodeVector(b, e.Identity().Dim) }
	return &cached{inner: e, through: t, dim: e.Identity().Dim}
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
		if err := c.sameModel(ctx, got); err != nil {
			for k := range got {
				got[k] = cache.Outcome[[]float32]{Err: err}
			}
		}
		return got
	})
	out := make([]Result, len(texts))
	for i, o := range outcomes {
		out[i] = c.sameDim(Result{Vector: o.Value, Err: o.Err})
	}
	return out
}

// sameDim refuses a vector that is not as long as the others: cache and server may
// disagree.
func (c *cached) sameDim(r Result) Result {
	if r.Err != nil {
		return r
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dim == 0 {
		c.dim = len(r.Vector)
	}
	if len(r.Vector) != c.dim {
		return Result{Err: fmt.Errorf("embed: vector must have %d numbers like the others (got %d): %w", c.dim, len(r.Vector), errDrift)}
	}
	return r
}

// errDrift is the error of vectors that come from another model than those in the
// cache, under the same identity.
var errDrift = errors.New("the model behind the embedder has changed since the cache was filled: give it another name (embedding.name), or drop the old vectors (pgsrm cache prune)")

// sameCosine is the least cosine of a text's vectors from one model: servers differ a
// little from call to call, as their batches do.
const sameCosine = 0.999

// sameModel compares the vector of the probe with that in the cache, once the source
// has given vectors; the first one is kept there.
func (c *cached) sameModel(ctx context.Context, got []cache.Outcome[[]float32]) error {
	p, ok := c.inner.(probed)
	if !ok || c.through.Cache == nil || !slices.ContainsFunc(got, func(o cache.Outcome[[]float32]) bool { return o.Err == nil }) {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.same {
		return nil
	}
	now, err := p.Probe(ctx)
	if err != nil {
		return err
	}
	key := cache.NewKey(cache.Vector, c.through.Source, probeKey)
	if b := c.through.Cache.Get(ctx, []cache.Key{key})[0]; b != nil {
		then, err := decodeVector(b, 0)
		if err == nil && (len(then) != len(now) || Cosine(then, now) < sameCosine) {
			return fmt.Errorf("embed: %w", errDrift)
		}
	} else {
		c.through.Cache.Put(cache.Vector, c.through.Source, key, encodeVector(now))
	}
	c.same = true
	return nil
}

// probeKey stands for the probe in the cache, apart from the same text.
const probeKey = "\x00probe"

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
	v := floatsOf(b)
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

// floatsOf reads little-endian float32.
func floatsOf(b []byte) []float32 {
	v := make([]float32, len(b)/4)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return v
}
