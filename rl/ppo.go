package rl

import (
	"fmt"
	"math"
	"slices"

	"pgsrm/config"
)

// PPOOptions configures PPO (Schulman et al. 2017, "Proximal policy
// optimization algorithms") with the details of language models.
type PPOOptions struct {
	Cliprange      float64        `yaml:"cliprange" range:"[1e-6, 1]"`                   // epsilon of the ratio clip
	CliprangeValue float64        `yaml:"cliprange_value" range:"[0, 1000000]"`          // clip of the value around the rollout's value; 0 = none
	VfCoef         float64        `yaml:"vf_coef" range:"[0, 1000000]"`                  // weight of the value loss
	Gamma          float64        `yaml:"gamma" range:"[0, 1]"`                          // discount per token
	Lambda         float64        `yaml:"lambda" range:"[0, 1]"`                         // of GAE; used with the value baseline only
	NumPPOEpochs   int            `yaml:"num_ppo_epochs" range:"[1, 1000]"`              // passes over one rollout
	NumMinibatches int            `yaml:"num_minibatches" range:"[1, 1000000]"`          // optimiser steps per pass
	TargetKL       float64        `yaml:"target_kl" range:"[0, 1000000]"`                // end the update when a minibatch's approxkl exceeds it; 0 = never
	Whiten         string         `yaml:"whiten" oneof:"none, mean, std, floor"`         // none, mean, std or floor
	WhitenFloor    float64        `yaml:"whiten_floor" range:"[1e-8, 1000000]"`          // least deviation to divide by, whiten: floor
	Baseline       string         `yaml:"baseline" oneof:"value, group, history, batch"` // value, group, history or batch
	ScaleRewards   string         `yaml:"scale_rewards" oneof:"none, mean"`              // none, or mean: divided by the mean of the group (MaxRL), baseline: group
	HistoryDecay   float64        `yaml:"history_decay" range:"[0, 1]"`                  // weight of the past, baseline: history
	KL             KLOptions      `yaml:"kl"`                                            // divergence from the reference
	Entropy        EntropyOptions `yaml:"entropy"`                                       // entropy bonus
	MaxGradNorm    float64        `yaml:"max_grad_norm" range:"[0, 1000000]"`            // 0 = no clipping
	ValueWarmup    int            `yaml:"value_warmup" range:"[0, 1000000000]"`          // first updates that train the value head alone
	ValueDetached  bool           `yaml:"value_detached"`                                // the value loss does not reach the trunk
	ValueLRFactor  float64        `yaml:"value_lr_factor" range:"[0, 1000000]"`          // learning rate of the value head over that of the trunk
}

func defaultPPO() PPOOptions {
	return PPOOptions{
		Cliprange: 0.2, CliprangeValue: 0.2, VfCoef: 0.1, Gamma: 1, Lambda: 0.95,
		NumPPOEpochs: 4, NumMinibatches: 1, Whiten: "std", WhitenFloor: 0.1,
		Baseline: "value", ScaleRewards: "none", HistoryDecay: 0.9,
		KL:      KLOptions{Place: "reward", Estimator: "k1", Coef: 0.05, Control: "fixed", Target: 6, Horizon: 10000, Min: 1e-4, Max: 10},
		Entropy: EntropyOptions{Rate: 0.1, Min: 1e-4, Max: 0.1}, MaxGradNorm: 1, ValueLRFactor: 1,
	}
}

func (o PPOOptions) needs() Needs {
	return Needs{
		Values: o.Baseline == "value", Reference: o.KL.active(), PromptID: o.Baseline == "history",
		Detached: o.ValueDetached, ValueLRFactor: o.ValueLRFactor,
	}
}

// rules reports values that do not go together.
func (o PPOOptions) rules() error {
	if o.ScaleRewards != "none" && o.Baseline != "group" {
		return &config.Error{Key: "scale_rewards", Must: "must be none with a baseline other than group", Value: fmt.Sprintf("%q", o.ScaleRewards)}
	}
	return config.First(config.At("kl", o.KL.rules()), config.At("entropy", o.Entropy.rules()))
}

