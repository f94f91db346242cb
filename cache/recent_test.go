package cache

import (
	"fmt"
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
