package lm

import "pgsrm/kernel"

// backBuffers are the gradients of activations during one Backward.
type backBuffers struct {
	dx   []float32 // [R][D] gradient of the residual stream
	dn   []float32 // [R][D] gradient of a norm's output
	datt []float32 // [R][qDim]
	dqkv []float32 // [R][qkvDim]
	dact []float32 // [R][F]
	dup  []float32 // [R][F] gated MLP only
	cap  int

	dxTop  []float32 // [T][D] gradient of the residual stream in the last block
	dqTop  []float32 // [T][qDim] gradient of its queries
	capTop int
}

func (s *State) reserveBackward() {
	b, c := &s.back, s.m.Config
	if b.capTop < len(s.top.rows) {
		b.capTop = s.top.cap
		b.dxTop = kernel.Floats(b.capTop * c.Width)
		b.dqTop = kernel.Floats(b.capTop * c.qDim())
	}
	if b.cap >= s.Rows() {
		return
	}
	b.cap = s.cap
	b.dx = kernel.Floats(b.cap * c.Width)
	b.dn = kernel.Floats(b.cap * c.Width)
	b.datt = kernel.Floats(b.cap * c.qDim())
	b.dqkv = kernel.Floats(b.cap * c.qkvDim())
	b.dact = kernel.Floats(b.cap * c.FF)
	if c.Gated {
		b.dup = kernel.Floats(b.cap * c.FF)
	}
}

// backwardTrunk adds the gradients of all weights below the final hidden states of the rows of
// top, given the gradient of those in b.dn [T][D].
func (m *Model) backwardTrunk(s *State) {
	b, R, D := &s.back, s.Rows(), m.Config.Width
	m.topBackward(s)
	clear(b.dx[:R*D])
	for i, r := range s.top.rows {
		copy(b.dx[int(r)*D:][:D], b.dxTop[i*D:])
	}
	m.keysBackward(s, len(m.layers)-1)
	for l := len(m.layers) - 2; l >= 0; l-- {
		m.blockBackward(s, l)
	}
	m.embedBackward(s)
}

// topBackward goes from b.dn to b.dxTop, the gradient of the last block's input along the
// residual sums, and to that of its queries, keys and values in b.dqkv.
func (m *Model) topBackward(s *State) {
	c, b, t, T := m.Config, &s.back, &s.top, len(s.top.rows)
	l := len(m.layers) - 1
	W, q, kv := c.qkvDim(), c.qDim(), c.kvDim()
	clear(b.dxTop[:T*c.Width])
	m.normBackward(m.final, b.dxTop, b.dn, t.x, t.mean, t.rstd, T)
	m.sublayersBackward(&m.layers[l], &t.acts, b, b.dxTop, T)
	qkv := s.acts[l].qkv
	clear(b.dqkv[:s.Rows()*W])
	kernel.AttentionBackward(m.Pool, b.dqTop, q, b.dqkv[q:], b.dqkv[q+kv:], W, b.datt[:T*q], q,
		t.q, q, qkv[q:], qkv[q+kv:], W, T, t.paths, c.attnShape())
	for i, r := range t.rows {
		copy(b.dqkv[int(r)*W:][:q], b.dqTop[i*q:])
	}
}

// blockBackward is the reverse of block: b.dx holds the gradient of the block's
// output and then that of its input.
func (m *Model) blockBackward(s *State, l int) {
	if s.again {
		m.attention(s, l, 0, s.Rows())
		m.behindAttention(&m.layers[l], &s.acts[l], true, 0, s.Rows())
	}
	m.sublayersBackward(&m.layers[l], &s.acts[l], &s.back, s.back.dx, s.Rows())
	m.attentionBackward(s, l)
	m.keysBackward(s, l)
}

// sublayersBackward is the reverse of sublayers for n rows of a: it adds to dx and leaves the
// gradient of a.att in b.datt.
func (m *Model) sublayersBackward(w *layer, a *acts, b *backBuffers, dx []float32, n int) {
	m.activate(a, n)
	m.norm(w.norm2, a.n2, a.mid, a.mean2, a.rstd2, 0, n)
	m.linearBackward(w.down, w.downBias, b.dact, a.act, dx, n, false)
	m.mlpBackward(w, a, b, n)
	m.normBackward(w.norm2, dx, b.dn, a.mid, a.mean2, a.rstd2, n)
	m.linearBackward(w.out, w.outBias, b.datt, a.att, dx, n, false)
}

// activate computes a.act of n rows again.
func (m *Model) activate(a *acts, n int) {
	F := m.Config.FF
	switch {
	case m.Config.Gated:
		kernel.SwiGLU(m.Pool, a.act, F, a.gate, a.pre, F, n, F)
	case m.Config.Act == GELUErf:
		kernel.GELUErf(m.Pool, a.act[:n*F], a.pre[:n*F])
	default:
		kernel.GELUTanh(m.Pool, a.act[:n*F], a.pre[:n*F])
	}
}

