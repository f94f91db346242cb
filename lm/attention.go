package lm

import (
	"math"

	"pgsrm/kernel"
)

// qkv: qkv = attnIn*Wqkv + b     [R][D]*[D][W]
func (m *Model) qkv(p *kernel.Pool, w *layer, a *activations) {
	m.linear(p, w.qkv, w.qkvBias, a.qkv, a.attnIn, kernel.Epilogue{})
}

// qkvBackward: dattnIn = dqkv*Wqkv^T
func (m *Model) qkvBackward(p *kernel.Pool, s *State, w *layer, a, d *activations, lo int) {
	m.linearBackward(p, s, w.qkv, linearGrads{a.attnIn, d.attnIn, d.qkv, lo}, false)
}

// qkNorm normalises each head of queries and keys by itself (Qwen3):
//
//	q = RMSNorm(q)*qnorm     k = RMSNorm(k)*knorm
func (m *Model) qkNorm(p *kernel.Pool, w *layer, a *activations) {
	c := &m.Config
	if !c.QKNorm {
		return
	}
	W, Q, QK, heads := c.qkvDim(), c.qDim(), c.qDim()+c.kvDim(), c.Heads+c.KVHeads
	wq := kernel.NormWeights{Gamma: w.qnorm.Value, Eps: float32(c.NormEps)}
	wk := kernel.NormWeights{Gamma: w.knorm.Value, Eps: float32(c.NormEps)}
	qkv, raws, rstds := a.qkv, a.qkRaw, a.qkRstd
	p.Rows(0, len(rstds)/heads, 0, func(p *kernel.Pool, from, to int) {
		for r := from; r < to; r++ {
			row, raw, rstd := qkv[r*W:r*W+QK], raws[r*QK:(r+1)*QK], rstds[r*heads:(r+1)*heads]
			copy(raw, row)
			kernel.RMSNorm(p, row[:Q], rstd[:c.Heads], raw[:Q], wq, c.Heads)
			kernel.RMSNorm(p, row[Q:], rstd[c.Heads:], raw[Q:], wk, c.KVHeads)
		}
	})
}

// qkNormBackward replaces the gradients of normalised queries and keys, in dqkv, by those
// before the norm. The former move to dqkRaw.
func (m *Model) qkNormBackward(p *kernel.Pool, s *State, w *layer, a, d *activations, lo int) {
	c, b := &m.Config, &s.back
	if !c.QKNorm {
		return
	}
	W, Q, QK, heads := c.qkvDim(), c.qDim(), c.qDim()+c.kvDim(), c.Heads+c.KVHeads
	partsQ, partsK := kernel.NormParts(c.Heads, c.HeadDim), kernel.NormParts(c.KVHeads, c.HeadDim)
	dqkv, douts, raws, rstds := d.qkv, d.qkRaw, a.qkRaw, a.qkRstd
	p.Rows(0, len(rstds)/heads, 0, func(p *kernel.Pool, from, to int) {
		for r := from; r < to; r++ {
			row, dout, raw, rstd := dqkv[r*W:r*W+QK], douts[r*QK:(r+1)*QK], raws[r*QK:(r+1)*QK], rstds[r*heads:(r+1)*heads]
			copy(dout, row)
			clear(row)
			kernel.RMSNormBackward(p, row[:Q], b.qnorm[(lo+r)*partsQ:], dout[:Q], raw[:Q], w.qnorm.Value, rstd[:c.Heads], c.Heads)
			kernel.RMSNormBackward(p, row[Q:], b.knorm[(lo+r)*partsK:], dout[Q:], raw[Q:], w.knorm.Value, rstd[c.Heads:], c.KVHeads)
		}
	})
}

// addQKNormGrads adds the gradients of the query and key norms' weights of R rows, unless they are frozen.
func (m *Model) addQKNormGrads(s *State, w *layer, R int) {
	c, b := &m.Config, &s.back
	if !c.QKNorm || w.qnorm.Grad == nil {
		return
	}
	kernel.NormGrads(w.qnorm.Grad, nil, b.qnorm[:R*kernel.NormParts(c.Heads, c.HeadDim)])
	kernel.NormGrads(w.knorm.Grad, nil, b.knorm[:R*kernel.NormParts(c.KVHeads, c.HeadDim)])
}

// gather copies queries and inputs of the rows that attend, where these are only some: to q, and
// to residual, where attentionOut adds to them.
func (m *Model) gather(s *State, l int, a *activations, lo, hi int) {
	if !s.gathers(l) {
		return
	}
	D, Q, W := m.Config.Width, m.Config.qDim(), m.Config.qkvDim()
	for i, r := range s.predicting.rows[lo:hi] {
		copy(a.x[i*D:(i+1)*D], s.acts[l].x[int(r)*D:])
		copy(a.q[i*Q:(i+1)*Q], s.acts[l].qkv[int(r)*W:])
	}
}

