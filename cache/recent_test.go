package cache

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// The limit texts used last are always there, and never more than twice as many.
func TestRecent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 5).Draw(t, "limit")
		r := NewRecent[int](limit)
		var order []int // distinct texts, last used last
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			n := rapid.IntRange(0, 12).Draw(t, "text")
			if _, ok := r.Get(fmt.Sprint(n)); !ok {
				r.Put(fmt.Sprint(n), n)
			}
			for i, x := range order {
				if x == n {
					order = append(order[:i], order[i+1:]...)
					break
				}
			}
			order = append(order, n)
			if len(r.young)+len(r.old) > 2*limit {
				t.Fatalf("holds %d texts, limit %d", len(r.young)+len(r.old), limit)
			}
		}
		for _, n := range order[max(0, len(order)-limit):] {
			if v, ok := r.Get(fmt.Sprint(n)); !ok || v != n {
				t.Fatalf("text %d must be remembered (got %v, %v)", n, v, ok)
			}
		}
	})
}

// A long text is remembered by its digest: what it is does not stay in memory.
func TestRecentLongTexts(t *testing.T) {
	r := NewRecent[int](8)
	long := strings.Repeat("a", 1<<20)
	r.Put(long, 1)
	r.Put(long+"b", 2)
	for text, want := range map[string]int{long: 1, long + "b": 2} {
		if got, ok := r.Get(text); !ok || got != want {
			t.Errorf("%d bytes: got %d, %v", len(text), got, ok)
		}
	}
	if _, ok := r.Get(long[1:]); ok {
		t.Error("a text that was not put")
	}
	for key := range r.young {
		if len(key) > longText {
			t.Errorf("a key of %d bytes", len(key))
		}
	}
}
