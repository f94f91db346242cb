package kernel

import "testing"

// operations are all operations on one batch, large enough to be shared among threads.
func operations() map[string]func(p *Pool) {
	const m, k, n = 70, 320, 300
	rng := newRand(1)
	mk := func(n int) []float32 { return newGuarded(rng, n).s() }
	x, w, y, dx, dn := mk(m*k), mk(PackedLen(k, n)), mk(m*n), mk(m*k), mk(m*k)
	gamma, beta, mean, rstd, bias := mk(k), mk(k), mk(m), mk(m), mk(n)
	big, moments := mk(5*grain), make([]float32, 5*grain)
	pos, angles := make([]int32, m), mk(k/2)
	c := newAttnCase(4, 2, 32, 20)
	ctx, dq, dk, dv := mk(c.rows*c.ld), mk(c.rows*c.ld), mk(c.rows*c.ld), mk(c.rows*c.ld)
	space, parts := make([]float32, n), make([]float32, NormParts(m, k))
	wt := make([]float32, PackedLen(n, k))
	one := func(p *Pool, lo, hi int) {
		LayerNorm(p, dn[lo*k:], mean[lo:], rstd[lo:], x[lo*k:], gamma, beta, hi-lo, k, 1e-5)
	}
	return map[string]func(p *Pool){
		"MatMul":            func(p *Pool) { MatMul(p, y, n, x, k, m, w, k, n, Epilogue{Bias: bias, Act: ActGELUTanh}) },
		"MatMul residual":   func(p *Pool) { MatMul(p, y, n, x, k, m, w, k, n, Epilogue{Residual: y, LdRes: n}) },
		"MatMul one row":    func(p *Pool) { MatMul(p, y, n, x, k, 1, w, k, n, Epilogue{}) },
		"MatMulT":           func(p *Pool) { MatMulT(p, dx, k, y, n, m, w, k, n, false) },
		"MatMulGrad":        func(p *Pool) { MatMulGrad(p, w, x, k, y, n, m, k, n, true) },
		"ColSum":            func(p *Pool) { ColSum(p, bias, y, n, m, n) },
		"LayerNorm":         func(p *Pool) { LayerNorm(p, dn, mean, rstd, x, gamma, beta, m, k, 1e-5) },
		"LayerNormBackward": func(p *Pool) { LayerNormBackward(p, dx, parts, dn, x, gamma, mean, rstd, m, k) },
		"RMSNorm":           func(p *Pool) { RMSNorm(p, dn, rstd, x, gamma, m, k, 1e-5) },
		"RMSNormBackward":   func(p *Pool) { RMSNormBackward(p, dx, parts, dn, x, gamma, rstd, m, k) },
		"NormGrads":         func(*Pool) { NormGrads(gamma, beta, parts) },
		"Rows":              func(p *Pool) { p.Rows(0, m, 0, one) },
		"Transpose":         func(p *Pool) { Transpose(p, Transposition{wt, w, k, n}) },
		"MatMulGrads": func(p *Pool) {
			MatMulGrads(p, WeightGrad{DW: w, DB: bias, X: x, Ldx: k, DY: y, Lddy: n, M: m, K: k, N: n}, WeightGrad{DB: bias, DY: y, Lddy: n, M: m, N: n})
		},
		"GELUTanh":         func(p *Pool) { GELUTanh(p, big, big) },
		"GELUTanhBackward": func(p *Pool) { GELUTanhBackward(p, big, big, big) },
		"GELUErf":          func(p *Pool) { GELUErf(p, big, big) },
		"GELUErfBackward":  func(p *Pool) { GELUErfBackward(p, big, big, big) },
		"SwiGLU":           func(p *Pool) { SwiGLU(p, dx, k, x, dn, k, m, k) },
		"SwiGLUBackward":   func(p *Pool) { SwiGLUBackward(p, dx, dn, k, x, k, x, x, k, m, k) },
		"Rope":             func(p *Pool) { Rope(p, dx, k, m, 1, k, pos, angles, angles, false) },
		"SumSquares":       func(p *Pool) { SumSquares(p, big) },
		"AdamW":            func(p *Pool) { AdamW(p, big, big, moments, moments, 0, 0.9, 0.999, 1e-8, 0, 1, 1, 1) },
		"SoftmaxStats":     func(*Pool) { SoftmaxStats(bias) },
		"SoftmaxGrad":      func(*Pool) { SoftmaxGrad(y[:n], bias, 1, 1, 3, 1, 1) },
		"KthLargest":       func(*Pool) { KthLargest(bias, 9, &space) },
		"Attention": func(p *Pool) {
			Attention(p, ctx, c.ld, c.q.s(), c.ld, c.k.s(), c.v.s(), c.ld, c.rows, c.paths, c.AttnShape)
		},
		"AttentionBackward": func(p *Pool) {
			AttentionBackward(p, dq, c.ld, dk, dv, c.ld, ctx, c.ld, c.q.s(), c.ld, c.k.s(), c.v.s(), c.ld, c.rows, c.paths, c.AttnShape)
		},
	}
}

// leastAllocations is that of some runs: how the workers share a run differs, and so what scratch
// memory each needs.
func leastAllocations(run func()) float64 {
	least := testing.AllocsPerRun(1, run)
	for try := 0; try < 20 && least > 0; try++ {
		least = min(least, testing.AllocsPerRun(1, run))
	}
	return least
}

// In steady state no operation allocates, on one thread or on several.
func TestSteadyStateDoesNotAllocate(t *testing.T) {
	eachTable(t, func(t *testing.T) {
		for _, threads := range []int{1, 2} {
			p := NewPool(threads)
			for name, run := range operations() {
				if got := leastAllocations(func() { run(p) }); got > 0 {
					t.Errorf("%s with %d threads: got %v allocations", name, threads, got)
				}
			}
			p.Close()
		}
	})
}
