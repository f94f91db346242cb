package reward

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"pgsrm/embed"
	"pgsrm/stats"
)

// BestConstant is the one answer that earns most when it is given to every prompt.
type BestConstant struct {
	Answer         string  `json:"answer"`
	Reward         float64 `json:"reward"`           // mean over the prompts
	ShareOfCorrect float64 `json:"share_of_correct"` // of the mean reward of the references themselves
	Correct        float64 `json:"-"`                // that mean
}

// bestConstant tries every parent answer and the most frequent English words as
// the answer to all prompts.
func bestConstant(ctx context.Context, samples []Sample, m *Model, cal *Calibration) (BestConstant, error) {
	answers, most := cal.Answers, probeWords
	if len(m.own) > 0 {
		answers, most = spread(answers, ownConstants), ownConstants
	}
	words, err := frequentWords(most)
	if err != nil {
		return BestConstant{}, err
	}
	best, err := m.BestConstant(ctx, samples, slices.Concat(answers, words))
	if err != nil {
		return best, fmt.Errorf("reward: probe: no reference could be scored: %w", err)
	}
	return best, nil
}

// BestConstant finds the candidate that earns most as the answer to all samples,
// whatever their responses are, and compares it with what their references earn.
// Candidates are answers, not responses to find one in. It is an error where no
// reference could be scored.
func (m *Model) BestConstant(ctx context.Context, samples []Sample, candidates []string) (BestConstant, error) {
	ofAnswers := *m
	ofAnswers.match = m.match.OfAnswers()
	samples = slices.Clone(samples)
	for i, s := range samples {
		samples[i].Reference = m.match.Text(m.match.Reference(s.Reference))
		samples[i].Response = samples[i].Reference
	}
	var best BestConstant
	var err error
	if best.Correct, err = meanReward(ofAnswers.Score(ctx, samples)); err != nil {
		return best, err
	}
	best.Reward = math.Inf(-1)
	for some := range slices.Chunk(candidates, max(1, constantLot/max(1, len(samples)))) {
		scores := ofAnswers.Score(ctx, constants(samples, some))
		if failed := failures(scores); len(m.own) > 0 && failed == len(scores) { // they would go on to fail
			return best, scores[0].Err
		}
		for k, c := range some {
			if x, err := meanReward(scores[k*len(samples):][:len(samples)]); err == nil && x > best.Reward {
				best.Answer, best.Reward = c, x
			}
		}
	}
	if best.Correct > 0 {
		best.ShareOfCorrect = best.Reward / best.Correct
	}
	return best, nil
}

// constantTried is what the best constant answer earns prompt by prompt, where it is right
// too.
func (m *Model) constantTried(ctx context.Context, samples []Sample, best BestConstant) Tried {
	ofAnswers := *m
	ofAnswers.match = m.match.OfAnswers()
	t := Tried{Kind: kindConstant, Example: best.Answer, Reward: best.Reward, ShareOfCorrect: best.ShareOfCorrect}
	correct, scores := ofAnswers.Score(ctx, samples), ofAnswers.Score(ctx, constants(samples, []string{best.Answer}))
	var x, y []float64
	for i, s := range scores {
		if s.Err == nil && correct[i].Err == nil {
			x, y = append(x, s.Reward), append(y, correct[i].Reward)
		}
	}
	if t.Prompts = len(x); t.Prompts > 0 {
		t.CI95 = stats.RatioOfMeans(x, y).CI95
	}
	return t
}

// constantLot is about how many answers are scored at once while constant ones are tried.
const constantLot = 1024

// constants are the samples with each of the candidates as the answer to all.
func constants(samples []Sample, candidates []string) []Sample {
	out := make([]Sample, 0, len(candidates)*len(samples))
	for _, c := range candidates {
		for _, s := range samples {
			s.Response = c
			out = append(out, s)
		}
	}
	return out
}

// failures counts the samples without a reward.
func failures(scores []Score) (n int) {
	for _, s := range scores {
		if s.Err != nil {
			n++
		}
	}
	return n
}

// meanReward is the mean over the samples that did not fail; an error where all did.
func meanReward(scores []Score) (float64, error) {
	var sum float64
	n := 0
	var failed error
	for _, s := range scores {
		if s.Err != nil {
			failed = s.Err
			continue
		}
		sum, n = sum+s.Reward, n+1
	}
	if n == 0 {
		return 0, failed
	}
	return sum / float64(n), nil
}

// frequentWords are the first n whole words of three letters or more in the
// vocabulary of the embedded static embedder, which is sorted by frequency.
func frequentWords(n int) ([]string, error) {
	s, err := embed.Builtin()
	if err != nil {
		return nil, err
	}
	var out []string
	for _, token := range s.Tokens() {
		if len(token) >= 3 && strings.Trim(token, "abcdefghijklmnopqrstuvwxyz") == "" && len(out) < n {
			out = append(out, token)
		}
	}
	return out, nil
}
