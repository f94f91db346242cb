package lm

import "pgsrm/kernel"

// on returns the adapters of a matrix; nil, also of a model without any.
func (s *adapters) on(w *Param) []*adapter {
	if s == nil {
		return nil
	}
	return s.of[w]
}

// linearAdapted is linear for a matrix with adapters: out = act(x*W + bias +
// scale*(x*A)*B) + residual. The product with W is the one that the model without
// adapters computes; what the adapters add comes behind it, so that adapters with
// B = 0 change no bit. Every row depends on its own input only.
func (m *Model) linearAdapted(on []*adapter, w, bias *Param, out, x []float32, r0, R int, ep kernel.Epilogue) {
	act, sum := ep.Act, out
	if act != kernel.ActNone && ep.Pre != nil {
		sum = ep.Pre
	}
	ep.Act, ep.Pre = kernel.ActNone, nil
	m.product(w, bias, sum, x, r0, R, ep)
	rank := m.lora.spec.Rank
	for _, a := range on {
		low := m.lora.project(m.Pool, a, x[r0*w.K:R*w.K], R-r0)
		delta := sum[r0*w.N+a.from : R*w.N]
		kernel.MatMul(m.Pool, delta, w.N, low, rank, R-r0, a.b.Value, rank, a.to-a.from, kernel.Epilogue{Residual: delta, LdRes: w.N})
	}
	switch act {
	case kernel.ActGELUTanh:
		kernel.GELUTanh(m.Pool, out[r0*w.N:R*w.N], sum[r0*w.N:R*w.N])
	case kernel.ActGELUErf:
		kernel.GELUErf(m.Pool, out[r0*w.N:R*w.N], sum[r0*w.N:R*w.N])
	}
}

// project returns scale * x*A of n rows. [n][rank], valid until the next call
func (s *adapters) project(pool *kernel.Pool, a *adapter, x []float32, n int) []float32 {
	rank := s.spec.Rank
	s.low = resize(s.low, n*rank)
	kernel.MatMul(pool, s.low, rank, x, a.a.K, n, a.a.Value, a.a.K, rank, kernel.Epilogue{})
	kernel.Scale(s.low, float32(s.spec.Scale()))
	return s.low
}

// adaptersBackward adds the gradients of A and B, and to dx what flows through
// them. x [R][K], dy [R][N], dx [R][K]
//
//	dB = low^T*dy   dlow = scale * dy*B^T   dA = x^T*dlow   dx += dlow*A^T   with low = scale * x*A
func (m *Model) adaptersBackward(w *Param, dx, x, dy []float32, R int) {
	s := m.lora
	for _, a := range s.on(w) {
		rank, n := s.spec.Rank, a.to-a.from
		low, part := s.project(m.Pool, a, x[:R*w.K], R), dy[a.from:R*w.N]
		kernel.MatMulGrad(m.Pool, a.b.Grad, low, rank, part, w.N, R, rank, n, true)
		s.dlow = resize(s.dlow, R*rank)
		kernel.MatMulT(m.Pool, s.dlow, rank, part, w.N, R, a.b.Value, rank, n, false)
		kernel.Scale(s.dlow, float32(s.spec.Scale()))
		kernel.MatMulGrad(m.Pool, a.a.Grad, x[:R*w.K], w.K, s.dlow, rank, R, w.K, rank, true)
		kernel.MatMulT(m.Pool, dx[:R*w.K], w.K, s.dlow, rank, R, a.a.Value, w.K, rank, true)
	}
}

// trained returns the arenas of what the optimiser changes, the value head not
// included: all weights, or the adapters.
func (m *Model) trained() (value, grad []float32) {
	if m.lora != nil {
		return m.lora.value, m.lora.grad
	}
	return m.value, m.grad
}

// normGrads returns where a norm's gradients go: a place that nobody reads where
// the norm is frozen, since the kernel computes them on the way.
func (m *Model) normGrads(w norm) (weight, bias []float32) {
	if w.weight.Grad == nil {
		m.sink = resize(m.sink, 2*w.weight.N)
		clear(m.sink)
		return m.sink[:w.weight.N], m.sink[w.weight.N:]
	}
	if w.bias == nil {
		return w.weight.Grad, nil
	}
	return w.weight.Grad, w.bias.Grad
}
