package rl

import (
	"cmp"
	"slices"
)

// RAFTOptions configures RAFT, rejection sampling and likelihood (Dong et al. 2023, "RAFT:
// reward ranked fine-tuning"; in the form of Xiong et al. 2025, "A minimalist approach to LLM
// reasoning", arXiv 2504.11343, section 2).
type RAFTOptions struct {
	Keep           int     `yaml:"keep" range:"[0, 65536]"`              // best answers kept of each prompt; 0 = all that earn the highest reward of their prompt
	Above          float64 `yaml:"above" range:"[-1000000, 1000000]"`    // a kept answer earns more than this
	NumEpochs      int     `yaml:"num_epochs" range:"[1, 1000]"`         // passes over the kept answers
	NumMinibatches int     `yaml:"num_minibatches" range:"[1, 1000000]"` // optimiser steps per pass
	MaxGradNorm    float64 `yaml:"max_grad_norm" range:"[0, 1000000]"`   // 0 = no clipping
}

func defaultRAFT() RAFTOptions { return RAFTOptions{NumEpochs: 1, NumMinibatches: 1, MaxGradNorm: 1} }

type raft struct {
	stateless
	o RAFTOptions
}

// Update ranks the answers to each prompt and makes the best ones more likely. A rollout
// without an answer to keep changes nothing.
func (a raft) Update(p Policy, b *Batch, s Step) (Metrics, error) {
	kept, m, err := b.begin("raft", Needs{}, s)
	if err != nil || len(kept) == 0 {
		return m, err
	}
	m.addRewards(kept, make([]float64, len(b.Samples)))
	best := a.best(b, kept)
	m["pgsrm/chosen"], m["pgsrm/steps"] = float64(len(best)), 0
	if len(best) == 0 {
		return m, nil
	}
	return m, descend(p, b, best, a.loss, passes{a.o.NumEpochs, a.o.NumMinibatches, a.o.MaxGradNorm}, s, m)
}

// best are the answers to keep: of each prompt the Keep with the highest rewards, of equal
// ones those that were drawn first; with Keep 0 all that earn its highest reward. [at most N]
func (a raft) best(b *Batch, kept []int) []int {
	var out []int
	for _, group := range b.groups(kept) {
		if len(group) == 0 {
			continue
		}
		slices.SortStableFunc(group, func(i, j int) int { return cmp.Compare(b.Samples[j].Reward, b.Samples[i].Reward) })
		n, top := min(a.o.Keep, len(group)), b.Samples[group[0]].Reward
		if a.o.Keep == 0 {
			for n < len(group) && b.Samples[group[n]].Reward == top {
				n++
			}
		}
		for _, i := range group[:n] {
			if b.Samples[i].Reward > a.o.Above {
				out = append(out, i)
			}
		}
	}
	slices.Sort(out)
	return out
}

// loss is the loss of one minibatch of kept answers, its gradient and its metrics:
//
//	L = -mean over their tokens of logp
func (a raft) loss(b *Batch, mb []int, e Eval) (Grad, Metrics) {
	n := b.tokens(mb)
	perToken := 1 / float64(n) // normaliser: mean over the tokens of the minibatch
	g := Grad{LogProbs: make([]float32, n)}
	var loss, entropy float64
	for k := range n {
		loss -= float64(e.LogProbs[k]) * perToken
		entropy += float64(e.Entropy[k]) * perToken
		g.LogProbs[k] = float32(-perToken)
	}
	return g, Metrics{"loss/total_avg": loss, "loss/policy_avg": loss, "policy/entropy_avg": entropy}
}
