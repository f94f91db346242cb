package lm

import (
	"math"

	"pgsrm/kernel"
)

// Forward computes all rows added since the last call: embeddings and L blocks, the last one up
// to its keys and values, which is all that other rows need; what is above is computed for the
// rows that are asked for (topRows). Rows lie behind one another, so a pending range [r0,R) is
// one slice of each buffer; attention alone looks at earlier rows, through the paths.
func (m *Model) Forward(s *State) {
	r0, R := s.done, s.Rows()
	if r0 == R {
		return
	}
	s.reserve()
	s.done = R
	m.embed(s, r0, R)
	for l := range m.layers {
		if m.Config.PostNorm {
			m.blockPostNorm(s, l, r0, R)
		} else {
			m.block(s, l, r0, R)
		}
	}
}

// out returns the buffer that block l writes its result to: the input of the next.
func (s *State) out(l int) []float32 {
	if l+1 < len(s.acts) {
		return s.acts[l+1].x
	}
	return s.top.hidden
}

// embed writes token plus position embedding of rows [r0,R) into the first
// block's input.
func (m *Model) embed(s *State, r0, R int) {
	D := m.Config.Width
	x := s.acts[0].x
	m.Pool.Each(R-r0, func(i, _ int) {
		r := r0 + i
		row := x[r*D : (r+1)*D]
		m.tokenRow(row, s.tokens[r])
		if m.positions != nil {
			p := int(s.pos[r])
			kernel.Add(row, m.positions.Value[p*D:(p+1)*D])
		}
		if m.types != nil { // one segment: type 0
			kernel.Add(row, m.types.Value[:D])
		}
	})
	if m.embedNorm.weight != nil {
		m.norm(m.embedNorm, x, x, s.acts[0].mean1, s.acts[0].rstd1, r0, R)
	}
}

// tokenRow copies the embedding of a token. dst [D]
func (m *Model) tokenRow(dst []float32, token int32) {
	if m.tokens.Packed {
		kernel.PackedColumn(dst, m.tokens.Value, m.tokens.K, m.tokens.N, int(token))
		return
	}
	copy(dst, m.tokens.Value[int(token)*len(dst):])
}

// norm normalises rows [r0,R) of x into out, which may be x.
func (m *Model) norm(w norm, out, x, mean, rstd []float32, r0, R int) {
	D := m.Config.Width
	a, b := r0*D, R*D
	if m.Config.Norm == RMSNorm {
		kernel.RMSNorm(m.Pool, out[a:b], rstd[r0:R], x[a:b], w.weight.Value, R-r0, D, float32(m.Config.NormEps))
		return
	}
	kernel.LayerNorm(m.Pool, out[a:b], mean[r0:R], rstd[r0:R], x[a:b], w.weight.Value, w.bias.Value, R-r0, D, float32(m.Config.NormEps))
}

// linear computes out = act(x*W + bias) + residual for rows [r0,R), adapters of W included.
func (m *Model) linear(w, bias *Param, out, x []float32, r0, R int, ep kernel.Epilogue) {
	if on := m.lora.on(w); on != nil {
		m.linearAdapted(on, w, bias, out, x, r0, R, ep)
		return
	}
	m.product(w, bias, out, x, r0, R, ep)
}

// product is linear for the matrix alone.
func (m *Model) product(w, bias *Param, out, x []float32, r0, R int, ep kernel.Epilogue) {
	if bias != nil {
		ep.Bias = bias.Value
	}
	if ep.Residual != nil {
		ep.Residual, ep.LdRes = ep.Residual[r0*w.N:R*w.N], w.N
	}
	if ep.Pre != nil {
		ep.Pre = ep.Pre[r0*w.N : R*w.N]
	}
	kernel.MatMul(m.Pool, out[r0*w.N:R*w.N], w.N, x[r0*w.K:R*w.K], w.K, R-r0, w.Value, w.K, w.N, ep)
}

