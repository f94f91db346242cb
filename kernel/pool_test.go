package kernel

import (
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

// A step allocates nothing with one thread, and a few closures with several.
func TestSteadyStateDoesNotAllocate(t *testing.T) {
	const m, k, n = 60, 64, 100
	rng := newRand(1)
	mk := func(n int) []float32 { return newGuarded(rng, n).s() }
	x, w, y, dx := mk(m*k), mk(PackedLen(k, n)), mk(m*n), mk(m*k)
	gamma, mean, bias := mk(k), mk(m), mk(n)
	c := newAttnCase(2, 1, 32, 20)
	dq, dk, dv := mk(c.rows*c.ld), mk(c.rows*c.ld), mk(c.rows*c.ld)
	step := func(p *Pool) {
		MatMul(p, y, n, x, k, m, w, k, n, Epilogue{Bias: bias, Act: ActGELUTanh})
		MatMulT(p, dx, k, y, n, m, w, k, n, false)
		MatMulGrad(p, w, x, k, y, n, m, k, n, true)
		ColSum(p, bias, y, n, m, n)
		LayerNorm(p, dx, mean, mean, x, gamma, gamma, m, k, 1e-5)
		LayerNormBackward(p, dx, gamma, gamma, dx, x, gamma, mean, mean, m, k)
		GELUTanh(p, y, y)
		GELUTanhBackward(p, y, y, y)
		SumSquares(p, w)
		AdamW(p, w, w, w, w, 0, 0.9, 0.999, 1e-8, 0, 1, 1, 1)
		Attention(p, dq, c.ld, c.q.s(), c.ld, c.k.s(), c.v.s(), c.ld, c.rows, c.paths, c.AttnShape)
		AttentionBackward(p, dq, c.ld, dk, dv, c.ld, dq, c.ld, c.q.s(), c.ld, c.k.s(), c.v.s(), c.ld, c.rows, c.paths, c.AttnShape)
	}
	for _, limit := range []struct{ threads, allocs int }{{1, 0}, {2, 40}} {
		p := NewPool(limit.threads)
		if got := testing.AllocsPerRun(20, func() { step(p) }); got > float64(limit.allocs) {
			t.Errorf("%d threads: got %v allocations, want at most %d", limit.threads, got, limit.allocs)
		}
		p.Close()
	}
}

func TestChoose(t *testing.T) {
	tables := []*ops{{name: "avx512"}, {name: "avx2"}, {name: "go"}}
	for name, want := range map[string]string{"": "avx512", "avx2": "avx2", "go": "go", "sse": "avx512", "AVX2": "avx512"} {
		if got := choose(name, tables).name; got != want {
			t.Errorf("choose(%q): got %q, want %q", name, got, want)
		}
	}
}
