package cache

import "sync"

// Recent remembers a value for each of the texts used last. It holds between
// limit and 2*limit of them in two generations: a full young generation becomes
// the old one, the old one is dropped, and a hit moves a text to the young one.
// It is safe for concurrent use.
type Recent[V any] struct {
	mu         sync.Mutex
	limit      int
	young, old map[string]V
}

// NewRecent remembers at least the limit texts used last (limit >= 1).
func NewRecent[V any](limit int) *Recent[V] {
	return &Recent[V]{limit: max(1, limit), young: map[string]V{}}
}

// Get returns the value remembered for a text.
func (r *Recent[V]) Get(text string) (V, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if v, ok := r.young[text]; ok {
		return v, true
	}
	v, ok := r.old[text]
	if ok {
		r.put(text, v)
	}
	return v, ok
}

// Put remembers a value for a text.
func (r *Recent[V]) Put(text string, v V) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.put(text, v)
}

func (r *Recent[V]) put(text string, v V) {
	if len(r.young) >= r.limit {
		r.old, r.young = r.young, make(map[string]V, r.limit)
	}
	r.young[text] = v
}
