package rl

import (
	"math"

	"pgsrm/config"
)

// GRPOOptions configures GRPO (Shao et al. 2024, "DeepSeekMath", section 4.1)
// and its variants Dr. GRPO (Liu et al. 2025) and DAPO (Yu et al. 2025).
type GRPOOptions struct {
	ScaleRewards   string         `yaml:"scale_rewards" oneof:"group, batch, mean, none"` // what divides the advantages: deviation of the group or batch, mean of the group (MaxRL), or none
	LossType       string         `yaml:"loss_type" oneof:"grpo, bnpo, dr_grpo, dapo"`    // grpo, bnpo, dr_grpo or dapo: normaliser over tokens
	EpsilonLow     float64        `yaml:"epsilon_low" range:"[0, 1]"`                     // lower clip of the ratio, 1 - epsilon_low
	EpsilonHigh    float64        `yaml:"epsilon_high" range:"[0, 1000000]"`              // upper clip, 1 + epsilon_high; DAPO takes 0.28
	Beta           float64        `yaml:"beta" range:"[0, 1000000]"`                      // coefficient of the k3 estimate of the KL, in the loss
	NumIterations  int            `yaml:"num_iterations" range:"[1, 1000]"`               // passes over one rollout (mu of the paper)
	NumMinibatches int            `yaml:"num_minibatches" range:"[1, 1000000]"`           // optimiser steps per pass
	Entropy        EntropyOptions `yaml:"entropy"`                                        // entropy bonus, not in the paper
	MaxGradNorm    float64        `yaml:"max_grad_norm" range:"[0, 1000000]"`             // 0 = no clipping
}

func defaultGRPO() GRPOOptions {
	return GRPOOptions{
		ScaleRewards: "group", LossType: "dapo", EpsilonLow: 0.2, EpsilonHigh: 0.2, NumIterations: 1, NumMinibatches: 1,
		Entropy: EntropyOptions{Rate: 0.1, Min: 1e-4, Max: 0.1}, MaxGradNorm: 1,
	}
}

func (o GRPOOptions) needs() Needs { return Needs{Reference: o.Beta != 0} }

// rules reports values that do not go together.
func (o GRPOOptions) rules() error { return config.At("entropy", o.Entropy.rules()) }

type grpo struct {
	o           GRPOOptions
	entropyCoef float64
}

func newGRPO(o GRPOOptions) *grpo { return &grpo{o: o, entropyCoef: o.Entropy.Coef} }

