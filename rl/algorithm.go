package rl

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"pgsrm/lm"
)

// Algorithm improves a policy from rollouts.
type Algorithm interface {
	// Update trains p on one rollout and returns the metrics by name, every name
	// of which stands in Table. A batch whose samples are all dropped changes
	// nothing. Errors: *NonFiniteError and *ratioError before the weights change
	// in the step where they are found; other errors name a malformed batch.
	Update(p Policy, b *Batch, s Step) (Metrics, error)
	// State returns what a checkpoint must hold, Restore puts it back.
	State() State
	Restore(State)
}

// Batch is one rollout: the samples of some prompts.
type Batch struct {
	Prompts      int      // P
	G            int      // samples asked for per prompt, before any was dropped
	MaxNewTokens int      // the sampler's limit of T, for dr_grpo's normaliser
	Samples      []Sample // [N], in any order: Sample.Prompt says where each belongs; replayed ones among them
	PromptID     []string // [P] names that are stable between rollouts, for the history baseline; else nil
}

// Step is the place of an update within the run.
type Step struct {
	Index int        // number of the update, from 0
	LR    float64    // learning rate of the trunk
	RNG   *rand.Rand // order of the minibatches; unused with one minibatch
}

// State is all that an algorithm carries from one update to the next.
type State struct {
	KLCoef      float64      `json:"kl_coef"`
	EntropyCoef float64      `json:"entropy_coef"`
	History     []PromptMean `json:"history,omitempty"` // sorted by ID
	Overall     PromptMean   `json:"overall"`           // the same over all prompts, ID empty
}

// PromptMean is the running mean of the rewards of one prompt.
type PromptMean struct {
	ID   string  `json:"id"`
	Mean float64 `json:"mean"` // reward
	N    int     `json:"n"`    // rollouts seen
}

// New returns the algorithm of that name, one of Algorithms.
func New(name string, o Options) (Algorithm, error) {
	if err := o.Validate(name); err != nil {
		return nil, err
	}
	switch name {
	case "ppo":
		return newPPO(o.PPO), nil
	case "grpo":
		return newGRPO(o.GRPO), nil
	case "rloo":
		return newRLOO(o.RLOO), nil
	case "raft":
		return raft{o: o.RAFT}, nil
	case "sft":
		return sft{o: o.SFT}, nil
	case "gkd":
		return gkd{o: o.GKD}, nil
	case "none":
		return none{}, nil
	}
	return newPaper(o.Paper), nil
}

// NonFiniteError reports a NaN or an infinity. The weights are those before the step.
type NonFiniteError struct {
	Step  int     // Step.Index
	What  string  // metric or quantity
	Value float64 // NaN or an infinity
}

// Unwrap makes it an error of the kind lm.ErrNonFinite.
func (e *NonFiniteError) Unwrap() error { return lm.ErrNonFinite }

func (e *NonFiniteError) Error() string {
	return fmt.Sprintf("rl: update %d: %s must be finite (got %v)", e.Step, e.What, e.Value)
}

// ratioError reports that the training forward did not repeat the sampler's
// log-probabilities at the first minibatch, where the ratio is 1 by definition.
type ratioError struct {
	Step, Sample, Token int
	Old, New            float32 // log-probabilities, nats
}

func (e *ratioError) Error() string {
	return fmt.Sprintf("rl: update %d: first ratio of sample %d token %d must be 1 (got %v: log-probability %v, sampler %v)",
		e.Step, e.Sample, e.Token, math.Exp(float64(e.New)-float64(e.Old)), e.New, e.Old)
}

// kept returns the indices of the fresh samples that were not dropped, ascending.
func (b *Batch) kept() []int {
	var kept []int
	for i := range b.Samples {
		if !b.Samples[i].Dropped && !b.Samples[i].Replayed {
			kept = append(kept, i)
		}
	}
	return kept
}

// replayed returns the indices of the replayed samples, ascending.
func (b *Batch) replayed() []int {
	var replayed []int
	for i := range b.Samples {
		if !b.Samples[i].Dropped && b.Samples[i].Replayed {
			replayed = append(replayed, i)
		}
	}
	return replayed
}

// fresh leaves the replayed samples out.
func (b *Batch) fresh(samples []int) []int {
	return slices.DeleteFunc(slices.Clone(samples), func(i int) bool { return b.Samples[i].Replayed })
}

// groups sorts the given samples by prompt. [P][at most G]
func (b *Batch) groups(samples []int) [][]int {
	groups := make([][]int, b.Prompts)
	for _, i := range samples {
		p := b.Samples[i].Prompt
		groups[p] = append(groups[p], i)
	}
	return groups
}

// scores are the rewards of the given samples.
func (b *Batch) scores(samples []int) []float64 {
	scores := make([]float64, len(samples))
	for k, i := range samples {
		scores[k] = b.Samples[i].Reward
	}
	return scores
}

// tokens counts the response tokens of the given samples.
func (b *Batch) tokens(samples []int) int {
	n := 0
	for _, i := range samples {
		n += len(b.Samples[i].Tokens)
	}
	return n
}

