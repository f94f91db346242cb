package lm

import (
	"math"
	"slices"

	"pgsrm/kernel"
)

// Forward computes all rows added since the last call: embeddings and L blocks, the last one up
// to its keys and values, which is all that other rows need; what is above is computed for the
// rows that are asked for (topRows). Rows lie behind one another, so a pending range [r0,R) is
// one slice of each buffer; attention alone looks at earlier rows, through the paths. So keys and
// values are where all rows have to be ready: what lies between them is a chain that blocks of
// rows go through by themselves.
func (m *Model) Forward(s *State) {
	r0, R := s.done, s.Rows()
	if r0 == R {
		return
	}
	s.reserve()
	s.done = R
	if m.Config.Rope.on() {
		m.rope.reach(m.Config, int(slices.Max(s.pos[r0:R]))+1)
	}
	l := 0
	chain := func(p *kernel.Pool, r0, R int) {
		n := R - r0
		if l == 0 {
			m.embed(p, s, r0, R)
		} else {
			a := s.block(p, &s.acts[l-1], r0, n)
			m.behindKeys(p, s, l-1, &a, r0, n)
		}
		if l < len(m.layers) {
			a := s.block(p, &s.acts[l], r0, n)
			m.keys(p, &m.layers[l], &a, s.pos[r0:R])
		}
	}
	for ; l < len(m.layers); l++ {
		m.inBlocks(r0, R, chain)
	}
	if m.Config.PostNorm {
		m.inBlocks(r0, R, chain)
	}
}

// inBlocks calls f for blocks of the rows [r0,R), on all threads, each with a Pool of its own. Adapters have work space
// that blocks cannot share: then f is called once.
func (m *Model) inBlocks(r0, R int, f func(p *kernel.Pool, r0, R int)) {
	if m.lora != nil {
		f(m.Pool, r0, R)
		return
	}
	m.Pool.Rows(r0, R, m.Config.blockWeights(), f)
}

