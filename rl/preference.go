package rl

import (
	"fmt"
	"math"

	"pgsrm/lm"
)

// PreferenceOptions configures a reward head that learns to prefer the parent's answers to
// the child's, by the model of Bradley and Terry (1952): before RL, as in RLHF (Christiano et
// al. 2017, Ouyang et al. 2022) but without annotators, or along with it (GAD, Ye et al. 2025,
// "Black-box on-policy distillation of large language models", arXiv 2511.10643).
type PreferenceOptions struct {
	Update      string  `yaml:"update" oneof:"offline, online"`     // offline: learns before the first step alone; online: with every step too
	Updates     int     `yaml:"updates" range:"[0, 1000000]"`       // before the first step, each on a rollout of the start child
	LR          float64 `yaml:"lr" range:"[0, 1000]"`               // learning rate of the head and its trunk
	MaxGradNorm float64 `yaml:"max_grad_norm" range:"[0, 1000000]"` // 0 = no clipping
}

// DefaultPreference returns the defaults: offline, since online needs no mending.
func DefaultPreference() PreferenceOptions {
	return PreferenceOptions{Update: "offline", Updates: 100, LR: 1e-4, MaxGradNorm: 1}
}

// Online says whether the head learns with every step.
func (o PreferenceOptions) Online() bool { return o.Update == "online" }

// PreferenceHead is a language model with a number s(prompt, answer) at the last token of an
// answer, which trunk and head learn together. Not safe for concurrent use.
type PreferenceHead struct {
	Model     *lm.Model // has a value head that is not detached
	Optimizer *lm.AdamW
	state     *lm.State
	scored    *lm.State
}

// Pair is a prompt with the answer to prefer and another one, each with its end token.
type Pair struct {
	Prompt, Chosen, Rejected []int32
}

// Scores are s(prompt, answer) for each answer, which has at least one token. [len(answers)]
func (h *PreferenceHead) Scores(prompts, answers [][]int32) ([]float64, error) {
	if h.scored == nil {
		h.scored = h.Model.NewState(false)
	}
	h.scored.Reset()
	rows, err := h.rows(h.scored, prompts, answers)
	if err != nil {
		return nil, err
	}
	return h.values(h.scored, rows), nil
}

// rows packs prompts with their answers into a State and returns the row of the last token of each.
func (h *PreferenceHead) rows(s *lm.State, prompts, answers [][]int32) ([]int32, error) {
	rows := make([]int32, len(answers))
	for i, answer := range answers {
		if len(answer) == 0 {
			return nil, fmt.Errorf("rl: preference: answer %d must have a token (got none)", i)
		}
		path := append(prompts[i][:len(prompts[i]):len(prompts[i])], answer...)
		all := s.AddSequence(path)
		rows[i] = all[len(all)-1]
	}
	return rows, nil
}

// values runs the packed rows forward.
func (h *PreferenceHead) values(s *lm.State, rows []int32) []float64 {
	h.Model.Forward(s)
	at32 := make([]float32, len(rows))
	h.Model.Values(s, rows, at32)
	out := make([]float64, len(rows))
	for i, v := range at32 {
		out[i] = float64(v)
	}
	return out
}

// Learn takes one step on pairs, at least one, and returns the loss before it,
//
//	L = -mean over the pairs of log sigmoid(s(prompt, chosen) - s(prompt, rejected))
//
// and the share of the pairs whose chosen answer had the higher score, equal ones a half.
func (h *PreferenceHead) Learn(pairs []Pair, o PreferenceOptions, s Step) (loss, right float64, err error) {
	if h.state == nil {
		h.state = h.Model.NewState(true)
	}
	h.state.Reset()
	var prompts, answers [][]int32 // chosen and rejected in turn
	for _, p := range pairs {
		prompts, answers = append(prompts, p.Prompt, p.Prompt), append(answers, p.Chosen, p.Rejected)
	}
	rows, err := h.rows(h.state, prompts, answers)
	if err != nil {
		return 0, 0, err
	}
	loss, right, grad := bradleyTerry(h.values(h.state, rows))
	if !isFinite(loss) {
		return loss, right, &NonFiniteError{Step: s.Index, What: "pgsrm/preference_loss", Value: loss}
	}
	targets := make([]lm.Target, len(rows))
	for i, r := range rows {
		targets[i] = lm.Target{Row: r}
	}
	h.Model.Backward(h.state, targets, 1, lm.ScoreGrads{Value: grad})
	h.Optimizer.ValueLR = o.LR
	if norm := h.Optimizer.Step(h.Model, o.LR, o.MaxGradNorm); !isFinite(norm) {
		return loss, right, &NonFiniteError{Step: s.Index, What: "gradient norm of the preference head", Value: norm}
	}
	return loss, right, nil
}

// bradleyTerry is the loss of Learn, the share right, and the gradient of the loss, for scores
// of chosen and rejected answers in turn. [2*pairs]
func bradleyTerry(scores []float64) (loss, right float64, grad []float32) {
	grad = make([]float32, len(scores))
	perPair := 2 / float64(len(scores)) // normaliser: mean over the pairs
	for i := 0; i < len(scores); i += 2 {
		d := scores[i] - scores[i+1]
		loss += perPair * (math.Max(0, -d) + math.Log1p(math.Exp(-math.Abs(d)))) // -log sigmoid(d)
		slope := float32(perPair * Sigmoid(-d))
		grad[i], grad[i+1] = -slope, slope
		switch {
		case d > 0:
			right += perPair
		case d == 0:
			right += perPair / 2
		}
	}
	return loss, right, grad
}

// Sigmoid is 1/(1 + exp(-x)): the probability that an answer is preferred to one whose score
// is lower by x.
func Sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
