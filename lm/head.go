package lm

import (
	"slices"

	"pgsrm/kernel"
)

// headRoom is the memory of the head. Logits are there for a chunk of rows at a time.
type headRoom struct {
	logits  []float32 // [chunk][V]
	dlogits []float32 // [chunk][V]
	in      []float32 // [chunk][D] final hidden states of the rows of logits
	din     []float32 // [chunk][D]

	of          *stateID
	rows        []int32 // rows of logits, of that State, as long as they are valid
	temperature float32 // that they were divided by
}

// stateID tells States apart; unlike a pointer to one it does not keep it.
type stateID struct{ _ byte }

// forget makes the logits invalid.
func (h *headRoom) forget() { h.of, h.rows = nil, h.rows[:0] }

// chunkFloats bounds the logits that are in memory at a time: the logits of a
// few rows for a large vocabulary, of hundreds for a small one.
const chunkFloats = 6 << 20

// chunkRows is the number of rows whose logits are computed together.
func (m *Model) chunkRows() int { return min(max(chunkFloats/m.Config.Vocab, 12), 1024) }

// eachChunk calls f for ranges of the distinct rows of the grouped targets.
func (m *Model) eachChunk(s *State, f func(lo, hi int)) {
	step := m.chunkRows()
	for lo := 0; lo < len(s.targets.rows); lo += step {
		f(lo, min(lo+step, len(s.targets.rows)))
	}
}

// Hidden returns the final hidden state of row r, which Forward has computed. [D], valid until
// the next Forward or Hidden
func (s *State) Hidden(r int32) []float32 {
	s.m.predict(s, []int32{r})
	return s.hidden(r)
}

// hidden is Hidden for a row that predict has seen.
func (s *State) hidden(r int32) []float32 {
	D, at := s.m.Config.Width, r
	if !s.m.Config.PostNorm {
		at = s.predicting.slot[r]
	}
	return s.final.hidden[int(at)*D:][:D]
}

// Logits writes the logits of row r, at temperature 1, to dst. [V]
func (m *Model) Logits(s *State, r int32, dst []float32) {
	copy(dst, m.logits(s, []int32{r}, 1))
}

// logits: logits = hidden*Whead / temperature     [n][D]*[D][V]
//
// for the given rows; temperature 0 counts as 1. The result is valid until the next call.
func (m *Model) logits(s *State, rows []int32, temperature float32) []float32 {
	h, D, V, n := m.room, m.Config.Width, m.Config.Vocab, len(rows)
	if n > 0 && h.of == s.id && h.temperature == temperature && slices.Equal(h.rows, rows) {
		return h.logits
	}
	m.predict(s, rows)
	m.gatherHidden(s, rows)
	h.of, h.rows, h.temperature = s.id, append(h.rows[:0], rows...), temperature
	h.logits = s.chunk(h.logits, n)
	kernel.MatMul(m.Pool, kernel.View(h.logits, V), kernel.View(h.in, D), n, m.head.matrix(), kernel.Epilogue{})
	if temperature != 0 && temperature != 1 {
		m.Pool.Each(n, func(i, _ int) { kernel.Scale(h.logits[i*V:(i+1)*V], 1/temperature) })
	}
	return h.logits
}

// chunk returns room for the logits of n rows, in b's storage where it is large enough. Where more rows are
// to come it is made for as many as are computed together.
func (s *State) chunk(b []float32, n int) []float32 {
	V := s.m.Config.Vocab
	if most := s.m.chunkRows(); cap(b) < n*V && n < most && s.expected >= most {
		b = kernel.Floats(most * V)
	}
	return resize(b, n*V)
}

// gatherHidden copies the final hidden states of rows to the input of the head.
func (m *Model) gatherHidden(s *State, rows []int32) {
	h, D := m.room, m.Config.Width
	h.in = resize(h.in, len(rows)*D)
	for i, r := range rows {
		copy(h.in[i*D:(i+1)*D], s.hidden(r))
	}
}

// logitsBackward: dWhead += hidden^T*dlogits     dhidden = dlogits*Whead^T
//
// for the rows of the head's input; dlogits already has the temperature.
func (m *Model) logitsBackward(s *State, rows []int32, dlogits, dhidden []float32) {
	h, D, V, n := m.room, m.Config.Width, m.Config.Vocab, len(rows)
	if m.head.Grad != nil {
		m.head.addProduct(m.Pool, h.in, dlogits, n)
	}
	h.din = resize(h.din, n*D)
	kernel.MatMulT(m.Pool, kernel.View(h.din, D), kernel.View(dlogits, V), n, m.head.matrix(), false)
	for i, r := range rows {
		copy(dhidden[int(s.predicting.slot[r])*D:][:D], h.din[i*D:])
	}
}

// headBackward goes from scores to final hidden states, chunk by chunk; the logits are those of
// the sampler or of the last Score where they are still there, else they are computed again.
func (m *Model) headBackward(s *State, targets []Target, temperature float32, g ScoreGrads, dhidden []float32) {
	h, V := m.room, m.Config.Vocab
	sampled := s.hasSampled(targets, temperature)
	m.eachChunk(s, func(lo, hi int) {
		n, rows := hi-lo, s.targets.rows[lo:hi]
		var dlogits []float32
		if sampled {
			m.gatherHidden(s, rows)
			h.dlogits = s.chunk(h.dlogits, n)
			dlogits = h.dlogits
			m.Pool.Each(n, func(i, _ int) {
				sampledGrad(dlogits[i*V:(i+1)*V], &s.predicting.sampled[s.predicting.slot[rows[i]]], targets, s.targets.of(lo+i), g)
			})
		} else {
			logits := m.logits(s, rows, temperature)
			dlogits = logits // a whole distribution's gradient may take the place of its logits
			if slices.ContainsFunc(targets, func(t Target) bool { return t.Support != nil }) {
				h.dlogits = s.chunk(h.dlogits, n)
				dlogits = h.dlogits
			}
			m.Pool.Each(n, func(i, _ int) {
				rowGrad(dlogits[i*V:(i+1)*V], logits[i*V:(i+1)*V], targets, s.targets.of(lo+i), temperature, g)
			})
		}
		h.forget() // the logits are gone
		m.logitsBackward(s, rows, dlogits, dhidden)
	})
}
