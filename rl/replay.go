package rl

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"

	"pgsrm/config"
)

// ReplayOptions configures the replay of hits: responses that were right once are
// trained on again (after Oh et al. 2018, "Self-imitation learning", arXiv
// 1806.05635), since where right ones are rare a single gradient does not hold them.
type ReplayOptions struct {
	PerPrompt int     `yaml:"per_prompt" range:"[0, 64]"`        // hits added to the samples of each prompt; 0 = no replay
	Keep      int     `yaml:"keep" range:"[1, 64]"`              // newest hits of each prompt that are remembered
	When      string  `yaml:"when" oneof:"missing, always"`      // missing: only for a prompt without a hit among its fresh samples; or always
	RatioMin  float64 `yaml:"ratio_min" range:"[0, 1000000]"`    // least weight, see weight
	RatioMax  float64 `yaml:"ratio_max" range:"[1e-6, 1000000]"` // largest weight
	Search    int     `yaml:"search" range:"[0, 1024]"`          // answers tried beside for a prompt without a hit, only to find one; 0 = none
}

// DefaultReplay returns the defaults: off.
func DefaultReplay() ReplayOptions {
	return ReplayOptions{Keep: 4, When: "missing", RatioMin: 0.1, RatioMax: 1}
}

// On says whether anything is replayed.
func (o ReplayOptions) On() bool { return o.PerPrompt > 0 }

// Rules reports values that do not go together.
func (o ReplayOptions) Rules() error {
	if o.PerPrompt > o.Keep {
		return &config.Error{Key: "per_prompt", Must: fmt.Sprintf("must be at most keep, %d", o.Keep), Value: fmt.Sprint(o.PerPrompt)}
	}
	if o.Search > 0 && !o.On() {
		return &config.Error{Key: "search", Must: "must be 0 without replay, per_prompt: 0", Value: fmt.Sprint(o.Search)}
	}
	return config.Between("ratio_min", o.RatioMin, 0, o.RatioMax)
}

// weight is the importance ratio of a whole response, within its bounds:
//
//	clamp(exp(sum_t logp_now - sum_t logp_then), ratio_min, ratio_max)
//
// now and then [T] are its log-probabilities under the current weights and under
// those that sampled it.
func (o ReplayOptions) weight(now, then []float32) float64 {
	var logratio float64
	for t := range now {
		logratio += float64(now[t]) - float64(then[t])
	}
	return clamp(math.Exp(logratio), o.RatioMin, o.RatioMax)
}

// Hit is a response that was right, as it was sampled. T is the number of its tokens.
type Hit struct {
	Prompt   string    `json:"prompt"`   // name of its prompt, stable between rollouts
	Tokens   []int32   `json:"tokens"`   // [T], what ended it included
	LogProbs []float32 `json:"logprobs"` // [T] under the weights that said it, whole distribution at the temperature of the rollout
	Reward   float64   `json:"reward"`   // that it earned
}

// Replayed is a hit among the samples of a rollout.
type Replayed struct {
	Hit
	Prompt int // index of its prompt in the rollout, 0..P-1
}

// Memory holds the newest hits of each prompt, each sequence of tokens once.
type Memory struct {
	o    ReplayOptions
	hits map[string][]Hit // by prompt, newest first, at most o.Keep
}

// NewMemory returns a memory without hits.
func NewMemory(o ReplayOptions) *Memory { return &Memory{o: o, hits: map[string][]Hit{}} }

// Add remembers a hit as the newest of its prompt. It takes the place of an older one
// with the same tokens, else of the oldest where there is no room. Without replay
// nothing is remembered.
func (m *Memory) Add(h Hit) {
	if !m.o.On() {
		return
	}
	hits := slices.DeleteFunc(m.hits[h.Prompt], func(old Hit) bool { return slices.Equal(old.Tokens, h.Tokens) })
	hits = slices.Insert(hits, 0, h)
	m.hits[h.Prompt] = hits[:min(len(hits), m.o.Keep)]
}

// Recall returns the hits to replay beside the samples of the named prompts [P], the
// newest ones of each, in the order of the prompts. answered [P] says which prompts
// have a hit among their fresh samples.
func (m *Memory) Recall(prompts []string, answered []bool) []Replayed {
	var out []Replayed
	for p, name := range prompts {
		if answered[p] && m.o.When == "missing" {
			continue
		}
		hits := m.hits[name]
		for _, h := range hits[:min(len(hits), m.o.PerPrompt)] {
			out = append(out, Replayed{h, p})
		}
	}
	return out
}

// Has says whether a hit of the prompt is remembered.
func (m *Memory) Has(prompt string) bool { return len(m.hits[prompt]) > 0 }

// Hits lists all hits, sorted by prompt, those of a prompt newest first.
func (m *Memory) Hits() []Hit {
	var all []Hit
	for _, name := range slices.Sorted(maps.Keys(m.hits)) {
		all = append(all, m.hits[name]...)
	}
	return all
}

// Restore fills an empty memory with what Hits listed, and refuses hits that no
// memory with its options lists.
func (m *Memory) Restore(hits []Hit) error {
	if !slices.IsSortedFunc(hits, func(a, b Hit) int { return cmp.Compare(a.Prompt, b.Prompt) }) {
		return fmt.Errorf("hits must be sorted by prompt")
	}
	for _, h := range hits {
		of := m.hits[h.Prompt]
		switch {
		case len(of) == m.o.Keep:
			return fmt.Errorf("prompt %s must have at most %d hits", h.Prompt, m.o.Keep)
		case slices.ContainsFunc(of, func(other Hit) bool { return slices.Equal(other.Tokens, h.Tokens) }):
			return fmt.Errorf("prompt %s must have each hit once", h.Prompt)
		}
		m.hits[h.Prompt] = append(of, h)
	}
	return nil
}

// imitation is the advantage of a replayed sample, given that of a fresh one that
// earned as much: only what is better than expected is imitated (Oh et al. 2018,
// equation 2), and the less, the less likely it has become.
func (s *Sample) imitation(adv float64) float64 { return max(0, adv) * s.Weight }

// deal deals the fresh samples to minibatches, see minibatches, and the replayed ones
// to these in turn: every minibatch has fresh samples, which its means are over.
func (b *Batch) deal(kept []int, n int, s Step) [][]int {
	parts := minibatches(kept, n, s.RNG)
	for k, i := range b.replayed() {
		part := &parts[k%len(parts)]
		*part = append(slices.Clip(*part), i)
	}
	return parts
}
