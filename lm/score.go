package lm

// Target is one token to be scored: the row whose hidden state predicts it, the
// token, and the support of a truncated distribution (nil = whole vocabulary).
type Target struct {
	Row, Token int32
	Support    []int32
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

// Score computes the Scores of the targets from the forward rows of s.
func (m *Model) Score(s *State, targets []Target, temperature float32, out *Scores) { panic("todo") }

// Backward adds the gradient of the loss, given by its derivatives with respect
// to the Scores of the same targets, to the gradients of the model. It may be
// called once per Forward of a training State.
func (m *Model) Backward(s *State, targets []Target, temperature float32, g ScoreGrads) {
	panic("todo")
}

// ValueHead adds a value head: a linear layer on the final hidden state. With
// detached set its gradient does not reach the trunk.
func (m *Model) ValueHead(detached bool) { panic("todo") }
