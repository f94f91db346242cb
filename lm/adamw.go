package lm

import (
	"math"

	"pgsrm/kernel"
)

// AdamW is the optimiser (Loshchilov and Hutter 2019) in PyTorch's order of
// operations, on all weights alike; of a model with adapters on these alone.
// Construct with NewAdamW.
type AdamW struct {
	Beta1, Beta2, Eps, WeightDecay float64
	ValueLR                        float64   // learning rate of the value head; 0 = that of the trunk
	Steps                          int       // updates made
	m, v                           []float32 // [len(arena)] moments of what is trained
	vm, vv                         []float32 // [D+1] moments of the value head
}

// NewAdamW returns the optimiser with PyTorch's defaults.
func NewAdamW() *AdamW {
	return &AdamW{Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, WeightDecay: 0.01}
}

// Step clips the gradients to maxNorm (0 = no clipping), applies one update,
// zeroes the gradients and returns the norm before clipping. A norm that is not
// finite leaves the weights unchanged and is returned as it is.
func (o *AdamW) Step(m *Model, lr, maxNorm float64) (gradNorm float64) {
	m.ensureGrads()
	o.reserve(m)
	for _, p := range m.params {
		p.settle()
	}
	gradNorm = m.gradNorm()
	if math.IsNaN(gradNorm) || math.IsInf(gradNorm, 0) {
		return gradNorm
	}
	scale := 1.0
	if maxNorm > 0 && gradNorm > maxNorm {
		scale = maxNorm / (gradNorm + 1e-6)
	}
	o.Steps++
	value, grad := m.trained()
	o.apply(m, value, grad, o.m, o.v, lr, scale)
	if h := m.vhead; h != nil && h.grad != nil {
		if o.ValueLR > 0 {
			lr = o.ValueLR
		}
		o.apply(m, h.w, h.grad, o.vm, o.vv, lr, scale)
	}
	m.ZeroGrad()
	return gradNorm
}

func (o *AdamW) apply(m *Model, w, g, m1, m2 []float32, lr, scale float64) {
	c1 := 1 - math.Pow(o.Beta1, float64(o.Steps))
	c2 := 1 - math.Pow(o.Beta2, float64(o.Steps))
	kernel.AdamW(m.Pool, w, g, m1, m2, kernel.AdamWStep{
		LR: float32(lr), Beta1: float32(o.Beta1), Beta2: float32(o.Beta2), Eps: float32(o.Eps), WeightDecay: float32(o.WeightDecay),
		BiasCorrection1: float32(c1), BiasCorrection2: float32(c2), GradScale: float32(scale),
	})
}

// reserve allocates the moments on first use.
func (o *AdamW) reserve(m *Model) {
	if o.m == nil {
		value, _ := m.trained()
		o.m, o.v = kernel.Floats(len(value)), kernel.Floats(len(value))
	}
	if m.vhead != nil && o.vm == nil {
		o.vm, o.vv = make([]float32, len(m.vhead.w)), make([]float32, len(m.vhead.w))
	}
}

// Moments returns first and second moments, those of the value head last (nil
// without one), to be saved and restored beside Steps. They exist from here on.
func (o *AdamW) Moments(m *Model) (m1, m2, valueM1, valueM2 []float32) {
	o.reserve(m)
	return o.m, o.v, o.vm, o.vv
}

// gradNorm is the Euclidean norm of all gradients, value head included.
func (m *Model) gradNorm() float64 {
	_, grad := m.trained()
	sum := kernel.SumSquares(m.Pool, grad)
	if h := m.vhead; h != nil && h.grad != nil {
		sum += kernel.SumSquares(m.Pool, h.grad)
	}
	return math.Sqrt(sum)
}

// ZeroGrad forgets the gradients. Those of matrices are not written: the next product does that.
func (m *Model) ZeroGrad() {
	if m.lora != nil {
		clear(m.lora.grad)
	}
	for _, p := range m.params {
		if p.Packed && p.Grad != nil {
			p.stale = true
		} else {
			clear(p.Grad)
		}
	}
	if m.vhead != nil {
		clear(m.vhead.grad)
	}
}
