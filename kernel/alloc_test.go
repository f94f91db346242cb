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
		LayerNorm(p, dn[lo*k:], NormStats{mean[lo:], rstd[lo:]}, x[lo*k:], NormWeights{gamma, beta, 1e-5}, hi-lo)
	}
	return map[string]func(p *Pool){
		"MatMul": func(p *Pool) {
			MatMul(p, View(y, n), View(x, k), m, Packed{w, k, n}, Epilogue{Bias: bias, Act: ActGELUTanh})
		},
		"MatMul residual":   func(p *Pool) { MatMul(p, View(y, n), View(x, k), m, Packed{w, k, n}, Epilogue{Residual: View(y, n)}) },
		"MatMul one row":    func(p *Pool) { MatMul(p, View(y, n), View(x, k), 1, Packed{w, k, n}, Epilogue{}) },
		"MatMulT":           func(p *Pool) { MatMulT(p, View(dx, k), View(y, n), m, Packed{w, k, n}, false) },
		"MatMulGrad":        func(p *Pool) { MatMulGrad(p, Packed{w, k, n}, View(x, k), View(y, n), m, true) },
		"ColSum":            func(p *Pool) { colSum(p, bias, View(y, n), m) },
		"LayerNorm":         func(p *Pool) { LayerNorm(p, dn, NormStats{mean, rstd}, x, NormWeights{gamma, beta, 1e-5}, m) },
		"LayerNormBackward": func(p *Pool) { LayerNormBackward(p, dx, parts, dn, x, gamma, NormStats{mean, rstd}, m) },
		"RMSNorm":           func(p *Pool) { RMSNorm(p, dn, rstd, x, NormWeights{gamma, nil, 1e-5}, m) },
		"RMSNormBackward":   func(p *Pool) { RMSNormBackward(p, dx, parts, dn, x, gamma, rstd, m) },
		"NormGrads":         func(*Pool) { NormGrads(gamma, beta, parts) },
		"Rows":              func(p *Pool) { p.Rows(0, m, 0, one) },
		"Transpose":         func(p *Pool) { Transpose(p, Transposition{wt, Packed{w, k, n}}) },
		"MatMulGrads": func(p *Pool) {
			MatMulGrads(p, WeightGrad{DW: Packed{w, k, n}, DB: bias, X: View(x, k), DY: View(y, n), M: m}, WeightGrad{DB: bias, DY: View(y, n), M: m})
		},
		"GELUTanh":         func(p *Pool) { GELUTanh(p, big, big) },
		"GELUTanhBackward": func(p *Pool) { GELUTanhBackward(p, big, big, big, big) },
		"GELUErf":          func(p *Pool) { GELUErf(p, big, big) },
		"GELUErfBackward":  func(p *Pool) { GELUErfBackward(p, big, big, big, big) },
		"SwiGLU":           func(p *Pool) { SwiGLU(p, View(dx, k), View(x, k), View(dn, k), m, k) },
		"SwiGLUBackward": func(p *Pool) {
			SwiGLUBackward(p, View(dx, k), View(dn, k), View(dn, k), View(x, k), View(x, k), View(x, k), m, k)
		},
		"Rope":         func(p *Pool) { Rope(p, View(dx, k), 1, pos, Rotations{angles, angles, k}, false) },
		"SumSquares":   func(p *Pool) { SumSquares(p, big) },
		"AdamW":        func(p *Pool) { AdamW(p, big, big, moments, moments, AdamWStep{0, 0.9, 0.999, 1e-8, 0, 1, 1, 1}) },
		"SoftmaxStats": func(*Pool) { SoftmaxStats(bias) },
		"SoftmaxGrad":  func(*Pool) { SoftmaxGrad(y[:n], bias, 1, 1, 3, 1, 1) },
		"KthLargest":   func(*Pool) { KthLargest(bias, 9, &space) },
		"Attention": func(p *Pool) {
			Attention(p, View(ctx, c.ld), QKV{View(c.q.s(), c.ld), View(c.k.s(), c.ld), View(c.v.s(), c.ld)}, c.paths, c.AttnShape)
		},
		"AttentionBackward": func(p *Pool) {
			AttentionBackward(p, QKV{View(dq, c.ld), View(dk, c.ld), View(dv, c.ld)}, View(ctx, c.ld), QKV{View(c.q.s(), c.ld), View(c.k.s(), c.ld), View(c.v.s(), c.ld)}, c.paths, c.AttnShape)
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
