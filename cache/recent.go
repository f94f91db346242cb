package cache

import (
	"crypto/sha256"
	"sync"
)

// Recent remembers a value for each of the texts used last. It holds between
// limit and 2*limit of them in two generations: a full young generation becomes
// the old one, the old one is dropped, and a hit moves a text to the young one.
// Of a long text it keeps the digest alone, so that its memory has a bound. It is
// safe for concurrent use.
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
	text = short(text)
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
	text = short(text)
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

// longText is the length in bytes from which a text is kept as its digest.
const longText = 256

// short is the key of a text: itself, or its digest behind so many zeros that no text that
// stands for itself is as long.
func short(text string) string {
	if len(text) < longText {
		return text
	}
	sum := sha256.Sum256([]byte(text))
	return string(append(make([]byte, longText-len(sum), longText), sum[:]...))
}
