package kernel

import (
	"math"

	"pgsrm/kernel/internal/generic"
)

// AdamW does one step of AdamW (Loshchilov and Hutter, 2019) with PyTorch's order of operations:
// decay of w, moments, bias correction, update. The gradient is multiplied by gradScale first.
// biasCorr1 = 1-beta1^t, biasCorr2 = 1-beta2^t. All slices have the length of w.
func AdamW(p *Pool, w, g, m, v []float32, lr, beta1, beta2, eps, weightDecay, biasCorr1, biasCorr2, gradScale float32) {
	c := &p.at(0).adam
	*c = generic.Adam{
		Decay:     float32(1 - float64(lr)*float64(weightDecay)),
		GradScale: gradScale,
		Rate1:     float32(1 - float64(beta1)),
		Beta2:     beta2,
		Rate2:     float32(1 - float64(beta2)),
		RootCorr2: float32(math.Sqrt(float64(biasCorr2))),
		Eps:       eps,
		Step:      float32(float64(lr) / float64(biasCorr1)),
	}
	n := len(w)
	if p.Threads() == 1 || n <= grain {
		use.adamW(w, g[:n], m[:n], v[:n], c)
		return
	}
	p.spans(n, grain, func(lo, hi, _ int) { use.adamW(w[lo:hi], g[lo:hi], m[lo:hi], v[lo:hi], c) })
}

// SumSquares returns the sum of x[i]^2 in float64: blocks of a fixed size, added in order.
func SumSquares(p *Pool, x []float32) float64 {
	const block = 4 * grain
	var total float64
	if p.Threads() == 1 || len(x) <= block {
		for lo := 0; lo < len(x); lo += block {
			total += use.sumSquares(x[lo:min(lo+block, len(x))])
		}
		return total
	}
	parts := make([]float64, ceilDiv(len(x), block))
	p.spans(len(x), block, func(lo, hi, _ int) { parts[lo/block] = use.sumSquares(x[lo:hi]) })
	for _, part := range parts {
		total += part
	}
	return total
}
