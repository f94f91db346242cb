package rl

import (
	"math"
	"slices"

	"pgsrm/config"
)

// RLOOOptions configures RLOO (Ahmadian et al. 2024, "Back to basics"; Kool et
// al. 2019): REINFORCE on whole responses with the mean of the prompt's other
// samples as baseline.
type RLOOOptions struct {
	Beta                float64        `yaml:"beta" range:"[0, 1000000]"`            // coefficient of the KL (k1), in the reward
	NormalizeAdvantages bool           `yaml:"normalize_advantages"`                 // (A - mean) / (std + 1e-4) over the batch
	ScaleRewards        string         `yaml:"scale_rewards" oneof:"none, mean"`     // none, or mean: the score divided by the mean of the prompt's (MaxRL)
	EpsilonLow          float64        `yaml:"epsilon_low" range:"[0, 1]"`           // clip of the response's ratio, 1 - epsilon_low
	EpsilonHigh         float64        `yaml:"epsilon_high" range:"[0, 1000000]"`    // 1 + epsilon_high
	NumIterations       int            `yaml:"num_iterations" range:"[1, 1000]"`     // passes over one rollout; the paper takes 1
	NumMinibatches      int            `yaml:"num_minibatches" range:"[1, 1000000]"` // optimiser steps per pass
	Entropy             EntropyOptions `yaml:"entropy"`                              // entropy bonus, not in the paper
	MaxGradNorm         float64        `yaml:"max_grad_norm" range:"[0, 1000000]"`   // 0 = no clipping
}

func defaultRLOO() RLOOOptions {
	return RLOOOptions{
		Beta: 0.05, ScaleRewards: "none", EpsilonLow: 0.2, EpsilonHigh: 0.2, NumIterations: 1, NumMinibatches: 1,
		Entropy: EntropyOptions{Rate: 0.1, Min: 1e-4, Max: 0.1}, MaxGradNorm: 1,
	}
}

func (o RLOOOptions) needs() Needs { return Needs{Reference: o.Beta != 0} }

// rules reports values that do not go together.
func (o RLOOOptions) rules() error { return config.At("entropy", o.Entropy.rules()) }

type rloo struct {
	o           RLOOOptions
	entropyCoef float64
}

func newRLOO(o RLOOOptions) *rloo { return &rloo{o: o, entropyCoef: o.Entropy.Coef} }

// Update does one iteration after the rollout: rewards with the KL inside,
// leave-one-out advantages, steps.
func (a *rloo) Update(p Policy, b *Batch, s Step) (Metrics, error) {
	o := a.o
	kept, m, err := b.begin("rloo", o.needs(), s)
	if err != nil || len(kept) == 0 {
		return m, err
	}
	adv := a.advantages(b, kept, m) // [N]
	m["pgsrm/kl_coef"], m["pgsrm/entropy_coef"] = o.Beta, a.entropyCoef
	m["pgsrm/steps"] = 0
	if err := m.finite(s); err != nil {
		return m, err
	}

	var avg averages
	for iteration := range o.NumIterations {
		for k, mb := range b.deal(kept, o.NumMinibatches, s) {
			e, err := forward(p, b, mb, false)
			if err != nil {
				return m, err
			}
			g, mm := a.loss(b, mb, adv, e)
			if err := mm.finite(s); err != nil {
				return m, err
			}
			if iteration == 0 && k == 0 {
				if m["pgsrm/first_ratio_max_dev"], err = firstRatio(b, mb, e, s); err != nil {
					return m, err
				}
			}
			norm, err := apply(p, g, s, o.MaxGradNorm)
			if err != nil {
				return m, err
			}
			mm["pgsrm/grad_norm"] = norm
			m["pgsrm/steps"]++
			avg.add(mm)
		}
	}
	avg.into(m)
	a.entropyCoef = o.Entropy.update(a.entropyCoef, m["policy/entropy_avg"], s.Index)
	return m, nil
}

