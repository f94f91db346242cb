package lm

import "pgsrm/kernel"

// backBuffers are the gradients of activations during one Backward, and what it computes again.
type backBuffers struct {
	dx   []float32 // [R][D] gradient of the residual stream behind a block
	dmid []float32 // [R][D] the same behind its attention
	din  []float32 // [R][D] the same in front of it; in the room of datt where that is as wide
	datt []float32 // [R][qDim]
	dqkv []float32 // [R][qkvDim]
	dact []float32 // [R][F]
	dup  []float32 // [R][F] gated MLP only
	cap  int

	// What is computed again; there is room as soon as a State with training has rows.
	n1  []float32 // [R][D] input of attention; before that the gradient of the norm in work
	n2  []float32 // [R][D] input of the MLP
	act []float32 // [R][F] input of the down projection

	parts1, parts2 []float32            // [NormParts(R, D)] gradients of the norms' weights, of blocks of rows
	partsQ, partsK []float32            // [R][NormParts(heads, HeadDim)] the same of query and key norms, row by row (QKNorm only)
	wt             []float32            // transposed weights of a block
	transposed     map[*Param][]float32 // the part of wt of each
}

func (s *State) reserveBackward() {
	s.reserveWork()
	b, c := &s.back, s.m.Config
	if b.cap >= s.Rows() {
		return
	}
	b.cap = s.cap
	b.dx = kernel.Floats(b.cap * c.Width)
	b.dmid = kernel.Floats(b.cap * c.Width)
	b.datt = kernel.Floats(b.cap * c.qDim())
	if c.qDim() != c.Width {
		b.din = kernel.Floats(b.cap * c.Width)
	}
	b.dqkv = kernel.Floats(b.cap * c.qkvDim())
	b.dact = kernel.Floats(b.cap * c.FF)
	if c.Gated {
		b.dup = kernel.Floats(b.cap * c.FF)
	}
	if c.QKNorm {
		b.partsQ = kernel.Floats(b.cap * kernel.NormParts(c.Heads, c.HeadDim))
		b.partsK = kernel.Floats(b.cap * kernel.NormParts(c.KVHeads, c.HeadDim))
	}
	b.parts1 = kernel.Floats(kernel.NormParts(b.cap, c.Width))
	b.parts2 = kernel.Floats(kernel.NormParts(b.cap, c.Width))
}

// inFront is where the gradient in front of a block goes.
func (b *backBuffers) inFront() []float32 {
	if b.din != nil {
		return b.din
	}
	return b.datt
}

// nextBlock makes the gradient in front of a block that behind the next.
func (b *backBuffers) nextBlock() {
	if b.din != nil {
		b.dx, b.din = b.din, b.dx
	} else {
		b.dx, b.datt = b.datt, b.dx
	}
}

// backwardTrunk adds the gradients of all weights below the final hidden states of the rows of
// top, given the gradient of those in b.n1 [T][D]. As in Forward, blocks of rows go through
// chains of operations; between them lie attention and the gradients of weights, which need all rows.
func (m *Model) backwardTrunk(s *State) {
	b, R := &s.back, s.Rows()
	l := len(m.layers) - 1
	behindKeys := func(p *kernel.Pool, r0, R int) {
		w, n := &m.layers[l], R-r0
		a := s.block(p, &s.acts[l], r0, n)
		if s.again {
			a.act, a.n2 = b.act[r0*m.Config.FF:], b.n2[r0*m.Config.Width:]
			m.attention(p, s, l, &a, r0, n)
			m.behindAttention(p, w, &a, true, n)
		}
		m.sublayersBackward(p, s, w, &a, s.again, r0, n)
		clear(b.dqkv[r0*m.Config.qkvDim() : R*m.Config.qkvDim()])
	}
	keys := func(p *kernel.Pool, r0, R int) { m.keysBackward(p, s, l, r0, R) }
	for top := true; l >= 0; l, top = l-1, false {
		m.transposeWeights(s, &m.layers[l])
		if top {
			m.topBackward(s)
		} else {
			m.inBlocks(0, R, behindKeys)
			m.attentionBackward(s, l)
		}
		m.inBlocks(0, R, keys)
		m.weightGrads(s, l)
		b.nextBlock()
	}
	m.embedBackward(s)
}