// residualBackward begins dx with what the residual sum passes on: dx = dresidual of rows that
// attend, 0 of others.
func (m *Model) residualBackward(p *kernel.Pool, s *State, l int, d *activations, lo, hi int) {
	D, from := m.Config.Width, s.back.grads.residual
	if !s.gathers(l) {
		kernel.Copy(p, d.x, from[lo*D:hi*D])
		return
	}
	for i, t := range s.predicting.slot[lo:hi] {
		if t >= 0 {
			copy(d.x[i*D:(i+1)*D], from[int(t)*D:])
		} else {
			clear(d.x[i*D : (i+1)*D])
		}
	}
}

// attention of rows lo..hi-1 of those that attend, each over the rows of its path, head by head:
//
//	attn = softmax(q*k^T/sqrt(headDim)) * v
//
// A key and value head serves Heads/KVHeads query heads (Ainslie et al. 2023).
func (m *Model) attention(p *kernel.Pool, s *State, l int, a *activations, lo, hi int) {
	c := &m.Config
	x := c.split(s.acts[l].qkv)
	if s.gathers(l) {
		x.Q = kernel.View(a.q, c.qDim())
	} else {
		x.Q.Data = x.Q.Data[lo*c.qkvDim():]
	}
	kernel.Attention(p, kernel.View(a.attn, c.qDim()), x, s.pathsOf(l)[lo:hi], c.attnShape())
}

// attentionBackward comes from dattn of all rows that attend to dqkv of all rows, with P the
// probabilities, which are computed again:
//
//	dv = P^T*dattn     dP = dattn*v^T     dS = P*(dP - sum(P*dP))/sqrt(headDim)     dq = dS*k     dk = dS^T*q
func (m *Model) attentionBackward(s *State, l int) {
	c, g := &m.Config, &s.back.grads
	if s.gathers(l) {
		s.clearQKV(m.Pool, 0, s.Rows())
	}
	d, x := c.split(g.qkv), c.split(s.acts[l].qkv)
	if s.gathers(l) {
		d.Q, x.Q = kernel.View(g.q, c.qDim()), kernel.View(s.acts[l].q, c.qDim())
	}
	kernel.AttentionBackward(m.Pool, d, kernel.View(g.attn, c.qDim()), x, s.pathsOf(l)[:s.attending(l)], c.attnShape())
	if s.gathers(l) {
		for i, r := range s.predicting.rows {
			copy(g.qkv[int(r)*c.qkvDim():][:c.qDim()], g.q[i*c.qDim():])
		}
	}
}

// clearQKV makes dqkv of rows lo..hi-1 zero: dk and dv are sums, dq of a row that does not attend is 0.
// attendBackward does it on its way where all rows attend.
func (s *State) clearQKV(p *kernel.Pool, lo, hi int) {
	W := s.m.Config.qkvDim()
	kernel.Clear(p, s.back.grads.qkv[lo*W:hi*W])
}

// attentionOut: residual = x + attn*Wout + b     [T][Q]*[Q][D]
func (m *Model) attentionOut(p *kernel.Pool, w *layer, a *activations) {
	m.linear(p, w.out, w.outBias, a.residual, a.attn, kernel.Epilogue{Residual: kernel.View(a.x, m.Config.Width)})
}

// attentionOutBackward: dattn = dresidual*Wout^T
func (m *Model) attentionOutBackward(p *kernel.Pool, s *State, w *layer, a, d *activations, lo int) {
	m.linearBackward(p, s, w.out, linearGrads{a.attn, d.attn, d.residual, lo}, false)
}

// pathsOf are the paths of the rows that attend in block l.
func (s *State) pathsOf(l int) [][]int32 {
	if s.gathers(l) {
		return s.predicting.paths
	}
	return s.paths
}

// split returns queries, keys and values of the rows of qkv [R][W].
func (c *Config) split(qkv []float32) kernel.QKV {
	W, q := c.qkvDim(), c.qDim()
	return kernel.QKV{Q: kernel.View(qkv, W), K: kernel.View(qkv[q:], W), V: kernel.View(qkv[q+c.kvDim():], W)}
}

// attnShape is the geometry of attention for kernel.
func (c *Config) attnShape() kernel.AttnShape {
	return kernel.AttnShape{Heads: c.Heads, KVHeads: c.KVHeads, HeadDim: c.HeadDim, Scale: float32(1 / math.Sqrt(float64(c.HeadDim)))}
}
