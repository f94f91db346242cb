package kernel

import (
	"math"

	"pgsrm/kernel/internal/generic"
)

// AdamWStep holds the numbers of one step of AdamW, the names as in PyTorch.
type AdamWStep struct {
	LR, Beta1, Beta2, Eps, WeightDecay float32

	BiasCorrection1, BiasCorrection2 float32 // 1-Beta1^t, 1-Beta2^t of step t
	GradScale                        float32 // the gradient is multiplied by it first
}

// AdamW does one step of AdamW (Loshchilov and Hutter 2019) on weights w with gradient g and moments m and v, all of one length,
// with PyTorch's order of operations: decay of w, moments, bias correction, update.
func AdamW(p *Pool, w, g, m, v []float32, o AdamWStep) {
	c := &p.at(0).adam
	*c = generic.Adam{
		Decay:     float32(1 - float64(o.LR)*float64(o.WeightDecay)),
		GradScale: o.GradScale,
		Rate1:     float32(1 - float64(o.Beta1)),
		Beta2:     o.Beta2,
		Rate2:     float32(1 - float64(o.Beta2)),
		RootCorr2: float32(math.Sqrt(float64(o.BiasCorrection2))),
		Eps:       o.Eps,
		Step:      float32(float64(o.LR) / float64(o.BiasCorrection1)),
	}
	n := len(w)
	if p.Threads() == 1 || n <= grain {
		use.adamW(w, g[:n], m[:n], v[:n], c)
		return
	}
	share(p, &p.jobs.adam, adamJob{w, g[:n], m[:n], v[:n], c}, ceilDiv(n, grain))
}

// adamJob is one AdamW.
type adamJob struct {
	w, g, m, v []float32
	c          *generic.Adam
}

func (a *adamJob) item(i int, _ *worker) {
	lo, hi := i*grain, min((i+1)*grain, len(a.w))
	use.adamW(a.w[lo:hi], a.g[lo:hi], a.m[lo:hi], a.v[lo:hi], a.c)
}

// squareBlock is the number of elements that SumSquares adds up before it adds to the total.
const squareBlock = 4 * grain

// SumSquares returns the sum of x[i]^2 in float64: blocks of a fixed size, added in order.
func SumSquares(p *Pool, x []float32) float64 {
	var total float64
	blocks := ceilDiv(len(x), squareBlock)
	if p.Threads() == 1 || blocks <= 1 {
		for lo := 0; lo < len(x); lo += squareBlock {
			total += use.sumSquares(x[lo:min(lo+squareBlock, len(x))])
		}
		return total
	}
	s := p.at(0)
	if cap(s.sums) < blocks {
		s.sums = make([]float64, blocks)
	}
	parts := s.sums[:blocks]
	share(p, &p.jobs.squares, squares{x, parts}, blocks)
	for _, part := range parts {
		total += part
	}
	return total
}

// squares is one SumSquares.
type squares struct {
	x     []float32
	parts []float64 // sum of each block
}

func (q *squares) item(i int, _ *worker) {
	lo := i * squareBlock
	q.parts[i] = use.sumSquares(q.x[lo:min(lo+squareBlock, len(q.x))])
}