// topBackward goes from b.n1 back to b.dmid of the rows of top, and to the gradients of all queries,
// keys and values in b.dqkv.
func (m *Model) topBackward(s *State) {
	c, b, t, T := &m.Config, &s.back, &s.top, len(s.top.rows)
	w, qkv := &m.layers[len(m.layers)-1], s.acts[len(m.layers)-1].qkv
	D, W, q := c.Width, c.qkvDim(), c.qDim()
	m.inBlocks(0, T, func(p *kernel.Pool, t0, T int) {
		clear(b.dx[t0*D : T*D])
		m.normBackward(p, m.final, b.dx[t0*D:], b.n1[t0*D:], t.x[t0*D:], t.mean[t0:], t.rstd[t0:], b.parts1[kernel.NormParts(t0, D):], T-t0)
		a := s.block(p, &t.acts, t0, T-t0)
		m.sublayersBackward(p, s, w, &a, false, t0, T-t0)
	})
	m.addNormGrads(m.final, b.parts1, T)
	clear(b.dqkv[:s.Rows()*W])
	dq := b.n1 // nothing else is in it now
	if T*q > len(b.n1) {
		dq = make([]float32, T*q)
	}
	d, x := c.split(b.dqkv), c.split(qkv)
	d.Q, x.Q = kernel.View(dq, q), kernel.View(t.q, q)
	kernel.AttentionBackward(m.Pool, d, kernel.View(b.datt[:T*q], q), x, t.paths, c.attnShape())
	for i, r := range t.rows {
		copy(b.dqkv[int(r)*W:][:q], dq[i*q:])
	}
}

// sublayersBackward is the reverse of sublayers for the n rows of a, which are those from r0 on in b: from b.dx it
// comes to b.dmid and b.datt. Activation and norm are computed again unless they are there.
func (m *Model) sublayersBackward(p *kernel.Pool, s *State, w *layer, a *acts, there bool, r0, n int) {
	b, D, R := &s.back, m.Config.Width, r0+n
	if !there {
		m.activate(p, b.act[r0*m.Config.FF:], a, n)
		m.norm(p, w.norm2, b.n2[r0*D:], a.mid, a.mean2, a.rstd2, 0, n)
	}
	m.linearBackward(p, s, w.down, b.dact, b.dx, r0, R, false)
	m.mlpBackward(p, s, w, a, r0, R)
	copy(b.dmid[r0*D:R*D], b.dx[r0*D:])
	m.normBackward(p, w.norm2, b.dmid[r0*D:], b.n1[r0*D:], a.mid, a.mean2, a.rstd2, b.parts2[kernel.NormParts(r0, D):], n)
	m.linearBackward(p, s, w.out, b.datt, b.dmid, r0, R, false)
}

// activate computes the inputs of the down projection, act [n][F], of the rows of a again.
func (m *Model) activate(p *kernel.Pool, act []float32, a *acts, n int) {
	F := m.Config.FF
	switch {
	case m.Config.Gated:
		kernel.SwiGLU(p, kernel.View(act, F), kernel.View(a.gate, F), kernel.View(a.pre, F), n, F)
	case m.Config.Act == GELUErf:
		kernel.GELUErf(p, act[:n*F], a.pre)
	default:
		kernel.GELUTanh(p, act[:n*F], a.pre)
	}
}

