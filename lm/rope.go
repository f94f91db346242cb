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

// cover makes the table hold n positions, or the power of two above.
func (t *ropeTable) cover(c Config, n int) {
	half := c.HeadDim / 2
	if n*half <= len(t.Cos) {
		return
	}
	n = 1 << bits.Len(uint(max(n, 64)-1))
	freq := c.Rope.Frequencies(c.HeadDim)
	t.Rotations = kernel.Rotations{Cos: make([]float32, n*half), Sin: make([]float32, n*half), HeadDim: c.HeadDim}
	for p := range n {
		for i, f := range freq {
			// float32 angle, as PyTorch computes it
			sin, cos := math.Sincos(float64(float32(p) * f))
			t.Cos[p*half+i], t.Sin[p*half+i] = float32(cos), float32(sin)
		}
	}
}

// Frequencies returns theta^(-2i/headDim), scaled. [headDim/2]
func (r RopeConfig) Frequencies(headDim int) []float32 {
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

// rotate turns the heads of queries and keys by the angles of the row's position, the halves of a
// head being real and imaginary parts:
//
//	(u, v) = (u*cos - v*sin, v*cos + u*sin)     angle = position * frequency
func (m *Model) rotate(p *kernel.Pool, a *activations, pos []int32) { m.turn(p, a.qkv, pos, false) }

// rotateBackward turns the gradients back.
func (m *Model) rotateBackward(p *kernel.Pool, d *activations, pos []int32) {
	m.turn(p, d.qkv, pos, true)
}

func (m *Model) turn(p *kernel.Pool, qkv []float32, pos []int32, back bool) {
	c := &m.Config
	if c.Rope.on() { // queries and keys lie side by side: heads of one row
		kernel.Rope(p, kernel.View(qkv, c.qkvDim()), c.Heads+c.KVHeads, pos, m.rope.Rotations, back)
	}
}
