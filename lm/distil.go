package lm

// RowLoss is a loss of one row of logits against those of a teacher, both [V] at the same
// temperature. It returns the loss times the weight and puts the derivative of that with
// respect to the student's logits in their place.
type RowLoss func(student, teacher []float32, weight float32) float64

// Distil adds the gradient of a loss over the logits of distinct rows of s against those of a
// teacher with the same vocabulary, and returns the loss, a sum over the rows: rows[i] of s
// beside teacherRows[i] of ts, each with its weight. Both States have been run forward under
// the weights as they are, s is a training State. Like Backward it may be called once for each
// Forward. Logits of both are there for a chunk of rows at a time.
func (m *Model) Distil(s *State, rows []int32, teacher *Model, ts *State, teacherRows []int32, weights []float32, f RowLoss) float64 {
	m.ensureGrads()
	m.predict(s, rows)
	teacher.predict(ts, teacherRows)
	s.reserveBackward()
	D, V := m.Config.Width, m.Config.Vocab
	dhidden := s.back.hidden[:len(s.predicting.rows)*D]
	clear(dhidden)
	losses := make([]float64, len(rows))
	step := min(m.chunkRows(), teacher.chunkRows())
	for lo := 0; lo < len(rows); lo += step {
		hi := min(lo+step, len(rows))
		theirs := teacher.logits(ts, teacherRows[lo:hi], 1)
		ours := m.logits(s, rows[lo:hi], 1)
		m.Pool.Each(hi-lo, func(i, _ int) {
			losses[lo+i] = f(ours[i*V:(i+1)*V], theirs[i*V:(i+1)*V], weights[lo+i])
		})
		m.room.forget() // the derivatives have taken their place
		m.logitsBackward(s, rows[lo:hi], ours, dhidden)
	}
	m.backwardTrunk(s)
	var sum float64
	for _, x := range losses {
		sum += x
	}
	return sum
}
