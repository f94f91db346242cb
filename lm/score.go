package lm

import (
	"fmt"
	"slices"

	"pgsrm/kernel"
)

// Target is one token to be scored: the row whose hidden state predicts it, the
// token, and the support of a truncated distribution (nil = whole vocabulary).
type Target struct {
	Row, Token int32
	Support    []int32 // [kept] ascending; must hold Token
}

// Scores are the per-target numbers that an algorithm works on. [len(targets)] each
type Scores struct {
	LogProb []float32 // log-probability of the token, at the temperature, over the support
	Entropy []float32 // entropy of that distribution, nats
	Value   []float32 // value head at the row; nil without a value head
}

// ScoreGrads are the derivatives of a loss with respect to Scores; nil = zero.
type ScoreGrads struct {
	LogProb []float32
	Entropy []float32
	Value   []float32
}

// targetRows groups targets by row: the logits of a row are computed once,
// however many samples continue from it.
type targetRows struct {
	rows  []int32 // distinct rows in order of first use
	first []int32 // [len(rows)+1] begin of each row's targets in order
	order []int32 // target indices, grouped by row
	slot  map[int32]int32
	fill  []int32
}

// group sorts the targets by row, stably.
func (t *targetRows) group(targets []Target) {
	if t.slot == nil {
		t.slot = map[int32]int32{}
	}
	clear(t.slot)
	t.rows, t.first = t.rows[:0], append(t.first[:0], 0)
	for _, g := range targets {
		if _, ok := t.slot[g.Row]; !ok {
			t.slot[g.Row] = int32(len(t.rows))
			t.rows = append(t.rows, g.Row)
			t.first = append(t.first, 0)
		}
		t.first[t.slot[g.Row]+1]++
	}
	for i := range t.rows {
		t.first[i+1] += t.first[i]
	}
	t.fill = append(t.fill[:0], t.first...)
	t.order = slices.Grow(t.order[:0], len(targets))[:len(targets)]
	for i, g := range targets {
		at := t.slot[g.Row]
		t.order[t.fill[at]] = int32(i)
		t.fill[at]++
	}
}

// of returns the indices of the targets of distinct row i.
func (t *targetRows) of(i int) []int32 { return t.order[t.first[i]:t.first[i+1]] }

// resize returns a slice of n numbers, in b's storage where it is large enough.
func resize(b []float32, n int) []float32 {
	if cap(b) < n {
		return kernel.Floats(n + n/8)[:n]
	}
	return b[:n]
}

// Score computes the Scores of the targets from the forward rows of s. Its error is
// of the kind ErrNonFinite and names the first of the Scores that is not finite;
// they are complete even so.
func (m *Model) Score(s *State, targets []Target, temperature float32, out *Scores) error {
	n := len(targets)
	out.LogProb, out.Entropy = resize(out.LogProb, n), resize(out.Entropy, n)
	s.targets.group(targets)
	m.predict(s, s.targets.rows)
	if s.hasSampled(targets, temperature) {
		for t, g := range targets {
			d := &s.predicting.sampled[s.predicting.slot[g.Row]]
			out.LogProb[t], out.Entropy[t] = d.logProb(d.logitOf(g.Token)), float32(d.entropy)
		}
	} else {
		m.scoreLogits(s, targets, temperature, out)
	}
	return m.ScoreValues(s, targets, out)
}

// ScoreValues is Score where LogProb and Entropy are known: those that Generate left with its answers are the
// very bits that Score would compute.
func (m *Model) ScoreValues(s *State, targets []Target, out *Scores) error {
	if m.vhead == nil {
		out.Value = nil
		return out.check()
	}
	out.Value = resize(out.Value, len(targets))
	for t, g := range targets {
		out.Value[t] = m.vhead.value(s.hidden(g.Row))
	}
	return out.check()
}

// check returns an error of the kind ErrNonFinite that names the first score that is not finite.
func (s *Scores) check() error {
	for _, x := range []struct {
		what   string
		scores []float32
	}{{"log-probability", s.LogProb}, {"entropy", s.Entropy}, {"value", s.Value}} {
		for t, v := range x.scores {
			if v-v != 0 { // NaN or an infinity
				return fmt.Errorf("%w: %s of target %d is %v", ErrNonFinite, x.what, t, v)
			}
		}
	}
	return nil
}

// scoreLogits is Score by the logits of all rows.
func (m *Model) scoreLogits(s *State, targets []Target, temperature float32, out *Scores) {
	V := m.Config.Vocab
	m.eachChunk(s, func(lo, hi int) {
		logits := m.logits(s, s.targets.rows[lo:hi], temperature)
		m.Pool.Each(hi-lo, func(i, _ int) {
			row := logits[i*V : (i+1)*V]
			var last []int32
			var d distribution
			for at, t := range s.targets.of(lo + i) {
				g := targets[t]
				if at == 0 || !sameSupport(last, g.Support) {
					d = distributionOf(row, g.Support)
					last = g.Support
				}
				out.LogProb[t], out.Entropy[t] = d.logProb(row[g.Token]), float32(d.entropy)
			}
		})
	})
}

// hasSampled tells whether the sampler drew all targets from distributions that it left in s.
func (s *State) hasSampled(targets []Target, temperature float32) bool {
	for _, g := range targets {
		d := &s.predicting.sampled[s.predicting.slot[g.Row]]
		if !d.known || d.temperature != temperature || !sameSupport(d.support, g.Support) {
			return false
		}
	}
	return true
}

// sameSupport tells whether two supports are one slice (the sampler shares it
// among the samples of a row).
func sameSupport(a, b []int32) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

// Backward adds the gradient of the loss, given by its derivatives with respect
// to the Scores of the same targets, to the gradients of the model. It may be
// called once for each Forward of a training State.
func (m *Model) Backward(s *State, targets []Target, temperature float32, g ScoreGrads) {
	m.ensureGrads()
	s.targets.group(targets)
	m.predict(s, s.targets.rows)
	s.reserveBackward()
	D := m.Config.Width
	dhidden := s.back.hidden[:len(s.predicting.rows)*D]
	clear(dhidden)
	if g.LogProb != nil || g.Entropy != nil {
		m.headBackward(s, targets, temperature, g, dhidden)
	}
	if g.Value != nil {
		m.vhead.ensureGrads()
		for t, tg := range targets {
			m.vhead.backward(g.Value[t], s.hidden(tg.Row), dhidden[int(s.predicting.slot[tg.Row])*D:][:D])
		}
	}
	m.backwardTrunk(s)
}
