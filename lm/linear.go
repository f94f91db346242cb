package lm

import "pgsrm/kernel"

// linear computes out = act(x*W + bias) + residual, adapters of W included. x [n][K], out [n][N]
func (m *Model) linear(p *kernel.Pool, w, bias *Param, out, x []float32, ep kernel.Epilogue) {
	if on := m.lora.on(w); on != nil {
		m.linearAdapted(p, on, w, bias, out, x, ep)
		return
	}
	m.product(p, w, bias, out, x, ep)
}

// product is linear for the matrix alone.
func (m *Model) product(p *kernel.Pool, w, bias *Param, out, x []float32, ep kernel.Epilogue) {
	if bias != nil {
		ep.Bias = bias.Value
	}
	kernel.MatMul(p, kernel.View(out, w.N), kernel.View(x, w.K), len(out)/w.N, w.matrix(), ep)
}

// linearGrads are input, gradient of the input and gradient of the output of a linear layer for some rows.
type linearGrads struct {
	x, dx []float32 // [n][K]
	dy    []float32 // [n][N]
	first int       // row that these are from on
}

// linearBackward sets (add: adds to) dx = dy*W^T, adapters of W included.
func (m *Model) linearBackward(p *kernel.Pool, s *State, w *Param, g linearGrads, add bool) {
	dx, dy := g.dx, g.dy
	n := len(dy) / w.N
	if wt := s.back.transposed[w]; wt == nil {
		kernel.MatMulT(p, kernel.View(dx, w.K), kernel.View(dy, w.N), n, w.matrix(), add)
	} else {
		var ep kernel.Epilogue
		if add {
			ep.Residual = kernel.View(dx, w.K)
		}
		kernel.MatMul(p, kernel.View(dx, w.K), kernel.View(dy, w.N), n, kernel.Packed{Data: wt, K: w.N, N: w.K}, ep)
	}
	m.adaptersBackward(p, s, w, g)
}

// addGrads adds dW += x^T*dy and db += sum of dy over n rows to the products of the block, as far as they are not
// frozen, and those of the adapters of W. x [n][K], dy [n][N]
func (b *backward) addGrads(m *Model, w, bias *Param, x, dy []float32, n int) {
	x, dy = x[:n*w.K], dy[:n*w.N]
	m.adaptersGrads(b, w, x, dy)
	p := kernel.WeightGrad{X: kernel.View(x, w.K), DY: kernel.View(dy, w.N), M: n}
	if w.Grad != nil {
		p.DW, p.Add = w.gradient(), !w.stale
		w.stale = false
	}
	if bias != nil {
		p.DB = bias.Grad
	}
	b.products = append(b.products, p)
}

// transposeWeights prepares linearBackward for the matrices of a block, unless they are so large
// that it is cheaper to transpose parts of them as they are needed.
func (m *Model) transposeWeights(s *State, w *layer) {
	b := &s.back
	clear(b.transposed)
	if !kernel.Small(m.Config.blockWeights()) {
		return
	}
	if b.transposed == nil {
		b.transposed = map[*Param][]float32{}
	}
	matrices, size := []*Param{w.qkv, w.out, w.down, w.up, w.gate}, 0
	switch {
	case w.gate == nil:
		matrices = matrices[:4]
	case m.lora != nil: // what Wup adds to has passed through adapters: MatMulT begins its sums with that
		matrices[3], matrices = w.gate, matrices[:4]
	}
	for _, p := range matrices {
		size += kernel.PackedLen(p.N, p.K)
	}
	if len(b.wt) < size {
		b.wt = kernel.Floats(size)
	}
	var ts [5]kernel.Transposition
	rest := b.wt
	for i, p := range matrices {
		n := kernel.PackedLen(p.N, p.K)
		ts[i] = kernel.Transposition{Dst: rest[:n], W: p.matrix()}
		b.transposed[p], rest = rest[:n], rest[n:]
	}
	kernel.Transpose(m.Pool, ts[:len(matrices)]...)
}
