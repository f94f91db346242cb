package lm

import "pgsrm/kernel"

// reserve makes work space for so many threads.
func (s *adapters) reserve(threads int) {
	if s != nil && len(s.work) < threads {
		s.work = make([][]float32, threads)
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
		low := room(&m.lora.work[p.Worker()], n*rank)
		m.lora.project(p, a, low, x, n)
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

// project sets low = scale * x*A. x [n][K], low [n][rank]
func (s *adapters) project(p *kernel.Pool, a *adapter, low, x []float32, n int) {
	rank := s.spec.Rank
	kernel.MatMul(p, kernel.View(low, rank), kernel.View(x, a.a.K), n, a.a.matrix(), kernel.Epilogue{})
	kernel.Scale(low, float32(s.spec.Scale()))
}

// adaptersBackward adds to dx what flows through the adapters of w, and leaves x*A and its gradient to
// adaptersGrads:
//
//	low = scale * x*A   dlow = scale * dy*B^T   dx += dlow*A^T
func (m *Model) adaptersBackward(p *kernel.Pool, s *State, w *Param, g linearGrads) {
	n := len(g.dy) / w.N
	for _, a := range m.lora.on(w) {
		rank := m.lora.spec.Rank
		low, dlow := s.back.lowRank(a, rank, g.first, n)
		m.lora.project(p, a, low, g.x, n)
		kernel.MatMulT(p, kernel.View(dlow, rank), kernel.View(g.dy[a.from:], w.N), n, a.b.matrix(), false)
		kernel.Scale(dlow, float32(m.lora.spec.Scale()))
		kernel.MatMulT(p, kernel.View(g.dx, w.K), kernel.View(dlow, rank), n, a.a.matrix(), true)
	}
}

// adaptersGrads adds the gradients of A and B of the adapters of w to the products of the block. x [n][K], dy [n][N]
//
//	dB = low^T*dy   dA = x^T*dlow
func (m *Model) adaptersGrads(b *backward, w *Param, x, dy []float32) {
	n := len(dy) / w.N
	for _, a := range m.lora.on(w) {
		rank := m.lora.spec.Rank
		low, dlow := b.lowRank(a, rank, 0, n)
		b.products = append(b.products,
			kernel.WeightGrad{DW: a.b.gradient(), Add: true, X: kernel.View(low, rank), DY: kernel.View(dy[a.from:], w.N), M: n},
			kernel.WeightGrad{DW: a.a.gradient(), Add: true, X: kernel.View(x, w.K), DY: kernel.View(dlow, rank), M: n})
	}
}

// lowRank returns n rows from first on of low and dlow of an adapter of the block. [n][rank]
func (b *backward) lowRank(a *adapter, rank, first, n int) (low, dlow []float32) {
	from := (a.place*b.room + first) * rank
	return b.low[from:][:n*rank], b.dlow[from:][:n*rank]
}

// lowWidth is how many numbers a row of all x*A of a block has.
func (s *adapters) lowWidth() int {
	if s == nil {
		return 0
	}
	width := 0
	for _, a := range s.list {
		width = max(width, (a.place+1)*s.spec.Rank)
	}
	return width
}

// placeAdapters numbers the adapters of each block.
func (m *Model) placeAdapters() {
	for i := range m.layers {
		w, n := &m.layers[i], 0
		for _, p := range []*Param{w.qkv, w.out, w.gate, w.up, w.down} {
			for _, a := range m.lora.on(p) {
				a.place = n
				n++
			}
		}
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