// mlpBackward takes the gradient of the down projection's inputs in b.dact, replaces it by that of what the activation
// took, and leaves that of b.n2 in b.n1: rows [r0,R), those of a.
func (m *Model) mlpBackward(p *kernel.Pool, s *State, w *layer, a *acts, r0, R int) {
	b, F := &s.back, m.Config.FF
	lo, hi := r0*F, R*F
	dact := b.dact[lo:hi]
	switch {
	case m.Config.Gated:
		d, dup := kernel.View(dact, F), kernel.View(b.dup[lo:hi], F)
		kernel.SwiGLUBackward(p, d, dup, d, kernel.View(a.gate, F), kernel.View(a.pre, F), R-r0, F)
		m.linearBackward(p, s, w.gate, b.n1, b.dact, r0, R, false)
		m.linearBackward(p, s, w.up, b.n1, b.dup, r0, R, true)
		return
	case m.Config.Act == GELUErf:
		kernel.GELUErfBackward(p, dact, dact, a.pre)
	default:
		kernel.GELUTanhBackward(p, dact, dact, a.pre)
	}
	m.linearBackward(p, s, w.up, b.n1, b.dact, r0, R, false)
}

// keysBackward goes from the gradients of queries, keys and values in b.dqkv, and from b.dmid, to those of the
// rows [r0,R) in front of block l. In the last block b.dmid has the rows of top. The norm is computed again.
func (m *Model) keysBackward(p *kernel.Pool, s *State, l, r0, R int) {
	w, a, b, D := &m.layers[l], &s.acts[l], &s.back, m.Config.Width
	m.rotateBackward(p, s, l, r0, R)
	m.linearBackward(p, s, w.qkv, b.n1, b.dqkv, r0, R, false)
	din := b.inFront()
	if l < len(m.layers)-1 {
		copy(din[r0*D:R*D], b.dmid[r0*D:])
	} else {
		for r := r0; r < R; r++ {
			if at := int(s.top.slot[r]); at >= 0 {
				copy(din[r*D:(r+1)*D], b.dmid[at*D:])
			} else {
				clear(din[r*D : (r+1)*D])
			}
		}
	}
	m.normBackward(p, w.norm1, din[r0*D:], b.n1[r0*D:], a.x[r0*D:], a.mean1[r0:], a.rstd1[r0:], b.parts1[kernel.NormParts(r0, D):], R-r0)
	m.norm(p, w.norm1, b.n1, a.x, a.mean1, a.rstd1, r0, R)
}

