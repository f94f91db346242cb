package kernel

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
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

// Many more threads than cores do each item once, whether they look for work or sleep, and sleep when there is none.
func TestMoreThreadsThanCores(t *testing.T) {
	p := NewPool(64)
	defer p.Close()
	for round := range 600 {
		n := round % 150
		counts := make([]atomic.Int32, n)
		p.Each(n, func(i, _ int) { counts[i].Add(1) })
		for i := range counts {
			if c := counts[i].Load(); c != 1 {
				t.Fatalf("round %d: item %d of %d ran %d times", round, i, n, c)
			}
		}
		if round%100 == 0 {
			asleep(t, p)
		}
	}
}

// asleep waits until all threads of an idle Pool sleep.
func asleep(t *testing.T, p *Pool) {
	t.Helper()
	begin := time.Now()
	for i := 1; i < p.Threads(); i++ {
		for !p.workers[i].asleep.Load() {
			if runtime.Gosched(); time.Since(begin) > 10*time.Second {
				t.Fatalf("thread %d has no work and does not sleep", i)
			}
		}
	}
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
				if lo%rowUnit != 0 || lo >= hi {
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

// On one thread calls may run inside calls of their kind, whose state comes back.
func TestOneThreadNests(t *testing.T) {
	for _, p := range []*Pool{nil, NewPool(1)} {
		var order []int
		p.Each(2, func(i, _ int) {
			p.Each(3, func(k, w int) { order = append(order, 10*i+k+w) })
			p.Rows(100*i, 100*i+40, 0, func(q *Pool, lo, hi int) {
				q.Rows(lo, hi, 0, func(_ *Pool, lo, hi int) { order = append(order, lo, hi) })
			})
		})
		if want := []int{0, 1, 2, 0, 40, 10, 11, 12, 100, 140}; !slices.Equal(order, want) {
			t.Errorf("got %v, want %v", order, want)
		}
	}
}

// A Pool whose operation was refused for its arguments still works.
func TestPoolAfterRefusal(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	x := make([]float32, 64)
	for name, bad := range map[string]func(){
		"MatMul":      func() { MatMul(p, View(x, 2), View(x[:5], 3), 2, Packed{x, 3, 2}, Epilogue{}) },
		"MatMulGrads": func() { MatMulGrad(p, Packed{x, 3, 2}, View(x, 3), View(x, 2), 2, true) },
		"Transpose":   func() { Transpose(p, Transposition{x, Packed{x, 3, 2}}) },
		"Attention": func() {
			Attention(p, View(x, 4), QKV{View(x, 4), View(x, 4), View(x, 4)}, [][]int32{{99}}, AttnShape{1, 1, 4, 1})
		},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: was accepted", name)
				}
			}()
			bad()
		}()
		ran := 0
		p.Each(1, func(int, int) { ran++ })
		if ran != 1 {
			t.Errorf("%s: the Pool is stuck", name)
		}
	}
}
