package lm

import (
	"math"
	"math/rand/v2"
)

// NewRandom returns a model with GPT-2's initialisation from the seed: normal
// with deviation 0.02, residual projections divided by sqrt(2*layers) (Radford
// et al. 2019, section 2.3), norms one, biases zero.
func NewRandom(cfg Config, seed uint64) (*Model, error) {
	m, err := New(cfg)
	if err != nil {
		return nil, err
	}
	resid := 0.02 / math.Sqrt(2*float64(cfg.Layers))
	for i, p := range m.params {
		rng := rand.New(rand.NewPCG(seed, uint64(i)))
		switch {
		case isResidualProjection(m, p):
			fillNormal(p, rng, resid)
		case p.K > 1 || p.Packed:
			fillNormal(p, rng, 0.02)
		}
	}
	m.eachNorm(func(w *Param) {
		for i := range w.Value {
			w.Value[i] = 1
		}
	})
	return m, nil
}

func isResidualProjection(m *Model, p *Param) bool {
	for i := range m.layers {
		if p == m.layers[i].out || p == m.layers[i].down {
			return true
		}
	}
	return false
}

// eachNorm calls f for the weight of every normalisation.
func (m *Model) eachNorm(f func(w *Param)) {
	visit := func(ps ...*Param) {
		for _, p := range ps {
			if p != nil {
				f(p)
			}
		}
	}
	visit(m.embedNorm.weight, m.final.weight)
	for i := range m.layers {
		l := &m.layers[i]
		visit(l.norm1.weight, l.norm2.weight, l.qnorm, l.knorm)
	}
}

func fillNormal(p *Param, rng *rand.Rand, std float64) {
	row := make([]float32, p.K*p.N)
	for i := range row {
		row[i] = float32(rng.NormFloat64() * std)
	}
	p.Set(row, false)
}
