package kernel

import (
	"math"
	"slices"

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
	c := generic.Adam{
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
	share(p, &adamJob{w, g[:n], m[:n], v[:n], c}, ceilDiv(n, grain))
}

// adamJob is one AdamW.
type adamJob struct {
	w, g, m, v []float32
	c          generic.Adam
}

func (a *adamJob) cost() Cost { return Cost{Name: "AdamW", Bytes: 4 * 4 * float64(len(a.w))} }

func (a *adamJob) item(i int, _ *worker) {
	lo, hi := i*grain, min((i+1)*grain, len(a.w))
	use.adamW(a.w[lo:hi], a.g[lo:hi], a.m[lo:hi], a.v[lo:hi], &a.c)
}

// squareBlock is the number of elements that SumSquares adds up before it adds to the total.
const squareBlock = 4 * grain

// SumSquares returns the sum of x[i]^2 in float64: blocks of a fixed size, added in order.
func SumSquares(p *Pool, x []float32) float64 {
	p = p.enter()
	q, blocks := &p.jobs.squares, ceilDiv(len(x), squareBlock)
	q.x, q.parts = x, slices.Grow(q.parts[:0], blocks)[:blocks]
	p.run(q, blocks)
	q.x = nil
	var total float64
	for _, part := range q.parts {
		total += part
	}
	p.leave()
	return total
}

// squares is one SumSquares.
type squares struct {
	x     []float32
	parts []float64 // sum of each block
}

func (q *squares) cost() Cost { return Cost{Name: "SumSquares", Bytes: 4 * float64(len(q.x))} }

func (q *squares) item(i int, _ *worker) {
	lo := i * squareBlock
	q.parts[i] = use.sumSquares(q.x[lo:min(lo+squareBlock, len(q.x))])
}
