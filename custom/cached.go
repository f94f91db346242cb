package custom

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"pgsrm/cache"
)

// knownRewards is how many rewards of a pure function are surely remembered.
const knownRewards = 1 << 16

// NewThrough is the memory and the cache before what gives rewards as a pure function
// does, source being its identity; c may be nil.
func NewThrough(source string, c *cache.Cache) *cache.Through[float64] {
	t := cache.NewThrough[float64](knownRewards)
	t.Cache, t.Kind, t.Source = c, cache.Reward, source
	t.Encode = func(x float64) []byte { return binary.LittleEndian.AppendUint64(nil, math.Float64bits(x)) }
	t.Decode = func(b []byte) (float64, error) {
		if len(b) != 8 {
			return 0, fmt.Errorf("must have 8 bytes (got %d)", len(b))
		}
		x := math.Float64frombits(binary.LittleEndian.Uint64(b))
		if !(x >= -Limit && x <= Limit) {
			return 0, errors.New("must be a reward")
		}
		return x, nil
	}
	return t
}

// sourceName is the identity of a function as it stands in the keys and entries of the cache.
func sourceName(kind, text, version string) string {
	name, err := json.Marshal(map[string]string{"term": kind, "text": text, "version": version})
	if err != nil {
		panic(err) // texts always are JSON
	}
	return string(name)
}

// throughCache asks for the samples that neither memory nor cache knows, each once.
func (s *Source) throughCache(ctx context.Context, samples []Sample) []Result {
	req, err := newRequest(0, samples)
	if err != nil {
		return failAll(len(samples), err)
	}
	keys := make([]string, len(samples))
	for i, one := range req.Samples {
		key, err := json.Marshal(one)
		if err != nil {
			return failAll(len(samples), err)
		}
		keys[i] = string(key)
	}
	outcomes := s.through.Do(ctx, keys, func(ctx context.Context, at []int) []cache.Outcome[float64] {
		missing := make([]Sample, len(at))
		for k, i := range at {
			missing[k] = samples[i]
		}
		got := make([]cache.Outcome[float64], len(at))
		for k, r := range Ask(ctx, scorerFunc(s.inBatches), missing) { // what is no reward is not kept
			got[k] = cache.Outcome[float64]{Value: r.Reward, Err: r.Err}
		}
		return got
	})
	out := make([]Result, len(samples))
	for i, o := range outcomes {
		out[i] = Result{o.Value, o.Err}
	}
	return out
}

// scorerFunc is a function as a Scorer.
type scorerFunc func(ctx context.Context, samples []Sample) []Result

func (f scorerFunc) Score(ctx context.Context, samples []Sample) []Result { return f(ctx, samples) }