// transposeWeights prepares linearBackward for the matrices of a block, unless they are so large that it is cheaper to transpose
// parts of them as they are needed.
func (m *Model) transposeWeights(s *State, w *layer) {
	b := &s.back
	clear(b.transposed)
	if m.lora != nil || !kernel.Small(m.Config.blockWeights()) {
		return
	}
	if b.transposed == nil {
		b.transposed = map[*Param][]float32{}
	}
	matrices, size := []*Param{w.qkv, w.out, w.up, w.down, w.gate}, 0
	if w.gate == nil {
		matrices = matrices[:4]
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

// linearBackward sets (add: adds to) dx = dy*W^T for rows [r0,R), adapters of W included. dy [R][N], dx [R][K]
func (m *Model) linearBackward(p *kernel.Pool, s *State, w *Param, dx, dy []float32, r0, R int, add bool) {
	dx, dy = dx[r0*w.K:R*w.K], dy[r0*w.N:R*w.N]
	if wt := s.back.transposed[w]; wt == nil {
		kernel.MatMulT(p, kernel.View(dx, w.K), kernel.View(dy, w.N), R-r0, w.matrix(), add)
	} else {
		var ep kernel.Epilogue
		if add {
			ep.Residual = kernel.View(dx, w.K)
		}
		kernel.MatMul(p, kernel.View(dx, w.K), kernel.View(dy, w.N), R-r0, kernel.Packed{Data: wt, K: w.N, N: w.K}, ep)
	}
	m.adaptersInput(p, w, dx, dy, R-r0)
}

// weightGrads adds the gradients of all weights of block l, of all rows or, behind attention in the last block, of those of top.
func (m *Model) weightGrads(s *State, l int) {
	w, a, b, R, n := &m.layers[l], &s.acts[l], &s.back, s.Rows(), s.Rows()
	if l == len(m.layers)-1 {
		a, n = &s.top.acts, len(s.top.rows)
	}
	var gs [5]kernel.WeightGrad
	count := 0
	linear := func(w, bias *Param, x, dy []float32, rows int) {
		m.adaptersGrads(w, x, dy, rows)
		g := kernel.WeightGrad{X: kernel.View(x[:rows*w.K], w.K), DY: kernel.View(dy[:rows*w.N], w.N), M: rows}
		if w.Grad != nil {
			g.DW, g.Add = w.gradient(), !w.stale
			w.stale = false
		}
		if bias != nil {
			g.DB = bias.Grad
		}
		gs[count] = g
		count++
	}
	linear(w.down, w.downBias, b.act, b.dx, n)
	if m.Config.Gated {
		linear(w.gate, w.gateBias, b.n2, b.dact, n)
		linear(w.up, w.upBias, b.n2, b.dup, n)
	} else {
		linear(w.up, w.upBias, b.n2, b.dact, n)
	}
	linear(w.out, w.outBias, a.att, b.dmid, n)
	linear(w.qkv, w.qkvBias, b.n1, b.dqkv, R)
	kernel.MatMulGrads(m.Pool, gs[:count]...)
	m.addNormGrads(w.norm2, b.parts2, n)
	m.addNormGrads(w.norm1, b.parts1, R)
	m.addQKNormGrads(s, w, R)
}

// normBackward adds to dx of n rows and sets their parts of the gradients of the norm's weights.
func (m *Model) normBackward(p *kernel.Pool, w norm, dx, dout, x, mean, rstd, parts []float32, n int) {
	if m.Config.Norm == RMSNorm {
		kernel.RMSNormBackward(p, dx, parts, dout, x, w.weight.Value, rstd, n)
		return
	}
	kernel.LayerNormBackward(p, dx, parts, dout, x, w.weight.Value, kernel.NormStats{Mean: mean, Rstd: rstd}, n)
}

// addNormGrads adds the parts of n rows to the gradients of a norm's weights, unless they are frozen.
func (m *Model) addNormGrads(w norm, parts []float32, n int) {
	if w.weight.Grad == nil {
		return
	}
	var db []float32
	if w.bias != nil {
		db = w.bias.Grad
	}
	kernel.NormGrads(w.weight.Grad, db, parts[:kernel.NormParts(n, m.Config.Width)])
}

// attentionBackward takes the gradient of a.att in b.datt and leaves that of
// a.qkv in b.dqkv, whose keys and values are zero before.
func (m *Model) attentionBackward(s *State, l int) {
	c, a, b, R := m.Config, &s.acts[l], &s.back, s.Rows()
	dout := kernel.View(b.datt[:R*c.qDim()], c.qDim())
	kernel.AttentionBackward(m.Pool, c.split(b.dqkv), dout, c.split(a.qkv), s.paths[:R], c.attnShape())
}

// embedColumns is how many columns of the embeddings one thread adds to at a time.
const embedColumns = 64

// embedBackward adds b.dx to the embeddings, in the order of the rows, unless
// they are frozen.
func (m *Model) embedBackward(s *State) {
	if m.tokens.Grad == nil {
		return
	}
	m.tokens.settle()
	D := m.Config.Width
	m.Pool.Each((D+embedColumns-1)/embedColumns, func(i, _ int) {
		lo, hi := i*embedColumns, min((i+1)*embedColumns, D)
		for r, t := range s.tokens {
			dx := s.back.dx[r*D+lo : r*D+hi]
			if m.tokens.Packed {
				kernel.AddPackedColumn(m.tokens.Grad[lo*kernel.NR:], dx, m.tokens.K, m.tokens.N, int(t))
			} else {
				kernel.Add(m.tokens.Grad[int(t)*D+lo:][:hi-lo], dx)
			}
			if m.positions != nil {
				p := int(s.pos[r])
				kernel.Add(m.positions.Grad[p*D+lo:][:hi-lo], dx)
			}
		}
	})
}
