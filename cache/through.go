package cache

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// Outcome is the answer to one request, or the error of that request alone.
type Outcome[V any] struct {
	Value V
	Err   error
}

// Through asks a source for what is not known yet: memory over single-flight over
// the cache over the source, so that each thing is asked once. Errors are not
// kept anywhere. It is safe for concurrent use.
type Through[V any] struct {
	Cache  *Cache // nil = none
	Kind   Kind
	Source string // identity of the source, part of every key
	Encode func(V) []byte
	Decode func([]byte) (V, error) // an error makes a miss of the entry
	counter

	mu      sync.Mutex
	known   *Recent[V]
	flights map[string]*flight[V] // by request
}

// NewThrough remembers at least the most requests used last; the fields are set
// by the caller before its first use.
func NewThrough[V any](most int) *Through[V] {
	return &Through[V]{known: NewRecent[V](most), flights: map[string]*flight[V]{}}
}

// flight is a request that is being asked.
type flight[V any] struct {
	done    chan struct{} // closed when out is set
	out     Outcome[V]
	given   bool // the asker's context ended: ask again
	request int  // place of the request among those of the asker
}

// errUnasked is the outcome of a request whose source gave none.
var errUnasked = errors.New("cache: the source gave no outcome")

// Do returns the outcome of each request, in order. ask is called at most once,
// with the places in requests of those that nobody knows, each a different
// request, and returns their outcomes in that order.
func (t *Through[V]) Do(ctx context.Context, requests []string, ask func(ctx context.Context, at []int) []Outcome[V]) []Outcome[V] {
	out := make([]Outcome[V], len(requests))
	open := make([]int, len(requests))
	for i := range open {
		open[i] = i
	}
	for len(open) > 0 {
		flights, mine := t.claim(requests, open, out)
		t.settle(ctx, requests, mine, ask)
		open = await(ctx, flights, out)
	}
	return out
}

// joined is a place in the requests and the flight that it waits for.
type joined[V any] struct {
	at     int
	flight *flight[V]
}

// claim fills in what is remembered, joins the flights of others, and begins those
// of the rest, which are mine.
func (t *Through[V]) claim(requests []string, open []int, out []Outcome[V]) (all []joined[V], mine []*flight[V]) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var remembered int
	for _, i := range open {
		if v, ok := t.known.Get(requests[i]); ok {
			out[i].Value = v
			remembered++
			continue
		}
		f := t.flights[requests[i]]
		if f == nil {
			f = &flight[V]{done: make(chan struct{}), request: i}
			t.flights[requests[i]] = f
			mine = append(mine, f)
		} else {
			remembered++
		}
		all = append(all, joined[V]{i, f})
	}
	t.count(func(c *Counts) { c.Memory += int64(remembered) })
	return all, mine
}

// settle ends my flights: by the cache, else by the source.
func (t *Through[V]) settle(ctx context.Context, requests []string, mine []*flight[V], ask func(context.Context, []int) []Outcome[V]) {
	if len(mine) == 0 {
		return
	}
	defer func() { // whatever happens, nobody waits for ever
		for _, f := range mine {
			t.land(ctx, requests[f.request], f, Outcome[V]{Err: errUnasked})
		}
	}()
	keys := make([]Key, len(mine))
	if t.Cache != nil {
		for k, f := range mine {
			keys[k] = NewKey(t.Kind, t.Source, requests[f.request])
		}
	}
	var missing []int // places in mine
	for k, b := range t.Cache.Get(ctx, keys) {
		if b != nil {
			if v, err := t.Decode(b); err == nil {
				t.land(ctx, requests[mine[k].request], mine[k], Outcome[V]{Value: v})
				continue
			}
		}
		missing = append(missing, k)
	}
	t.count(func(c *Counts) { c.Hits += int64(len(mine) - len(missing)) })
	if len(missing) > 0 {
		t.fetch(ctx, requests, keys, mine, missing, ask)
	}
}

// fetch asks the source and keeps what it answered.
func (t *Through[V]) fetch(ctx context.Context, requests []string, keys []Key, mine []*flight[V], missing []int, ask func(context.Context, []int) []Outcome[V]) {
	at := make([]int, len(missing))
	for i, k := range missing {
		at[i] = mine[k].request
	}
	got := ask(ctx, at)
	var failed int
	for i, k := range missing {
		o := Outcome[V]{Err: fmt.Errorf("%w (%d for %d requests)", errUnasked, len(got), len(missing))}
		if len(got) == len(missing) {
			o = got[i]
		}
		if o.Err == nil {
			t.Cache.Put(t.Kind, t.Source, keys[k], t.Encode(o.Value))
		} else {
			failed++
		}
		t.land(ctx, requests[at[i]], mine[k], o)
	}
	t.count(func(c *Counts) { c.Misses, c.Failures = c.Misses+int64(len(missing)), c.Failures+int64(failed) })
}

// land ends a flight, once. Those who wait for a request whose asker was
// cancelled ask for themselves.
func (t *Through[V]) land(ctx context.Context, request string, f *flight[V], o Outcome[V]) {
	t.mu.Lock()
	defer t.mu.Unlock()
	select {
	case <-f.done:
		return
	default:
	}
	f.out, f.given = o, o.Err != nil && ctx.Err() != nil
	if o.Err == nil {
		t.known.Put(request, o.Value)
	}
	delete(t.flights, request)
	close(f.done)
}

// await fills in the outcomes of flights and returns the places that must ask again.
func await[V any](ctx context.Context, flights []joined[V], out []Outcome[V]) (again []int) {
	for _, j := range flights {
		select {
		case <-j.flight.done:
			if out[j.at] = j.flight.out; j.flight.given && ctx.Err() == nil {
				again = append(again, j.at)
			}
		case <-ctx.Done():
			out[j.at] = Outcome[V]{Err: ctx.Err()}
		}
	}
	return again
}

// counter counts under a lock of its own.
type counter struct {
	mu     sync.Mutex
	counts Counts
}

// Counts are what became of the requests to one source. They depend on what the
// cache holds, so they belong beside results, never into them.
type Counts struct {
	Memory   int64 `json:"memory"`   // known in this process, or just being asked
	Hits     int64 `json:"hits"`     // found in the cache
	Misses   int64 `json:"misses"`   // asked of the source
	Failures int64 `json:"failures"` // of these, without an answer
}

// Values are the counts as named numbers.
func (c Counts) Values() map[string]float64 {
	return map[string]float64{
		"memory_hits": float64(c.Memory), "cache_hits": float64(c.Hits), "asked": float64(c.Misses), "unanswered": float64(c.Failures),
	}
}

func (c *counter) count(f func(*Counts)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(&c.counts)
}

// Counts is a copy of the counts so far.
func (c *counter) Counts() Counts {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.counts
}