// Update does one iteration of algorithm 1 of the paper after the rollout:
// group advantages, then mu passes of clipped steps.
func (a *grpo) Update(p Policy, b *Batch, s Step) (Metrics, error) {
	o := a.o
	kept, m, err := b.begin("grpo", o.needs(), s)
	if err != nil || len(kept) == 0 {
		return m, err
	}
	m.addRewards(kept, make([]float64, len(b.Samples)))
	adv := a.advantages(b, kept, m) // [N]
	m["pgsrm/kl_coef"], m["pgsrm/entropy_coef"] = o.Beta, a.entropyCoef
	m["pgsrm/steps"] = 0

	var avg averages
	for iteration := range o.NumIterations {
		parts := b.deal(kept, o.NumMinibatches, s)
		for k, mb := range parts {
			e, err := forward(p, b, mb, false)
			if err != nil {
				return m, err
			}
			weights := a.tokenWeights(b, kept, mb, len(parts))
			g, mm := a.loss(b, mb, adv, weights, e)
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

// advantages are the rewards less their group's mean, divided by a deviation
// (n-1) plus 1e-4 as in TRL, or by meanScale. A group with a single remaining sample is its own
// mean: advantage 0. A replayed sample is compared with the mean of the prompt's fresh
// ones, and not divided by a deviation: where all these fail, it is near 0. [N]
func (a *grpo) advantages(b *Batch, kept []int, m Metrics) []float64 {
	rewards, adv := make([]float64, len(b.Samples)), make([]float64, len(b.Samples))
	for _, i := range kept {
		rewards[i] = b.Samples[i].Reward
	}
	_, batchStd := meanStd(gather(rewards, kept))
	var centred []float64
	groups := b.groups(kept)
	for _, group := range groups {
		ofGroup := gather(rewards, group)
		mean, groupStd := meanStd(ofGroup)
		scale := 1.0
		switch a.o.ScaleRewards {
		case "group":
			scale = groupStd + 1e-4
		case "batch":
			scale = batchStd + 1e-4
		case "mean":
			scale = meanScale(ofGroup)
		}
		for _, i := range group {
			centred = append(centred, rewards[i]-mean)
			adv[i] = (rewards[i] - mean) / scale
		}
	}
	_, m["pgsrm/advantage_std"] = meanStd(centred)
	for _, i := range b.replayed() {
		smp := &b.Samples[i]
		scores := b.scores(groups[smp.Prompt])
		if len(scores) == 0 {
			continue
		}
		mean, _ := meanStd(scores)
		scale := 1.0
		if a.o.ScaleRewards == "mean" {
			scale = meanScale(scores)
		}
		adv[i] = smp.imitation((smp.Reward - mean) / scale)
	}
	return adv
}

// tokenWeights is the weight of each token's loss, per sample of the minibatch:
// the normaliser of the loss, which counts the fresh samples. [len(mb)]
func (a *grpo) tokenWeights(b *Batch, kept, mb []int, parts int) []float64 {
	weights := make([]float64, len(mb))
	fresh := b.fresh(mb)
	for k, i := range mb {
		switch a.o.LossType {
		case "grpo": // mean over responses of the mean over their tokens
			weights[k] = 1 / float64(len(fresh)*len(b.Samples[i].Tokens))
		case "bnpo": // mean over the tokens of the minibatch
			weights[k] = 1 / float64(b.tokens(fresh))
		case "dr_grpo": // per response, over the length limit: a constant, whatever the lengths
			weights[k] = 1 / float64(len(fresh)*b.MaxNewTokens)
		case "dapo": // mean over the tokens of the rollout: every token the same weight in every minibatch
			weights[k] = float64(parts) / float64(b.tokens(kept))
		}
	}
	return weights
}

// loss is the loss of one minibatch (paper, equations 3 and 4), its gradient and its metrics:
//
//	L = sum over tokens of weight * (max(-A*ratio, -A*clip(ratio)) + beta*k3) - entropyCoef*entropy
//
// A replayed sample has neither k3 nor entropy, and no part in the metrics.
func (a *grpo) loss(b *Batch, mb []int, adv, weights []float64, e Eval) (Grad, Metrics) {
	o := a.o
	n := b.tokens(mb)
	ofTokens := 1 / float64(b.tokens(b.fresh(mb))) // of the entropy bonus and the metrics: mean over the tokens of the minibatch
	g := Grad{LogProbs: make([]float32, n), Entropy: make([]float32, n)}
	var policyLoss, klLoss, kl, entropy, ratios, approxkl, low, high float64
	k := 0
	for j, i := range mb {
		smp := &b.Samples[i]
		perToken := ofTokens
		if smp.Replayed {
			perToken = 0
		}
		for t := range smp.Tokens {
			logratio := float64(e.LogProbs[k]) - float64(smp.LogProbs[t])
			ratio := math.Exp(logratio)
			loss1 := -adv[i] * ratio
			loss2 := -adv[i] * clamp(ratio, 1-o.EpsilonLow, 1+o.EpsilonHigh)
			policyLoss += weights[j] * max(loss1, loss2)
			dLogp := 0.0
			if loss1 >= loss2 {
				dLogp = loss1 // d ratio / d logp = ratio
			} else if adv[i] < 0 {
				low += perToken
			} else {
				high += perToken
			}
			ratios += ratio * perToken
			approxkl += 0.5 * logratio * logratio * perToken

			if o.Beta != 0 && !smp.Replayed {
				k3, dk3 := klEstimate("k3", float64(e.LogProbs[k])-float64(smp.RefLogProbs[t]))
				klLoss += weights[j] * k3
				kl += k3 * perToken
				dLogp += o.Beta * dk3
			}
			g.LogProbs[k] = float32(dLogp * weights[j])

			entropy += float64(e.Entropy[k]) * perToken
			g.Entropy[k] = float32(-a.entropyCoef * perToken)
			k++
		}
	}
	m := Metrics{
		"loss/total_avg": policyLoss + o.Beta*klLoss - a.entropyCoef*entropy, "loss/policy_avg": policyLoss,
		"policy/entropy_avg": entropy, "policy/approxkl_avg": approxkl, "policy/clipfrac_avg": low + high,
		"clip_ratio/low_mean": low, "clip_ratio/high_mean": high, "val/ratio": ratios,
	}
	if o.Beta != 0 {
		m["loss/kl_avg"] = kl
	}
	return g, m
}

// State implements Algorithm.
func (a *grpo) State() State { return State{KLCoef: a.o.Beta, EntropyCoef: a.entropyCoef} }

// Restore implements Algorithm.
func (a *grpo) Restore(s State) { a.entropyCoef = s.EntropyCoef }