// advantages of whole responses (paper, equation 8 with the reward of equation 2):
//
//	R_i = score_i - beta * sum_t (logp - ref),  A_i = R_i - mean of the R of the prompt's other samples
//
// With scale_rewards: mean, the part of A_i that is the score's is divided by meanScale.
// A group with a single remaining sample has no baseline: advantage 0. A replayed sample
// is compared with the mean R of the prompt's fresh ones, and not normalised. [N]
func (a *rloo) advantages(b *Batch, kept []int, m Metrics) []float64 {
	n := len(b.Samples)
	rewards, nonScore, adv := make([]float64, n), make([]float64, n), make([]float64, n)
	for _, i := range slices.Concat(kept, b.replayed()) {
		smp := &b.Samples[i]
		if a.o.Beta != 0 {
			for t, logp := range smp.LogProbs {
				nonScore[i] -= a.o.Beta * (float64(logp) - float64(smp.RefLogProbs[t]))
			}
		}
		rewards[i] = smp.Reward + nonScore[i]
	}
	groups := b.groups(kept)
	for _, group := range groups {
		baseline := leaveOneOut(gather(rewards, group))
		for k, i := range group {
			adv[i] = rewards[i] - baseline[k]
		}
	}
	m.addRewards(kept, nonScore)
	_, m["pgsrm/advantage_std"] = meanStd(gather(adv, kept))
	if a.o.ScaleRewards == "mean" {
		a.scale(b, kept, adv)
	}
	mean, std := meanStd(gather(adv, kept))
	if a.o.NormalizeAdvantages {
		for _, i := range kept {
			adv[i] = (adv[i] - mean) / (std + 1e-4)
		}
	}
	for _, i := range b.replayed() {
		if group := groups[b.Samples[i].Prompt]; len(group) > 0 {
			adv[i] = b.Samples[i].imitation(a.beyond(b, i, rewards, group))
		}
	}
	return adv
}

// beyond is what a replayed sample earns beyond the fresh samples of its prompt.
func (a *rloo) beyond(b *Batch, i int, rewards []float64, group []int) float64 {
	mean, _ := meanStd(gather(rewards, group))
	if a.o.ScaleRewards == "none" {
		return rewards[i] - mean
	}
	scores := b.scores(group)
	meanScore, _ := meanStd(scores)
	above := b.Samples[i].Reward - meanScore
	return rewards[i] - mean - above + above/meanScale(scores)
}

// scale divides the part of the advantages that is the score's by meanScale.
func (a *rloo) scale(b *Batch, kept []int, adv []float64) {
	for _, group := range b.groups(kept) {
		scores := b.scores(group)
		baseline := leaveOneOut(scores)
		for k, i := range group {
			above := scores[k] - baseline[k]
			adv[i] += above/meanScale(scores) - above
		}
	}
}

// loss is the loss of one minibatch, its gradient and its metrics. The ratio is
// that of the whole response; on the first pass it is 1 and the gradient is
// REINFORCE's, -A_i * grad log p(response):
//
//	L = mean over responses of max(-A*ratio, -A*clip(ratio)) - entropyCoef*entropy
//
// A replayed sample has a term beside the mean over the fresh ones, and no part in the rest.
func (a *rloo) loss(b *Batch, mb []int, adv []float64, e Eval) (Grad, Metrics) {
	o := a.o
	n := b.tokens(mb)
	fresh := b.fresh(mb)
	perResponse := 1 / float64(len(fresh))   // normaliser of the policy loss: mean over the responses of the minibatch
	ofTokens := 1 / float64(b.tokens(fresh)) // of the entropy bonus: mean over their tokens
	g := Grad{LogProbs: make([]float32, n), Entropy: make([]float32, n)}
	var policyLoss, entropy, ratios, approxkl, clipfrac float64
	start := 0
	for _, i := range mb {
		smp := &b.Samples[i]
		perToken, ofMetrics := ofTokens, perResponse
		if smp.Replayed {
			perToken, ofMetrics = 0, 0
		}
		var logratio float64
		for t, old := range smp.LogProbs {
			d := float64(e.LogProbs[start+t]) - float64(old)
			logratio += d
			approxkl += 0.5 * d * d * perToken
		}
		ratio := math.Exp(logratio)
		loss1 := -adv[i] * ratio
		loss2 := -adv[i] * clamp(ratio, 1-o.EpsilonLow, 1+o.EpsilonHigh)
		policyLoss += max(loss1, loss2) * perResponse
		dLogp := 0.0
		if loss1 >= loss2 {
			dLogp = loss1 * perResponse // the same for every token: log p(response) is their sum
		} else {
			clipfrac += ofMetrics
		}
		ratios += ratio * ofMetrics
		for t := range smp.Tokens {
			g.LogProbs[start+t] = float32(dLogp)
			entropy += float64(e.Entropy[start+t]) * perToken
			g.Entropy[start+t] = float32(-a.entropyCoef * perToken)
		}
		start += len(smp.Tokens)
	}
	return g, Metrics{
		"loss/total_avg": policyLoss - a.entropyCoef*entropy, "loss/policy_avg": policyLoss, "policy/entropy_avg": entropy,
		"policy/approxkl_avg": approxkl, "policy/clipfrac_avg": clipfrac, "val/ratio": ratios,
	}
}

// State implements Algorithm.
func (a *rloo) State() State { return State{KLCoef: a.o.Beta, EntropyCoef: a.entropyCoef} }

// Restore implements Algorithm.
func (a *rloo) Restore(s State) { a.entropyCoef = s.EntropyCoef }
