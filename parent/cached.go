package parent

import (
	"context"
	"errors"
	"strings"
	"unicode/utf8"

	"pgsrm/cache"
	"pgsrm/task"
)

// cachedAnswers is how many answers of a costly parent are surely remembered.
const cachedAnswers = 1 << 17

// cached is a costly parent behind memory and cache. Items with the same request
// are asked once.
type cached struct {
	inner   costly
	through *cache.Through[string]
}

// newCached wraps a parent; c may be nil.
func newCached(p costly, c *cache.Cache) *cached {
	t := cache.NewThrough[string](cachedAnswers)
	t.Cache, t.Kind, t.Source = c, cache.Answer, p.Identity()
	t.Encode = func(answer string) []byte { return []byte(answer) }
	t.Decode = decodeAnswer
	return &cached{p, t}
}

// decodeAnswer refuses what is no answer.
func decodeAnswer(b []byte) (string, error) {
	if !utf8.Valid(b) || strings.TrimSpace(string(b)) == "" {
		return "", errors.New("parent: cached answer must be a text")
	}
	return string(b), nil
}

// Answers asks for the items that neither memory nor cache knows.
func (c *cached) Answers(ctx context.Context, items []task.Item) []Result {
	requests := make([]string, len(items))
	for i, it := range items {
		requests[i] = c.inner.Request(it)
	}
	outcomes := c.through.Do(ctx, requests, func(ctx context.Context, at []int) []cache.Outcome[string] {
		missing := make([]task.Item, len(at))
		for k, i := range at {
			missing[k] = items[i]
		}
		results := c.inner.Answers(ctx, missing)
		got := make([]cache.Outcome[string], len(results))
		for k, r := range results {
			got[k] = cache.Outcome[string]{Value: r.Answer, Err: r.Err}
		}
		return got
	})
	out := make([]Result, len(items))
	for i, o := range outcomes {
		out[i] = Result{Answer: o.Value, Err: o.Err}
	}
	return out
}

// known says of each request whether the cache answers it. [len(requests)]
func (c *cached) known(ctx context.Context, requests []string) []bool {
	keys := make([]cache.Key, len(requests))
	for i, r := range requests {
		keys[i] = cache.NewKey(c.through.Kind, c.through.Source, r)
	}
	out := make([]bool, len(requests))
	for i, b := range c.through.Cache.Get(ctx, keys) {
		out[i] = b != nil
	}
	return out
}

// Identity is that of the wrapped parent.
func (c *cached) Identity() string { return c.inner.Identity() }

// Counts are what became of the items so far.
func (c *cached) Counts() cache.Counts { return c.through.Counts() }

// Unwrap is the wrapped parent.
func (c *cached) Unwrap() Parent { return c.inner }