type ppo struct {
	o           PPOOptions
	klCoef      float64
	entropyCoef float64
	history     *history
}

func newPPO(o PPOOptions) *ppo {
	return &ppo{o: o, klCoef: o.KL.Coef, entropyCoef: o.Entropy.Coef, history: newHistory(o.HistoryDecay)}
}

// Update does the steps of one PPO iteration after the rollout (Schulman et al.
// 2017, algorithm 1): rewards, advantages, epochs of minibatches, controllers.
func (a *ppo) Update(p Policy, b *Batch, s Step) (Metrics, error) {
	o := a.o
	kept, m, err := b.begin("ppo", o.needs(), s)
	if err != nil || len(kept) == 0 {
		return m, err
	}

	// Rewards per token, advantages, returns. [N][T], dropped samples nil
	rewards, nonScore := a.rewards(b, slices.Concat(kept, b.replayed()))
	adv, returns := a.advantages(b, kept, rewards)
	m.addRewards(kept, nonScore)
	if o.Baseline == "value" {
		m.addExplainedVariance(b, kept, returns)
	}
	m["pgsrm/advantage_std"] = whiten(adv, kept, o.Whiten, o.WhitenFloor)
	m["pgsrm/kl_coef"], m["pgsrm/entropy_coef"] = a.klCoef, a.entropyCoef
	if err := m.finite(s); err != nil {
		return m, err
	}

	// Epochs of minibatches.
	var avg averages
	m["pgsrm/steps"], m["pgsrm/early_stop"] = 0, 0
	policyWeight := 1.0
	if s.Index < o.ValueWarmup && o.Baseline == "value" {
		policyWeight = 0
	}
epochs:
	for epoch := range o.NumPPOEpochs {
		for k, mb := range b.deal(kept, o.NumMinibatches, s) {
			e, err := forward(p, b, mb, o.Baseline == "value")
			if err != nil {
				return m, err
			}
			g, mm := a.loss(b, mb, adv, returns, e, policyWeight)
			if err := mm.finite(s); err != nil {
				return m, err
			}
			if epoch == 0 && k == 0 {
				if m["pgsrm/first_ratio_max_dev"], err = firstRatio(b, mb, e, s); err != nil {
					return m, err
				}
			}
			if o.TargetKL > 0 && mm["policy/approxkl_avg"] > o.TargetKL {
				m["pgsrm/early_stop"] = 1
				break epochs
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

	// Controllers, for the next update.
	a.klCoef = o.KL.update(a.klCoef, m["objective/kl"], m["pgsrm/kl_token"], len(kept))
	a.entropyCoef = o.Entropy.update(a.entropyCoef, m["policy/entropy_avg"], s.Index)
	return m, nil
}

// rewards places the response's reward at its last token and, with the KL in
// the reward, -klCoef*kl at each token (Ziegler et al. 2019). [N][T]
// nonScore is the KL part alone, summed per response. [N]
func (a *ppo) rewards(b *Batch, samples []int) (rewards [][]float64, nonScore []float64) {
	rewards, nonScore = make([][]float64, len(b.Samples)), make([]float64, len(b.Samples))
	for _, i := range samples {
		smp := &b.Samples[i]
		r := make([]float64, len(smp.Tokens))
		if a.o.KL.Place == "reward" && a.o.KL.active() {
			for t := range r {
				kl, _ := klEstimate(a.o.KL.Estimator, float64(smp.LogProbs[t])-float64(smp.RefLogProbs[t]))
				r[t] = -a.klCoef * kl
				nonScore[i] += r[t]
			}
		}
		r[len(r)-1] += smp.Reward
		rewards[i] = r
	}
	return rewards, nonScore
}

// advantages returns A = GAE and returns = A + V with the value baseline. The
// other baselines are one number per response, taken from its reward: then
// A_t = sum of the rewards from t on, discounted, less the baseline, and
// lambda is not used. Those of replayed samples
// are their imitation, token by token. [N][T]
func (a *ppo) advantages(b *Batch, kept []int, rewards [][]float64) (adv, returns [][]float64) {
	adv, returns = make([][]float64, len(b.Samples)), make([][]float64, len(b.Samples))
	baseline := a.baseline(b, kept)
	if a.o.ScaleRewards == "mean" {
		a.scale(b, kept, rewards, baseline)
	}
	for _, i := range slices.Concat(kept, b.replayed()) {
		n := len(rewards[i])
		adv[i], returns[i] = make([]float64, n), make([]float64, n)
		values := make([]float64, n)
		if a.o.Baseline != "value" {
			rewards[i][n-1] -= baseline[i]
			gae(rewards[i], values, a.o.Gamma, 1, adv[i])
			continue
		}
		for t, v := range b.Samples[i].Values {
			values[t] = float64(v)
		}
		gae(rewards[i], values, a.o.Gamma, a.o.Lambda, adv[i])
		for t := range values {
			returns[i][t] = adv[i][t] + values[t]
		}
	}
	for _, i := range b.replayed() {
		for t, x := range adv[i] {
			adv[i][t] = b.Samples[i].imitation(x)
		}
	}
	return adv, returns
}

// baseline is what a response is compared with, when not with the value head.
//
//	group    mean reward of the prompt's other samples; a lone sample has advantage 0
//	history  running mean of the prompt's rewards in earlier rollouts
//	batch    mean reward of all samples: blind to the prompt, kept to show the collapse
//
// A replayed sample is no part of these means; with group it is compared with all fresh
// samples of the prompt, and has advantage 0 where there is none.
//
// [N], zero for the value baseline.
func (a *ppo) baseline(b *Batch, kept []int) []float64 {
	baseline := make([]float64, len(b.Samples))
	score := make([]float64, len(b.Samples))
	for _, i := range kept {
		score[i] = b.Samples[i].Reward
	}
	mean, _ := meanStd(gather(score, kept))
	groups := b.groups(kept)
	for p, group := range groups {
		scores := gather(score, group)
		loo := leaveOneOut(scores)
		for k, i := range group {
			switch a.o.Baseline {
			case "group":
				baseline[i] = loo[k]
			case "history":
				baseline[i] = a.history.baseline(b.PromptID[p], mean)
			case "batch":
				baseline[i] = mean
			}
		}
	}
	for _, i := range b.replayed() {
		p := b.Samples[i].Prompt
		switch a.o.Baseline {
		case "group":
			baseline[i] = b.Samples[i].Reward
			if len(groups[p]) > 0 {
				baseline[i], _ = meanStd(gather(score, groups[p]))
			}
		case "history":
			baseline[i] = a.history.baseline(b.PromptID[p], mean)
		case "batch":
			baseline[i] = mean
		}
	}
	if a.o.Baseline == "history" {
		a.observe(b, kept, score, mean)
	}
	return baseline
}

// scale divides what the scores are above their baselines by the meanScale of their
// prompt; what rewards have beside the score stays.
func (a *ppo) scale(b *Batch, kept []int, rewards [][]float64, baseline []float64) {
	groups := b.groups(kept)
	for _, i := range slices.Concat(kept, b.replayed()) {
		smp := &b.Samples[i]
		if group := groups[smp.Prompt]; len(group) > 0 {
			above := smp.Reward - baseline[i]
			rewards[i][len(rewards[i])-1] += above/meanScale(b.scores(group)) - above
		}
	}
}

// loss is the loss of one minibatch, its gradient and its metrics:
//
//	L = pgLoss + vfCoef*vfLoss + klCoef*kl (place: loss) - entropyCoef*entropy
//
// Of a replayed sample pgLoss alone has a term, beside the mean over the fresh ones.
func (a *ppo) loss(b *Batch, mb []int, adv, returns [][]float64, e Eval, policyWeight float64) (Grad, Metrics) {
	o := a.o
	n := b.tokens(mb)
	perToken := 1 / float64(b.tokens(b.fresh(mb))) // normaliser of every term: mean over the response tokens of the minibatch
	g := Grad{LogProbs: make([]float32, n), Entropy: make([]float32, n)}
	if o.Baseline == "value" {
		g.Values = make([]float32, n)
	}
	var pgLoss, vfLoss, klLoss, entropy, ratios, approxkl, pgClipfrac, vfClipfrac float64
	k := 0
	for _, i := range mb {
		smp := &b.Samples[i]
		others := perToken // of the terms beside pgLoss, and of the metrics
		if smp.Replayed {
			others = 0
		}
		for t := range smp.Tokens {
			// Policy: clipped surrogate (Schulman et al. 2017, equation 7).
			logratio := float64(e.LogProbs[k]) - float64(smp.LogProbs[t])
			ratio := math.Exp(logratio)
			pgLoss1 := -adv[i][t] * ratio
			pgLoss2 := -adv[i][t] * clamp(ratio, 1-o.Cliprange, 1+o.Cliprange)
			pgLoss += max(pgLoss1, pgLoss2) * perToken
			dLogp := 0.0
			if pgLoss1 >= pgLoss2 {
				dLogp = pgLoss1 // d ratio / d logp = ratio
			} else {
				pgClipfrac += others
			}
			ratios += ratio * others
			approxkl += 0.5 * logratio * logratio * others

			// Divergence from the reference.
			if o.KL.Place == "loss" && o.KL.active() && !smp.Replayed {
				kl, dkl := klEstimate(o.KL.Estimator, float64(e.LogProbs[k])-float64(smp.RefLogProbs[t]))
				klLoss += kl * others
				dLogp += a.klCoef * dkl
			}
			g.LogProbs[k] = float32(policyWeight * dLogp * perToken)

			// Entropy bonus.
			entropy += float64(e.Entropy[k]) * others
			g.Entropy[k] = float32(-policyWeight * a.entropyCoef * others)

			// Value: squared error, clipped around the rollout's value.
			if o.Baseline == "value" {
				v, old := float64(e.Values[k]), float64(smp.Values[t])
				vClipped := v
				if o.CliprangeValue > 0 {
					vClipped = clamp(v, old-o.CliprangeValue, old+o.CliprangeValue)
				}
				vfLoss1 := (v - returns[i][t]) * (v - returns[i][t])
				vfLoss2 := (vClipped - returns[i][t]) * (vClipped - returns[i][t])
				vfLoss += 0.5 * max(vfLoss1, vfLoss2) * others
				if vfLoss1 >= vfLoss2 {
					g.Values[k] = float32(o.VfCoef * (v - returns[i][t]) * others)
				} else {
					vfClipfrac += others
				}
			}
			k++
		}
	}
	total := policyWeight*(pgLoss+a.klCoef*klLoss-a.entropyCoef*entropy) + o.VfCoef*vfLoss
	m := Metrics{
		"loss/total_avg": total, "loss/policy_avg": pgLoss, "policy/entropy_avg": entropy,
		"policy/approxkl_avg": approxkl, "policy/clipfrac_avg": pgClipfrac, "val/ratio": ratios,
	}
	if o.Baseline == "value" {
		m["loss/value_avg"], m["val/clipfrac_avg"] = vfLoss, vfClipfrac
	}
	if o.KL.Place == "loss" && o.KL.active() {
		m["loss/kl_avg"] = klLoss
	}
	return g, m
}

func (a *ppo) observe(b *Batch, kept []int, score []float64, mean float64) {
	for p, group := range b.groups(kept) {
		if len(group) > 0 {
			r, _ := meanStd(gather(score, group))
			a.history.observe(b.PromptID[p], r)
		}
	}
	a.history.overall = a.history.advance(a.history.overall, mean)
}

// State implements Algorithm.
func (a *ppo) State() State {
	return State{KLCoef: a.klCoef, EntropyCoef: a.entropyCoef, History: a.history.save(), Overall: a.history.overall}
}

// Restore implements Algorithm.
func (a *ppo) Restore(s State) {
	a.klCoef, a.entropyCoef = s.KLCoef, s.EntropyCoef
	a.history.restore(s.History, s.Overall)
}