// block is one transformer layer with the norms before the sublayers (GPT-2,
// Llama): x += attention(norm1(x)); x += mlp(norm2(x)).
func (m *Model) block(s *State, l, r0, R int) {
	w, a := &m.layers[l], &s.acts[l]
	m.norm(w.norm1, a.n1, a.x, a.mean1, a.rstd1, r0, R)
	m.linear(w.qkv, w.qkvBias, a.qkv, a.n1, r0, R, kernel.Epilogue{})
	m.rotate(s, l, r0, R)
	if l == len(m.layers)-1 {
		return
	}
	m.attention(s, l, r0, R)
	m.sublayers(w, a, s.out(l), s.train, r0, R)
}

// sublayers is the part of a block behind attention, for rows [r0,R) of a.
func (m *Model) sublayers(w *layer, a *acts, out []float32, train bool, r0, R int) {
	m.behindAttention(w, a, train, r0, R)
	m.linear(w.down, w.downBias, out, a.act, r0, R, kernel.Epilogue{Residual: a.mid})
}

// behindAttention is sublayers up to a.act.
func (m *Model) behindAttention(w *layer, a *acts, train bool, r0, R int) {
	m.linear(w.out, w.outBias, a.mid, a.att, r0, R, kernel.Epilogue{Residual: a.x})
	m.norm(w.norm2, a.n2, a.mid, a.mean2, a.rstd2, r0, R)
	m.mlp(w, a, train, r0, R)
}

// blockPostNorm is one layer with the norms behind the residual sums (BERT):
// x = norm1(x + attention(x)); x = norm2(x + mlp(x)). Forward only.
func (m *Model) blockPostNorm(s *State, l, r0, R int) {
	w, a := &m.layers[l], &s.acts[l]
	m.linear(w.qkv, w.qkvBias, a.qkv, a.x, r0, R, kernel.Epilogue{})
	m.rotate(s, l, r0, R)
	m.attention(s, l, r0, R)
	m.linear(w.out, w.outBias, a.mid, a.att, r0, R, kernel.Epilogue{Residual: a.x})
	m.norm(w.norm1, a.n2, a.mid, a.mean1, a.rstd1, r0, R)
	m.mlp(w, a, s.train, r0, R)
	out := s.out(l)
	m.linear(w.down, w.downBias, out, a.act, r0, R, kernel.Epilogue{Residual: a.n2})
	m.norm(w.norm2, out, out, a.mean2, a.rstd2, r0, R)
}

// mlp computes the activations that the down projection takes, from a.n2.
func (m *Model) mlp(w *layer, a *acts, train bool, r0, R int) {
	F := m.Config.FF
	ep := kernel.Epilogue{Pre: a.pre}
	if !train {
		ep.Pre = nil
	}
	switch {
	case m.Config.Gated:
		m.linear(w.gate, w.gateBias, a.gate, a.n2, r0, R, kernel.Epilogue{})
		m.linear(w.up, w.upBias, a.pre, a.n2, r0, R, kernel.Epilogue{})
		kernel.SwiGLU(m.Pool, a.act[r0*F:], F, a.gate[r0*F:], a.pre[r0*F:], F, R-r0, F)
	case m.Config.Act == GELUErf:
		ep.Act = kernel.ActGELUErf
		m.linear(w.up, w.upBias, a.act, a.n2, r0, R, ep)
	default:
		ep.Act = kernel.ActGELUTanh
		m.linear(w.up, w.upBias, a.act, a.n2, r0, R, ep)
	}
}

// attnShape is the geometry of attention for kernel; scores are divided by sqrt(headDim).
func (c Config) attnShape() kernel.AttnShape {
	return kernel.AttnShape{Heads: c.Heads, KVHeads: c.KVHeads, HeadDim: c.HeadDim, Scale: float32(1 / math.Sqrt(float64(c.HeadDim)))}
}

// attention computes a.att for rows [r0,R) from a.qkv; keys and values of
// earlier rows are those that earlier calls left there.
func (m *Model) attention(s *State, l, r0, R int) {
	c, a := m.Config, &s.acts[l]
	W, q := c.qkvDim(), c.qDim()
	k, v := a.qkv[q:], a.qkv[q+c.kvDim():]
	kernel.Attention(m.Pool, a.att[r0*q:R*q], q, a.qkv[r0*W:R*W], W, k, v, W, R-r0, s.paths[r0:R], c.attnShape())
}
