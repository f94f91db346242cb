package lm

import "pgsrm/kernel"

// lowRank is what a thread needs between A and B, for the rows that it takes through a block.
type lowRank struct {
	low, dlow []float32 // [n][rank] scale * x*A, and its gradient
}

// reserve makes work space for so many threads.
func (s *adapters) reserve(threads int) {
	if s != nil && len(s.work) < threads {
		s.work = make([]lowRank, threads)
	}
}

// on returns the adapters of a matrix; nil, also of a model without any.
func (s *adapters) on(w *Param) []*adapter {
	if s == nil {
		return nil
	}
	return s.of[w]
}

// linearAdapted is linear for a matrix with adapters: out = act(x*W + bias +
// scale*(x*A)*B) + residual. The product with W is the one that the model without
// adapters computes; what the adapters add comes after it, so that adapters with
// B = 0 change no bit. Every row depends on its own input only.
func (m *Model) linearAdapted(p *kernel.Pool, on []*adapter, w, bias *Param, out, x []float32, ep kernel.Epilogue) {
	act, sum, n := ep.Act, out, len(out)/w.N
	if act != kernel.ActNone && ep.Pre != nil {
		sum = ep.Pre
	}
	ep.Act, ep.Pre = kernel.ActNone, nil
	m.product(p, w, bias, sum, x, ep)
	rank := m.lora.spec.Rank
	for _, a := range on {
		low := m.lora.project(p, a, x, n)
		delta := kernel.View(sum[a.from:], w.N)
		kernel.MatMul(p, delta, kernel.View(low, rank), n, a.b.matrix(), kernel.Epilogue{Residual: delta})
	}
	switch act {
	case kernel.ActGELUTanh:
		kernel.GELUTanh(p, out, sum)
	case kernel.ActGELUErf:
		kernel.GELUErf(p, out, sum)
	}
}

// project returns scale * x*A of n rows. [n][rank], valid until the thread's next call
func (s *adapters) project(p *kernel.Pool, a *adapter, x []float32, n int) []float32 {
	rank := s.spec.Rank
	low := room(&s.work[p.Worker()].low, n*rank)
	kernel.MatMul(p, kernel.View(low, rank), kernel.View(x, a.a.K), n, a.a.matrix(), kernel.Epilogue{})
	kernel.Scale(low, float32(s.spec.Scale()))
	return low
}

// adaptersInput adds to dx of n rows what flows through the adapters of w. dy [n][N], dx [n][K]
//
//	dlow = scale * dy*B^T   dx += dlow*A^T
func (m *Model) adaptersInput(p *kernel.Pool, w *Param, dx, dy []float32) {
	n := len(dy) / w.N
	for _, a := range m.lora.on(w) {
		dlow := m.lora.lowGrad(p, a, dy, w.N, n)
		kernel.MatMulT(p, kernel.View(dx, w.K), kernel.View(dlow, m.lora.spec.Rank), n, a.a.matrix(), true)
	}
}

// adaptersGrads adds the gradients of A and B of the adapters of w. x [n][K], dy [n][N]
//
//	dB = low^T*dy   dA = x^T*dlow   with low = scale * x*A
func (m *Model) adaptersGrads(w *Param, x, dy []float32) {
	s, n := m.lora, len(dy)/w.N
	for _, a := range s.on(w) {
		rank := s.spec.Rank
		low, dlow := s.project(m.Pool, a, x, n), s.lowGrad(m.Pool, a, dy, w.N, n)
		kernel.MatMulGrad(m.Pool, a.b.gradient(), kernel.View(low, rank), kernel.View(dy[a.from:], w.N), n, true)
		kernel.MatMulGrad(m.Pool, a.a.gradient(), kernel.View(x, w.K), kernel.View(dlow, rank), n, true)
	}
}

// lowGrad returns the gradient of x*A of n rows, scale * dy*B^T. [n][rank], valid until the thread's next call
func (s *adapters) lowGrad(p *kernel.Pool, a *adapter, dy []float32, width, n int) []float32 {
	rank := s.spec.Rank
	dlow := room(&s.work[p.Worker()].dlow, n*rank)
	kernel.MatMulT(p, kernel.View(dlow, rank), kernel.View(dy[a.from:], width), n, a.b.matrix(), false)
	kernel.Scale(dlow, float32(s.spec.Scale()))
	return dlow
}

// trained returns the arenas of what the optimiser changes, the value head not
// included: all weights, or the adapters.
func (m *Model) trained() (value, grad []float32) {
	if m.lora != nil {
		return m.lora.value, m.lora.grad
	}
	return m.value, m.grad
}
