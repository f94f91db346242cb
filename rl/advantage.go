package rl

import (
	"math"
	"slices"
	"strings"
)

// gae writes the generalised advantage estimates of one response (Schulman et
// al. 2016, equation 16) into adv. The state after the last token is worth 0,
// also for a response cut at the length limit. All slices [T].
func gae(rewards, values []float64, gamma, lambda float64, adv []float64) {
	var lastgaelam, nextvalue float64
	for t := len(rewards) - 1; t >= 0; t-- {
		delta := rewards[t] + gamma*nextvalue - values[t]
		lastgaelam = delta + gamma*lambda*lastgaelam
		adv[t] = lastgaelam
		nextvalue = values[t]
	}
}

// whiten centres and scales the advantages of the given samples over all their
// tokens, and returns their deviation before. adv [N][T]. Modes:
//
//	none   as they are
//	mean   a - mean
//	std    (a - mean) / sqrt(var + 1e-8), var with n-1 (TRL)
//	floor  (a - mean) / max(std, floor): once the rewards are nearly equal, std
//	       blows their noise up to full size; floor does not
func whiten(adv [][]float64, samples []int, mode string, floor float64) float64 {
	var all []float64
	for _, i := range samples {
		all = append(all, adv[i]...)
	}
	mean, std := meanStd(all)
	scale := 1.0
	switch mode {
	case "none":
		return std
	case "std":
		scale = math.Sqrt(std*std + 1e-8)
	case "floor":
		scale = max(std, floor)
	}
	for _, i := range samples {
		for t := range adv[i] {
			adv[i][t] = (adv[i][t] - mean) / scale
		}
	}
	return std
}

// meanStd returns mean and standard deviation (n-1). One value has deviation 0.
func meanStd(x []float64) (mean, std float64) {
	for _, v := range x {
		mean += v
	}
	mean /= float64(len(x))
	if len(x) < 2 {
		return mean, 0
	}
	var ss float64
	for _, v := range x {
		ss += (v - mean) * (v - mean)
	}
	return mean, math.Sqrt(ss / float64(len(x)-1))
}

// leaveOneOut returns for each value the mean of the others; a lone value gets
// itself, so that its advantage is 0.
func leaveOneOut(x []float64) []float64 {
	var sum float64
	for _, v := range x {
		sum += v
	}
	baseline := make([]float64, len(x))
	for i, v := range x {
		baseline[i] = v
		if len(x) > 1 {
			baseline[i] = (sum - v) / float64(len(x)-1)
		}
	}
	return baseline
}

// meanScale is what divides the advantages of a prompt in MaxRL (Tajwar et al. 2026,
// "Maximum likelihood reinforcement learning", arXiv 2602.02710): the mean of the
// prompt's rewards [at most G], so that a prompt counts the more the less often it is
// answered right, as in the gradient of log p. It is at least one over their number:
// that is the mean of rewards of 0 and 1 with a single hit, so only other rewards, or
// penalties, are ever held by it.
func meanScale(rewards []float64) float64 {
	mean, _ := meanStd(rewards)
	return max(mean, 1/float64(len(rewards)))
}

// gather picks x[i] for the given indices.
func gather(x []float64, indices []int) []float64 {
	out := make([]float64, len(indices))
	for k, i := range indices {
		out[k] = x[i]
	}
	return out
}

// history holds running means of the rewards per prompt: a baseline that knows
// the prompt and needs only one sample of it. The current rollout is not part
// of its own baseline.
type history struct {
	decay   float64 // weight of the past once 1/(1-decay) rollouts were seen
	prompts map[string]PromptMean
	overall PromptMean
}

func newHistory(decay float64) *history {
	return &history{decay: decay, prompts: map[string]PromptMean{}}
}

// baseline is the running mean of the prompt, else of all prompts, else fallback.
func (h *history) baseline(id string, fallback float64) float64 {
	if m := h.prompts[id]; m.N > 0 {
		return m.Mean
	}
	if h.overall.N > 0 {
		return h.overall.Mean
	}
	return fallback
}

// observe adds the mean reward of a prompt in one rollout.
func (h *history) observe(id string, reward float64) {
	m := h.prompts[id]
	m.ID = id
	h.prompts[id] = h.advance(m, reward)
}

// advance adds one mean reward: the first 1/(1-decay) rollouts are averaged
// plainly, later ones exponentially.
func (h *history) advance(m PromptMean, reward float64) PromptMean {
	m.N++
	m.Mean += (reward - m.Mean) * max(1/float64(m.N), 1-h.decay)
	return m
}

// save lists the means sorted by ID.
func (h *history) save() []PromptMean {
	var list []PromptMean
	for _, m := range h.prompts {
		list = append(list, m)
	}
	slices.SortFunc(list, func(a, b PromptMean) int { return strings.Compare(a.ID, b.ID) })
	return list
}

func (h *history) restore(list []PromptMean, overall PromptMean) {
	clear(h.prompts)
	for _, m := range list {
		h.prompts[m.ID] = m
	}
	h.overall = overall
}
