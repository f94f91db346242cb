package lm

// Sequence is one text to learn from: the loss counts the tokens from From on
// (at least 1: the first token is predicted from nothing).
type Sequence struct {
	Tokens []int32 // [n]
	From   int
}

// Supervised adds the gradient of the mean cross-entropy (nats per counted
// token) over the sequences and returns it with the number of counted tokens. It
// resets s, a training State. Common prefixes are computed once. A loss that is
// not finite is an error of the kind ErrNonFinite and adds no gradient.
func (m *Model) Supervised(s *State, seqs []Sequence) (loss float64, counted int, err error) {
	targets := m.teach(s, seqs)
	if len(targets) == 0 {
		return 0, 0, nil
	}
	loss, err = m.meanCrossEntropy(s, targets)
	if err != nil {
		return loss, len(targets), err
	}
	g := make([]float32, len(targets))
	for i := range g {
		g[i] = -1 / float32(len(targets)) // normaliser: counted tokens of the batch
	}
	m.Backward(s, targets, 1, ScoreGrads{LogProb: g})
	return loss, len(targets), nil
}

// CrossEntropy is the mean cross-entropy of the counted tokens, without gradient.
// One that is not finite is an error of the kind ErrNonFinite.
func (m *Model) CrossEntropy(s *State, seqs []Sequence) (loss float64, counted int, err error) {
	targets := m.teach(s, seqs)
	if len(targets) == 0 {
		return 0, 0, nil
	}
	loss, err = m.meanCrossEntropy(s, targets)
	return loss, len(targets), err
}

// teach runs the sequences forward and returns their counted tokens as targets.
func (m *Model) teach(s *State, seqs []Sequence) (targets []Target) {
	s.Reset()
	for _, q := range seqs {
		if len(q.Tokens) < 2 {
			continue
		}
		rows := s.AddSequence(q.Tokens[:len(q.Tokens)-1])
		for i := max(q.From, 1); i < len(q.Tokens); i++ {
			targets = append(targets, Target{Row: rows[i-1], Token: q.Tokens[i]})
		}
	}
	m.Forward(s)
	return targets
}

func (m *Model) meanCrossEntropy(s *State, targets []Target) (float64, error) {
	var sc Scores
	err := m.Score(s, targets, 1, &sc)
	var sum float64
	for _, v := range sc.LogProb {
		sum -= float64(v)
	}
	return sum / float64(len(targets)), err
}
