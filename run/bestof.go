package run

import (
	"context"
	"fmt"
	"math/rand/v2"

	"pgsrm/lm"
	"pgsrm/reward"
)

// bestOf draws n answers to each prompt, as a step of training draws them, and picks the one
// that the reward prefers, of equal ones the first. The reward knows the parent's answer,
// so that this is what the child can say, not what it would be heard to say. [len(prompts)]
func (r *run) bestOf(ctx context.Context, prompts []prompt, n int) ([]reward.Sample, []lm.Generation, error) {
	var answers []reward.Sample
	var gens []lm.Generation
	at := max(1, r.cfg.EpisodesPerStep()/n) // prompts at a time: no more memory than a step
	for from := 0; from < len(prompts); from += at {
		if ctx.Err() != nil {
			return nil, nil, fmt.Errorf("step %d: %w", r.done, ErrInterrupted)
		}
		some := prompts[from:min(from+at, len(prompts))]
		rollout, err := r.sample(some, n, func(p, g int) *rand.Rand {
			return stream(r.cfg.Seed, forBestOf, some[p].index, g)
		})
		if err != nil {
			return nil, nil, fmt.Errorf("step %d: evaluation: %w", r.done, err)
		}
		texts := r.texts(some, rollout)
		scores, penalties := r.scorer.Score(ctx, texts), r.penalties(rollout.Generations, texts)
		for p := range some {
			best := bestOfGroup(scores[p*n:(p+1)*n], penalties[p*n:(p+1)*n]) + p*n
			text := texts[best]
			text.Group = len(answers) + 1
			answers, gens = append(answers, text), append(gens, rollout.Generations[best])
		}
	}
	return answers, gens, nil
}

// bestOfGroup is the place of the answer with the highest reward less its penalty; answers
// without a reward count only where all are.
func bestOfGroup(scores []reward.Score, penalties []float64) int {
	best := -1
	for i, s := range scores {
		if s.Err == nil && (best < 0 || s.Reward-penalties[i] > scores[best].Reward-penalties[best]) {
			best = i
		}
	}
	return max(0, best)
}
