package bench

import (
	"math"
	"slices"

	"pgsrm/kernel"
	"pgsrm/lm"
)

// stepper trains a model on one batch of sequences.
type stepper struct {
	shape
	m     *lm.Model
	state *lm.State
	opt   *lm.AdamW
	seqs  [][]int32 // [batch][prompt+response]
	adv   []float64 // [batch]

	targets []lm.Target // [batch*response]
	scores  lm.Scores
	old     []float32 // log-probabilities before the first step
	grads   lm.ScoreGrads
}

// newStepper makes a model with random weights and a batch. With train unset it
// can do forwards only.
func newStepper(s shape, p *kernel.Pool, train bool) (*stepper, error) {
	m, err := s.model(p)
	if err != nil {
		return nil, err
	}
	rng, n := newRand(1), s.batch*s.response
	w := &stepper{
		shape: s, m: m, state: m.NewState(train), opt: lm.NewAdamW(), adv: make([]float64, s.batch),
		seqs:  s.sequences(rng),
		grads: lm.ScoreGrads{LogProb: make([]float32, n), Entropy: make([]float32, n)},
	}
	for i := range w.adv {
		w.adv[i] = rng.NormFloat64()
	}
	return w, nil
}

// part is one of the parts that a step consists of.
type part struct {
	name string
	run  func() error
}

// parts are those of a step, in order.
func (w *stepper) parts() []part {
	return []part{{"forward", w.rows}, {"score", w.score}, {"backward", w.backward}, {"update", w.update}}
}

// step does one update on the loss of PPO (Schulman et al. 2017, equation 7)
// with an entropy bonus, means over tokens.
func (w *stepper) step() error {
	for _, p := range w.parts() {
		if err := p.run(); err != nil {
			return err
		}
	}
	return nil
}

// forward computes the rows and the scores of the response tokens.
func (w *stepper) forward() error {
	if err := w.rows(); err != nil {
		return err
	}
	return w.score()
}

// rows computes the rows. The last token of a sequence predicts nothing: it has no row.
func (w *stepper) rows() error {
	w.state.Reset()
	w.targets = w.targets[:0]
	for _, seq := range w.seqs {
		rows := w.state.AddSequence(seq[:len(seq)-1])
		for t := w.prompt; t < len(seq); t++ {
			w.targets = append(w.targets, lm.Target{Row: rows[t-1], Token: seq[t]})
		}
	}
	w.m.Forward(w.state)
	return nil
}

// score computes the last block and the head for the rows that predict a response token.
func (w *stepper) score() error {
	return w.m.Score(w.state, w.targets, 1, &w.scores)
}

// Coefficients of the loss.
const (
	cliprange   = 0.2
	entropyCoef = 0.01
	rate        = 1e-5
	maxNorm     = 1
)

// backward computes the loss and its gradients.
func (w *stepper) backward() error {
	if w.old == nil {
		w.old = slices.Clone(w.scores.LogProb)
	}
	n := float64(len(w.targets))
	for k := range w.targets {
		adv := w.adv[k/w.response]
		ratio := math.Exp(float64(w.scores.LogProb[k]) - float64(w.old[k]))
		clipped := min(max(ratio, 1-cliprange), 1+cliprange)
		w.grads.LogProb[k], w.grads.Entropy[k] = 0, -entropyCoef/float32(n)
		if -adv*ratio >= -adv*clipped {
			w.grads.LogProb[k] = float32(-adv * ratio / n)
		}
	}
	w.m.Backward(w.state, w.targets, 1, w.grads)
	return nil
}

// update moves the weights.
func (w *stepper) update() error {
	return finite("gradient norm", w.opt.Step(w.m, rate, maxNorm))
}