// check says what is wrong with the samples that take part. Dropped samples may hold anything.
func (b *Batch) check(where string, n Needs) error {
	if len(b.PromptID) != b.Prompts && (n.PromptID || b.PromptID != nil) {
		return fmt.Errorf("%s: batch must name %d prompts (got %d)", where, b.Prompts, len(b.PromptID))
	}
	for _, i := range slices.Concat(b.kept(), b.replayed()) {
		s := &b.Samples[i]
		t := len(s.Tokens)
		switch {
		case s.Prompt < 0 || s.Prompt >= b.Prompts:
			return fmt.Errorf("%s: sample %d: prompt must be in 0..%d (got %d)", where, i, b.Prompts-1, s.Prompt)
		case t == 0:
			return fmt.Errorf("%s: sample %d: response must have a token (got none)", where, i)
		case len(s.LogProbs) != t:
			return fmt.Errorf("%s: sample %d: log-probabilities must be one per token, %d (got %d)", where, i, t, len(s.LogProbs))
		case len(s.RefLogProbs) != t && (n.Reference || s.RefLogProbs != nil):
			return fmt.Errorf("%s: sample %d: reference log-probabilities must be one per token, %d (got %d)", where, i, t, len(s.RefLogProbs))
		case len(s.Values) != t && n.Values:
			return fmt.Errorf("%s: sample %d: values must be one per token, %d (got %d)", where, i, t, len(s.Values))
		case s.Replayed && !(s.Weight >= 0 && isFinite(s.Weight)):
			return fmt.Errorf("%s: sample %d: weight of a replayed sample must be finite and at least 0 (got %v)", where, i, s.Weight)
		}
	}
	return nil
}

// minibatches deals the samples to n parts of nearly equal size, in an order
// drawn from rng; with n = 1 nothing is drawn and the order stays.
func minibatches(samples []int, n int, rng *rand.Rand) [][]int {
	n = min(n, len(samples))
	if n == 1 {
		return [][]int{samples}
	}
	perm := slices.Clone(samples)
	rng.Shuffle(len(perm), func(i, j int) { perm[i], perm[j] = perm[j], perm[i] })
	parts := make([][]int, n)
	for k := range parts {
		parts[k] = perm[k*len(perm)/n : (k+1)*len(perm)/n]
	}
	return parts
}

// forward evaluates the minibatch and checks the lengths of what the policy returned.
func forward(p Policy, b *Batch, mb []int, values bool) (Eval, error) {
	e, n := p.Forward(mb), b.tokens(mb)
	if len(e.LogProbs) != n || len(e.Entropy) != n || values && len(e.Values) != n {
		return e, fmt.Errorf("rl: forward must evaluate %d tokens (got %d log-probabilities, %d entropies, %d values)",
			n, len(e.LogProbs), len(e.Entropy), len(e.Values))
	}
	return e, nil
}

// firstRatio compares the log-probabilities of the first minibatch with the
// sampler's. They must be the same bits, so that every ratio is exactly 1; maxDev
// is the largest |ratio - 1|, and the error names the first token that differs.
func firstRatio(b *Batch, mb []int, e Eval, s Step) (maxDev float64, err error) {
	k := 0
	for _, i := range mb {
		for t, old := range b.Samples[i].LogProbs {
			now := e.LogProbs[k]
			k++
			if now == old {
				continue
			}
			maxDev = max(maxDev, math.Abs(math.Expm1(float64(now)-float64(old))))
			if err == nil {
				err = &ratioError{Step: s.Index, Sample: i, Token: t, Old: old, New: now}
			}
		}
	}
	return maxDev, err
}

// apply backpropagates g and takes one optimiser step.
func apply(p Policy, g Grad, s Step, maxNorm float64) (float64, error) {
	p.Backward(g)
	norm := p.Step(s.LR, maxNorm)
	if !isFinite(norm) {
		return norm, &NonFiniteError{Step: s.Index, What: "pgsrm/grad_norm", Value: norm}
	}
	return norm, nil
}

// passes say how a supervised update goes over its samples.
type passes struct {
	epochs, minibatches int
	maxGradNorm         float64 // 0 = no clipping
}

// descend makes the steps of an update whose loss asks nothing of the rollout but its answers,
// and adds to m what they say. The first minibatch is checked as in RL.
func descend(p Policy, b *Batch, samples []int, loss func(*Batch, []int, Eval) (Grad, Metrics), over passes, s Step, m Metrics) error {
	var avg averages
	for epoch := range over.epochs {
		for k, mb := range minibatches(samples, over.minibatches, s.RNG) {
			e, err := forward(p, b, mb, false)
			if err != nil {
				return err
			}
			g, mm := loss(b, mb, e)
			if err := mm.finite(s); err != nil {
				return err
			}
			if epoch == 0 && k == 0 {
				if m["pgsrm/first_ratio_max_dev"], err = firstRatio(b, mb, e, s); err != nil {
					return err
				}
			}
			if mm["pgsrm/grad_norm"], err = apply(p, g, s, over.maxGradNorm); err != nil {
				return err
			}
			m["pgsrm/steps"]++
			avg.add(mm)
		}
	}
	avg.into(m)
	return nil
}

// stateless is what an algorithm keeps between updates that keeps nothing.
type stateless struct{}

// State implements Algorithm.
func (stateless) State() State { return State{} }

// Restore implements Algorithm.
func (stateless) Restore(State) {}

func isFinite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

func clamp(x, lo, hi float64) float64 { return min(max(x, lo), hi) }
