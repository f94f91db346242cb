package rl

import "math"

// SFTOptions configures learning from the parent's answers (supervised fine-tuning), and
// what of RL with the likelihood of the reference as reward is left where the answer is all
// that is said (VeriFree, Zhou et al. 2025, arXiv 2505.21493; RLPR, Yu et al. 2025, arXiv
// 2506.18254).
type SFTOptions struct {
	Objective      string  `yaml:"objective" oneof:"log_likelihood, likelihood, token_likelihood"` // of the parent's answer: its log-probability, its probability, or the mean probability of its tokens
	NumMinibatches int     `yaml:"num_minibatches" range:"[1, 1000000]"`                           // optimiser steps per rollout
	MaxGradNorm    float64 `yaml:"max_grad_norm" range:"[0, 1000000]"`                             // 0 = no clipping
}

func defaultSFT() SFTOptions {
	return SFTOptions{Objective: "log_likelihood", NumMinibatches: 1, MaxGradNorm: 1}
}

type sft struct {
	stateless
	o SFTOptions
}

// Update makes the parent's answers, which are the samples of the batch, more likely.
func (a sft) Update(p Policy, b *Batch, s Step) (Metrics, error) {
	if err := b.check("sft", Needs{}); err != nil {
		return nil, err
	}
	kept := b.kept()
	m := Metrics{"lr": s.LR, "pgsrm/steps": 0}
	if len(kept) == 0 {
		return m, nil
	}
	return m, descend(p, b, kept, a.loss, passes{1, a.o.NumMinibatches, a.o.MaxGradNorm}, s, m)
}

// loss is the loss of one minibatch, its gradient and its metrics. With p_t the probability
// of token t of answer i and p_i their product:
//
//	log_likelihood    L = -mean over the tokens of log p_t
//	likelihood        L = -mean over the answers of p_i
//	token_likelihood  L = -mean over the answers of the mean over their tokens of p_t
func (a sft) loss(b *Batch, mb []int, e Eval) (Grad, Metrics) {
	n := b.tokens(mb)
	perToken, perAnswer := 1/float64(n), 1/float64(len(mb))
	g := Grad{LogProbs: make([]float32, n)}
	var loss, entropy float64
	for start, k := 0, 0; k < len(mb); k++ {
		logProbs := e.LogProbs[start : start+len(b.Samples[mb[k]].Tokens)]
		var whole float64 // log p_i
		for _, logp := range logProbs {
			whole += float64(logp)
		}
		if a.o.Objective == "likelihood" {
			loss -= math.Exp(whole) * perAnswer
		}
		for t, logp := range logProbs {
			var d float64 // -dL/dlogp
			switch a.o.Objective {
			case "log_likelihood":
				loss -= float64(logp) * perToken
				d = perToken
			case "likelihood":
				d = math.Exp(whole) * perAnswer
			case "token_likelihood":
				d = math.Exp(float64(logp)) * perAnswer / float64(len(logProbs))
				loss -= d
			}
			g.LogProbs[start+t] = float32(-d)
			entropy += float64(e.Entropy[start+t]) * perToken
		}
		start += len(logProbs)
	}
	return g, Metrics{"loss/total_avg": loss, "loss/policy_avg": loss, "policy/entropy_avg": entropy}
}