// blockWeights is how many weights the matrices of a block of the model have.
func (c *Config) blockWeights() int {
	up := 1
	if c.Gated {
		up = 2
	}
	return c.Width*(c.qkvDim()+(1+up)*c.FF) + c.qDim()*c.Width
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
func (m *Model) embed(p *kernel.Pool, s *State, r0, R int) {
	D := m.Config.Width
	x := s.acts[0].x
	p.Each(R-r0, func(i, _ int) {
		r := r0 + i
		row := x[r*D : (r+1)*D]
		m.tokenRow(row, s.tokens[r])
		if m.positions != nil {
			at := int(s.pos[r])
			kernel.Add(row, m.positions.Value[at*D:(at+1)*D])
		}
		if m.types != nil { // one segment: type 0
			kernel.Add(row, m.types.Value[:D])
		}
	})
	if m.embedNorm.weight != nil {
		a := s.block(p, &s.acts[0], r0, R-r0)
		m.norm(p, m.embedNorm, a.x, a.x, a.mean1, a.rstd1, 0, R-r0)
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
func (m *Model) norm(p *kernel.Pool, w norm, out, x, mean, rstd []float32, r0, R int) {
	D, eps := m.Config.Width, float32(m.Config.NormEps)
	a, b := r0*D, R*D
	if m.Config.Norm == RMSNorm {
		kernel.RMSNorm(p, out[a:b], rstd[r0:R], x[a:b], kernel.NormWeights{Gamma: w.weight.Value, Eps: eps}, R-r0)
		return
	}
	stats := kernel.NormStats{Mean: mean[r0:R], Rstd: rstd[r0:R]}
	kernel.LayerNorm(p, out[a:b], stats, x[a:b], kernel.NormWeights{Gamma: w.weight.Value, Beta: w.bias.Value, Eps: eps}, R-r0)
}

// linear computes out = act(x*W + bias) + residual for rows [r0,R), adapters of W included.
func (m *Model) linear(p *kernel.Pool, w, bias *Param, out, x []float32, r0, R int, ep kernel.Epilogue) {
	if on := m.lora.on(w); on != nil {
		m.linearAdapted(p, on, w, bias, out, x, r0, R, ep)
		return
	}
	m.product(p, w, bias, out, x, r0, R, ep)
}

// product is linear for the matrix alone.
func (m *Model) product(p *kernel.Pool, w, bias *Param, out, x []float32, r0, R int, ep kernel.Epilogue) {
	if bias != nil {
		ep.Bias = bias.Value
	}
	if res := &ep.Residual; res.Data != nil {
		res.Data = res.Data[r0*w.N : R*w.N]
	}
	if ep.Pre != nil {
		ep.Pre = ep.Pre[r0*w.N : R*w.N]
	}
	kernel.MatMul(p, kernel.View(out[r0*w.N:R*w.N], w.N), kernel.View(x[r0*w.K:R*w.K], w.K), R-r0, w.matrix(), ep)
}

// A block of the model is, with the norms before the sublayers (GPT-2, Llama),
//
//	mid = x + attention(norm1(x)); out = mid + mlp(norm2(mid))
//
// and with the norms behind the residual sums (BERT; forward only)
//
//	n2 = norm1(x + attention(x)); out = norm2(n2 + mlp(n2))

// keys is the first part of a block, up to queries, keys and values of the rows of a.
func (m *Model) keys(p *kernel.Pool, w *layer, a *acts, pos []int32) {
	in, n := a.x, len(pos)
	if !m.Config.PostNorm {
		in = a.n1
		m.norm(p, w.norm1, in, a.x, a.mean1, a.rstd1, 0, n)
	}
	m.linear(p, w.qkv, w.qkvBias, a.qkv, in, 0, n, kernel.Epilogue{})
	m.rotate(p, w, a, pos)
}

// behindKeys is the rest of block l for the n rows of a, which are those from r0 on.
func (m *Model) behindKeys(p *kernel.Pool, s *State, l int, a *acts, r0, n int) {
	w, out := &m.layers[l], s.out(l)[r0*m.Config.Width:]
	m.attention(p, s, l, a, r0, n)
	if !m.Config.PostNorm {
		m.sublayers(p, w, a, out, s.train, n)
		return
	}
	m.linear(p, w.out, w.outBias, a.mid, a.att, 0, n, kernel.Epilogue{Residual: kernel.View(a.x, m.Config.Width)})
	m.norm(p, w.norm1, a.n2, a.mid, a.mean1, a.rstd1, 0, n)
	m.mlp(p, w, a, s.train, n)
	m.linear(p, w.down, w.downBias, out, a.act, 0, n, kernel.Epilogue{Residual: kernel.View(a.n2, m.Config.Width)})
	m.norm(p, w.norm2, out, out, a.mean2, a.rstd2, 0, n)
}

// sublayers is the part of a block behind attention, for the n rows of a.
func (m *Model) sublayers(p *kernel.Pool, w *layer, a *acts, out []float32, train bool, n int) {
	m.behindAttention(p, w, a, train, n)
	m.linear(p, w.down, w.downBias, out, a.act, 0, n, kernel.Epilogue{Residual: kernel.View(a.mid, m.Config.Width)})
}

// behindAttention is sublayers up to a.act.
func (m *Model) behindAttention(p *kernel.Pool, w *layer, a *acts, train bool, n int) {
	m.linear(p, w.out, w.outBias, a.mid, a.att, 0, n, kernel.Epilogue{Residual: kernel.View(a.x, m.Config.Width)})
	m.norm(p, w.norm2, a.n2, a.mid, a.mean2, a.rstd2, 0, n)
	m.mlp(p, w, a, train, n)
}

// mlp computes the activations that the down projection takes, from a.n2.
func (m *Model) mlp(p *kernel.Pool, w *layer, a *acts, train bool, n int) {
	F := m.Config.FF
	ep := kernel.Epilogue{Pre: a.pre}
	if !train {
		ep.Pre = nil
	}
	switch {
	case m.Config.Gated:
		m.linear(p, w.gate, w.gateBias, a.gate, a.n2, 0, n, kernel.Epilogue{})
		m.linear(p, w.up, w.upBias, a.pre, a.n2, 0, n, kernel.Epilogue{})
		kernel.SwiGLU(p, kernel.View(a.act, F), kernel.View(a.gate, F), kernel.View(a.pre, F), n, F)
	case m.Config.Act == GELUErf:
		ep.Act = kernel.ActGELUErf
		m.linear(p, w.up, w.upBias, a.act, a.n2, 0, n, ep)
	default:
		ep.Act = kernel.ActGELUTanh
		m.linear(p, w.up, w.upBias, a.act, a.n2, 0, n, ep)
	}
}

// attnShape is the geometry of attention for kernel; scores are divided by sqrt(headDim).
func (c Config) attnShape() kernel.AttnShape {
	return kernel.AttnShape{Heads: c.Heads, KVHeads: c.KVHeads, HeadDim: c.HeadDim, Scale: float32(1 / math.Sqrt(float64(c.HeadDim)))}
}

// split returns queries, keys and values of the rows of qkv [R][qkvDim].
func (c *Config) split(qkv []float32) kernel.QKV {
	W, q := c.qkvDim(), c.qDim()
	return kernel.QKV{Q: kernel.View(qkv, W), K: kernel.View(qkv[q:], W), V: kernel.View(qkv[q+c.kvDim():], W)}
}

// attention computes a.att of the n rows of a, which are those from r0 on of block l.
func (m *Model) attention(p *kernel.Pool, s *State, l int, a *acts, r0, n int) {
	c := &m.Config
	x := c.split(s.acts[l].qkv)
	x.Q.Data = a.qkv
	kernel.Attention(p, kernel.View(a.att, c.qDim()), x, s.paths[r0:r0+n], c.attnShape())
}
