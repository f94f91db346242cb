package kernel

import (
	"fmt"
	"math"
	"strings"
	"sync/atomic"
	"testing"
)

func TestPoolRunsEachItemOnce(t *testing.T) {
	eachPool(t, func(t *testing.T, p *Pool) {
		for n := range 200 {
			counts, busy := make([]atomic.Int32, n), make([]atomic.Int32, p.Threads())
			p.Each(n, func(i, w int) {
				if busy[w].Add(1) != 1 {
					t.Error("two calls with one worker at once")
				}
				counts[i].Add(1)
				busy[w].Add(-1)
			})
			for i := range counts {
				if c := counts[i].Load(); c != 1 {
					t.Fatalf("n=%d: item %d ran %d times", n, i, c)
				}
			}
		}
	})
}

// Blocks of Rows are all rows once, begin where they may, and have a Pool of their own that works; those of a chain of many
// weights are one.
func TestRows(t *testing.T) {
	eachPool(t, func(t *testing.T, p *Pool) {
		for n := range 700 {
			counts := make([]atomic.Int32, n)
			p.Rows(3, 3+n, smallChain, func(q *Pool, lo, hi int) {
				if q.Threads() != 1 && hi-lo != n {
					t.Errorf("n=%d: a block has %d threads", n, q.Threads())
				}
				lo, hi = lo-3, hi-3
				if lo%RowUnit != 0 || lo >= hi {
					t.Errorf("n=%d: block %d..%d", n, lo, hi)
				}
				q.Each(hi-lo, func(i, _ int) { counts[lo+i].Add(1) })
			})
			for i := range counts {
				if c := counts[i].Load(); c != 1 {
					t.Fatalf("n=%d: row %d was computed %d times", n, i, c)
				}
			}
		}
		calls := 0
		p.Rows(0, 2*largeCut.least-1, math.MaxInt, func(q *Pool, lo, hi int) {
			if calls++; q != p || lo != 0 || hi != 2*largeCut.least-1 {
				t.Errorf("got rows %d..%d, want all on all threads", lo, hi)
			}
		})
		if calls != 1 {
			t.Errorf("got %d calls, want 1", calls)
		}
	})
}

func TestPoolRefusesNesting(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	refused := make([]bool, 2)
	p.Each(2, func(i, _ int) {
		defer func() { refused[i] = recover() != nil }()
		p.Each(2, func(int, int) {})
	})
	if !refused[0] || !refused[1] {
		t.Fatalf("got %v, want a panic in both", refused)
	}
}

func TestChoose(t *testing.T) {
	tables := []*ops{{name: "avx512"}, {name: "avx2"}, {name: "go"}}
	for name, want := range map[string]string{"": "avx512", "avx2": "avx2", "go": "go"} {
		if got, err := choose(name, tables); err != nil || got.name != want {
			t.Errorf("choose(%q): got %q, %v, want %q", name, got.name, err, want)
		}
	}
	for _, name := range []string{"sse", "AVX2", "avx2 ", "avx512,go"} {
		got, err := choose(name, tables)
		if want := fmt.Sprintf("PGSRM_KERNEL: must be one of avx512, avx2, go on this processor (got %q)", name); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
		if got == nil || got.name != "avx512" {
			t.Errorf("choose(%q): must return the best table all the same", name)
		}
	}
	if _, err := choose("avx512", tables[1:]); err == nil || !strings.Contains(err.Error(), `one of avx2, go on`) {
		t.Errorf("a variant that the processor lacks: got %v", err)
	}
}
