package lm

import (
	"slices"

	"pgsrm/kernel"
)

// Forward computes all rows added since the last call: embeddings and L blocks, the last one
// up to its keys and values, which is all that other rows need; what is above is computed for
// the rows that predict when they are asked for (predict). Rows lie one after the other, so a
// pending range [r0,R) is one slice of each buffer.
func (m *Model) Forward(s *State) {
	r0, R := s.done, s.Rows()
	if r0 == R {
		return
	}
	if s.once && r0 > 0 {
		panic("lm: a State for scoring must not grow after Forward")
	}
	s.reserve()
	s.done = R
	if m.Config.Rope.on() {
		m.rope.cover(m.Config, int(slices.Max(s.pos[r0:R]))+1)
	}
	l := 0
	chain := func(p *kernel.Pool, lo, hi int) { // from the keys and values of a block to those of the next
		if l == 0 {
			m.embed(p, s, lo, hi)
		} else {
			m.attend(p, s, l-1, lo, hi)
		}
		if l < len(m.layers) {
			m.project(p, s, l, lo, hi)
		}
	}
	for ; l < len(m.layers); l++ {
		m.inChains(r0, R, chain)
	}
	if m.Config.PostNorm {
		m.inChains(r0, R, chain)
	}
}

// predict computes the final hidden states of rows, as far as they are not there yet: the rest
// of the last block and the final norm.
func (m *Model) predict(s *State, rows []int32) {
	if m.Config.PostNorm { // an encoder: Forward has computed all
		return
	}
	t := &s.predicting
	t0 := len(t.rows)
	for _, r := range rows {
		t.add(r, s.paths[r])
	}
	if t0 == len(t.rows) {
		return
	}
	s.reservePredicting(t0)
	m.inChains(t0, len(t.rows), func(p *kernel.Pool, lo, hi int) {
		m.attend(p, s, len(m.layers)-1, lo, hi)
		m.finalNorm(p, s, lo, hi)
	})
}

// backwardTrunk adds the gradients of all weights below the final hidden states, given those of
// the rows that predict in s.back.hidden: Forward and predict in reverse. Attention and the
// gradients of weights lie between the chains, as they need all rows.
func (m *Model) backwardTrunk(s *State) {
	d, last := &s.back.grads, len(m.layers)-1
	l := last
	attend := func(p *kernel.Pool, lo, hi int) {
		if l == last {
			m.finalNormBackward(p, s, lo, hi)
		}
		m.attendBackward(p, s, l, lo, hi)
	}
	project := func(p *kernel.Pool, lo, hi int) { m.projectBackward(p, s, l, lo, hi) }
	for ; l >= 0; l-- {
		s.recall(l)
		m.transposeWeights(s, &m.layers[l])
		m.inChains(0, s.attending(l), attend)
		m.attentionBackward(s, l)
		m.inChains(0, s.Rows(), project)
		m.weightGrads(s, l)
		d.out, d.x = d.x, d.out // what reached the input of this block leaves the one below
	}
	m.addNormGrads(m.final, s.back.finalNorm, len(s.predicting.rows))
	m.embedBackward(s)
}

// attending is how many rows attend in block l.
func (s *State) attending(l int) int {
	if s.gathers(l) {
		return len(s.predicting.rows)
	}
	return s.Rows()
}

// inChains calls f for blocks of the rows [r0,R), on all threads, each with a Pool of its own.
func (m *Model) inChains(r0, R int, f func(p *kernel.Pool, lo, hi int)) {
	m.Pool.Rows(r0, R, m.Config.blockWeights(), f)
}

// blockWeights is how many weights the matrices of a block have.
func (c *Config) blockWeights() int {
	up := 1
	if c.Gated {
		up = 2
	}
	return c.Width*(c.qkvDim()+(1+up)*c.FF) + c.qDim()*c.Width
}