// keysBackward goes on from the gradient of queries, keys and values in b.dqkv, and adds to b.dx.
func (m *Model) keysBackward(s *State, l int) {
	w, a, b, R := &m.layers[l], &s.acts[l], &s.back, s.Rows()
	m.rotateBackward(s, l)
	m.norm(w.norm1, a.n1, a.x, a.mean1, a.rstd1, 0, R)
	m.linearBackward(w.qkv, w.qkvBias, b.dn, a.n1, b.dqkv, R, false)
	m.normBackward(w.norm1, b.dx, b.dn, a.x, a.mean1, a.rstd1, R)
}

// linearBackward adds the gradients of weight and bias, or of the adapters where
// those are frozen, and sets dx (or adds to it). x [R][K], dy [R][N], dx [R][K]
func (m *Model) linearBackward(w, bias *Param, dx, x, dy []float32, R int, add bool) {
	if w.Grad != nil {
		w.addProduct(m.Pool, x[:R*w.K], dy[:R*w.N], R)
	}
	if bias != nil && bias.Grad != nil {
		kernel.ColSum(m.Pool, bias.Grad, dy[:R*w.N], w.N, R, w.N)
	}
	kernel.MatMulT(m.Pool, dx[:R*w.K], w.K, dy[:R*w.N], w.N, R, w.Value, w.K, w.N, add)
	m.adaptersBackward(w, dx, x, dy, R)
}

// normBackward adds to dx and to the gradients of the norm's weights.
func (m *Model) normBackward(w norm, dx, dout, x, mean, rstd []float32, R int) {
	D := m.Config.Width
	dw, db := m.normGrads(w)
	if m.Config.Norm == RMSNorm {
		kernel.RMSNormBackward(m.Pool, dx[:R*D], dw, dout[:R*D], x[:R*D], w.weight.Value, rstd[:R], R, D)
		return
	}
	kernel.LayerNormBackward(m.Pool, dx[:R*D], dw, db, dout[:R*D], x[:R*D], w.weight.Value, mean[:R], rstd[:R], R, D)
}

// mlpBackward takes the gradient of a.act in b.dact and leaves that of a.n2 in b.dn.
func (m *Model) mlpBackward(w *layer, a *acts, b *backBuffers, R int) {
	F := m.Config.FF
	n := R * F
	if m.Config.Gated {
		kernel.SwiGLUBackward(m.Pool, b.dact, b.dup, F, b.dact, F, a.gate, a.pre, F, R, F)
		m.linearBackward(w.gate, w.gateBias, b.dn, a.n2, b.dact, R, false)
		m.linearBackward(w.up, w.upBias, b.dn, a.n2, b.dup, R, true)
		return
	}
	if m.Config.Act == GELUErf {
		kernel.GELUErfBackward(m.Pool, b.dact[:n], b.dact[:n], a.pre[:n])
	} else {
		kernel.GELUTanhBackward(m.Pool, b.dact[:n], b.dact[:n], a.pre[:n])
	}
	m.linearBackward(w.up, w.upBias, b.dn, a.n2, b.dact, R, false)
}

// attentionBackward takes the gradient of a.att in b.datt and leaves that of
// a.qkv in b.dqkv.
func (m *Model) attentionBackward(s *State, l int) {
	c, a, b, R := m.Config, &s.acts[l], &s.back, s.Rows()
	W, q, kv := c.qkvDim(), c.qDim(), c.kvDim()
	clear(b.dqkv[:R*W])
	kernel.AttentionBackward(m.Pool, b.dqkv, W, b.dqkv[q:], b.dqkv[q+kv:], W, b.datt[:R*q], q,
		a.qkv[:R*W], W, a.qkv[q:], a.qkv[q+kv:], W, R, s.paths, c.attnShape())
}

// embedBackward adds b.dx to the embeddings, in the order of the rows, unless
// they are frozen.
func (m *Model) embedBackward(s *State) {
	if m.tokens.Grad == nil {
		return
	}
	m.tokens.settle()
	D := m.Config.Width
	for r, t := range s.tokens {
		dx := s.back.dx[r*D : (r+1)*D]
		if m.tokens.Packed {
			kernel.AddPackedColumn(m.tokens.Grad, dx, m.tokens.K, m.tokens.N, int(t))
		} else {
			kernel.Add(m.tokens.Grad[int(t)*D:(int(t)+1)*D], dx)
		}
		if m.positions != nil {
			p := int(s.pos[r])
			kernel.Add(m.positions.Grad[p*D:(p+1)*D], dx)
		}
	}
}
