package lm

import (
	"math"
	"math/bits"

	"pgsrm/kernel"
)

// RopeConfig describes rotary position embeddings (Su et al. 2021). The zero
// value means that the model has learned positions instead.
type RopeConfig struct {
	Theta float64 // base of the frequencies; 0 = no rotary positions

	// Scaling of the frequencies for longer contexts: "", "linear" or "llama3".
	Scaling string
	Factor  float64 // both

	LowFreqFactor, HighFreqFactor float64 // llama3
	OriginalPositions             int     // llama3
}

func (r RopeConfig) on() bool { return r.Theta > 0 }

// ropeTable holds the rotations of the positions used so far, since a model may
// allow a million of them.
type ropeTable struct {
	kernel.Rotations
}

// reach makes the table cover n positions, or a power of two above: angle =
// position * frequency.
func (t *ropeTable) reach(c Config, n int) {
	half := c.HeadDim / 2
	if n*half <= len(t.Cos) {
		return
	}
	n = 1 << bits.Len(uint(max(n, 64)-1))
	freq := c.Rope.frequencies(c.HeadDim)
	t.Rotations = kernel.Rotations{Cos: make([]float32, n*half), Sin: make([]float32, n*half), HeadDim: c.HeadDim}
	for p := range n {
		for i, f := range freq {
			// float32 angle, as PyTorch computes it
			sin, cos := math.Sincos(float64(float32(p) * f))
			t.Cos[p*half+i], t.Sin[p*half+i] = float32(cos), float32(sin)
		}
	}
}

// frequencies returns theta^(-2i/headDim), scaled. [headDim/2]
func (r RopeConfig) frequencies(headDim int) []float32 {
	freq := make([]float32, headDim/2)
	for i := range freq {
		f := 1 / math.Pow(r.Theta, float64(2*i)/float64(headDim))
		switch r.Scaling {
		case "linear":
			f /= r.Factor
		case "llama3":
			f = r.llama3(f)
		}
		freq[i] = float32(f)
	}
	return freq
}

// llama3 divides low frequencies by the factor, keeps high ones and blends
// between (Llama 3.1's scaling rule).
func (r RopeConfig) llama3(f float64) float64 {
	wavelen, old := 2*math.Pi/f, float64(r.OriginalPositions)
	switch {
	case wavelen > old/r.LowFreqFactor:
		return f / r.Factor
	case wavelen < old/r.HighFreqFactor:
		return f
	}
	smooth := (old/wavelen - r.LowFreqFactor) / (r.HighFreqFactor - r.LowFreqFactor)
	return (1-smooth)*f/r.Factor + smooth*f
}

// rotate applies query/key norms and rotary positions to the rows of a.
func (m *Model) rotate(p *kernel.Pool, w *layer, a *acts, pos []int32) {
	c, n := &m.Config, len(pos)
	W, q, kv := c.qkvDim(), c.qDim(), c.kvDim()
	if c.QKNorm {
		heads, eps := c.Heads+c.KVHeads, float32(c.NormEps)
		qkv, before, rstds := a.qkv, a.raw, a.qkRstd
		p.Each(n, func(r, _ int) {
			row, raw, rstd := qkv[r*W:r*W+q+kv], before[r*(q+kv):(r+1)*(q+kv)], rstds[r*heads:(r+1)*heads]
			copy(raw, row)
			kernel.RMSNorm(nil, row[:q], rstd[:c.Heads], raw[:q], kernel.NormWeights{Gamma: w.qnorm.Value, Eps: eps}, c.Heads)
			kernel.RMSNorm(nil, row[q:], rstd[c.Heads:], raw[q:], kernel.NormWeights{Gamma: w.knorm.Value, Eps: eps}, c.KVHeads)
		})
	}
	if c.Rope.on() { // queries and keys lie side by side: heads of one row
		kernel.Rope(p, kernel.View(a.qkv, W), c.Heads+c.KVHeads, pos, m.rope.Rotations, false)
	}
}

// rotateBackward turns the gradients of rotated queries and keys of rows [r0,R), in b.dqkv,
// into those before rotation and norm. It uses b.datt.
func (m *Model) rotateBackward(p *kernel.Pool, s *State, l, r0, R int) {
	c, w, a, b := &m.Config, &m.layers[l], &s.acts[l], &s.back
	W, q, kv := c.qkvDim(), c.qDim(), c.kvDim()
	if c.Rope.on() {
		kernel.Rope(p, kernel.View(b.dqkv[r0*W:R*W], W), c.Heads+c.KVHeads, s.pos[r0:R], m.rope.Rotations, true)
	}
	if !c.QKNorm {
		return
	}
	heads := c.Heads + c.KVHeads
	partsQ, partsK := kernel.NormParts(c.Heads, c.HeadDim), kernel.NormParts(c.KVHeads, c.HeadDim)
	p.Each(R-r0, func(i, _ int) {
		r := r0 + i
		row, raw, rstd := b.dqkv[r*W:r*W+q+kv], a.raw[r*(q+kv):(r+1)*(q+kv)], a.qkRstd[r*heads:(r+1)*heads]
		backward := func(dx, parts, x, gamma, rstd []float32) {
			dout := b.datt[r*q:][:len(dx)]
			copy(dout, dx)
			clear(dx)
			kernel.RMSNormBackward(nil, dx, parts, dout, x, gamma, rstd, len(rstd))
		}
		backward(row[:q], b.partsQ[r*partsQ:], raw[:q], w.qnorm.Value, rstd[:c.Heads])
		backward(row[q:], b.partsK[r*partsK:], raw[q:], w.knorm.Value, rstd[c.Heads:])
	})
}

// addQKNormGrads adds the gradients of the weights of the query and key norms that rotateBackward left of R rows.
func (m *Model) addQKNormGrads(s *State, w *layer, R int) {
	c, b := m.Config, &s.back
	if !c.QKNorm || w.qnorm.Grad == nil {
		return
	}
	kernel.NormGrads(w.qnorm.Grad, nil, b.partsQ[:R*kernel.NormParts(c.Heads, c.HeadDim)])
	kernel.NormGrads(w.knorm.Grad, nil, b.partsK[:R*kernel.NormParts(c.KVHeads, c.HeadDim)])
}
