package rl

import (
	"maps"
	"math"
	"slices"
)

// Metrics are the numbers of one update by name.
type Metrics map[string]float64

// finite reports the first metric, by name, that is NaN or infinite.
func (m Metrics) finite(s Step) error {
	for _, name := range slices.Sorted(maps.Keys(m)) {
		if !isFinite(m[name]) {
			return &NonFiniteError{Step: s.Index, What: name, Value: m[name]}
		}
	}
	return nil
}

// averages collects the metrics of the minibatches of one update.
type averages struct {
	sum Metrics
	n   int
}

func (a *averages) add(m Metrics) {
	if a.sum == nil {
		a.sum = Metrics{}
	}
	for name, v := range m {
		a.sum[name] += v
	}
	a.n++
}

// into writes the plain mean over the minibatches into m, as TRL does.
func (a *averages) into(m Metrics) {
	for name, v := range a.sum {
		m[name] = v / float64(a.n)
	}
}

// begin is the beginning of every update: the samples of the rollout, checked, and what can be
// said of them. With an error or no samples the update ends here.
func (b *Batch) begin(algorithm string, n Needs, s Step) (kept []int, m Metrics, err error) {
	if err := b.check(algorithm, n); err != nil {
		return nil, nil, err
	}
	kept = b.kept()
	m = b.metrics(kept, s)
	return kept, m, m.finite(s)
}

// metrics is what can be said of a rollout before any update.
func (b *Batch) metrics(kept []int, s Step) Metrics {
	m := Metrics{"lr": s.LR, "pgsrm/dropped": float64(len(b.Samples) - len(kept) - len(b.replayed()))}
	if len(kept) == 0 {
		return m
	}
	var rewards, lengths, entropy []float64
	var klTotal, klTokens float64
	for _, i := range kept {
		smp := &b.Samples[i]
		rewards = append(rewards, smp.Reward)
		lengths = append(lengths, float64(len(smp.Tokens)))
		var h float64
		for _, logp := range smp.LogProbs {
			h -= float64(logp)
		}
		entropy = append(entropy, h)
		for t, ref := range smp.RefLogProbs {
			klTotal += float64(smp.LogProbs[t]) - float64(ref)
			klTokens++
		}
	}
	m["reward"], m["reward_std"] = meanStd(rewards)
	m["completions/mean_length"], _ = meanStd(lengths)
	m["completions/min_length"], m["completions/max_length"] = slices.Min(lengths), slices.Max(lengths)
	m["objective/entropy"], _ = meanStd(entropy)
	if klTokens > 0 {
		m["objective/kl"] = klTotal / float64(len(kept))
		m["pgsrm/kl_token"] = klTotal / klTokens
	}
	if b.G > 1 {
		m["pgsrm/frac_groups_without_signal"] = b.withoutSignal(kept)
	}
	return m
}

// withoutSignal is the share of the prompts with a kept sample whose kept
// samples all earned the same.
func (b *Batch) withoutSignal(kept []int) float64 {
	var flat, all float64
	for _, group := range b.groups(kept) {
		if len(group) == 0 {
			continue
		}
		all++
		lo, hi := math.Inf(1), math.Inf(-1)
		for _, i := range group {
			lo, hi = min(lo, b.Samples[i].Reward), max(hi, b.Samples[i].Reward)
		}
		if hi-lo < 1e-8 {
			flat++
		}
	}
	return flat / all
}

// addRewards adds the parts of the objective; nonScore [N] is the KL part of
// each response's reward.
func (m Metrics) addRewards(kept []int, nonScore []float64) {
	m["objective/scores"] = m["reward"]
	m["objective/non_score_reward"], _ = meanStd(gather(nonScore, kept))
	m["objective/rlhf_reward"] = m["objective/scores"] + m["objective/non_score_reward"]
}

// addExplainedVariance adds 1 - Var(returns - V) / Var(returns) over the
// tokens; it is undefined, and left out, when all returns are equal.
func (m Metrics) addExplainedVariance(b *Batch, kept []int, returns [][]float64) {
	var all, residual []float64
	for _, i := range kept {
		for t, r := range returns[i] {
			all = append(all, r)
			residual = append(residual, r-float64(b.Samples[i].Values[t]))
		}
	}
	_, std := meanStd(all)
	_, rest := meanStd(residual)
	if std > 0 {
		m["pgsrm/explained_variance"] = 1 - rest*rest/(std*std)
	}
}
