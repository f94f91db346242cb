package reward

import (
	"context"
	"slices"
	"strings"
)

// What a child finds easily and a reward should not pay: its input unchanged, and the
// right answer with something around it. (The third danger, one answer to all prompts,
// is BestConstant's.) Each is measured as a share of what the references of the same
// prompts earn.

// UnchangedInput is what answers earn that are the input of their prompt and nothing
// else. Prompts whose input is a right answer do not count.
type UnchangedInput struct {
	Reward         float64 `json:"reward"`           // mean over the prompts
	ShareOfCorrect float64 `json:"share_of_correct"` // of the mean reward of their references
	Prompts        int     `json:"prompts"`          // that have an input which is no right answer
	HalfPaid       float64 `json:"half_paid"`        // share of them where it earns at least half of what the reference earns
}

// BestPadded is the padding of the right answer that earns most. Answers that are right
// with their padding (quotes or a full stop, where these do not count) are left out.
type BestPadded struct {
	Template       string  `json:"template"`         // X the reference, INPUT the input of the prompt
	Reward         float64 `json:"reward"`           // mean over the prompts
	ShareOfCorrect float64 `json:"share_of_correct"` // of the mean reward of their references
}

// paddings are what language models put around an answer, and what a child that may go on
// to the limit fills the rest with: SmolLM2-135M-Instruct answered `"cold" is the`, `'cold'
// is a`, and with the beginning of its prompt (docs/experiments.md).
var paddings = []string{
	`X X`, `"X"`, `X.`, `X is`, `X is the`, `"X" is`, `"X" is the`, `'X' is a`, `X and`, `X, and the`, `X, X, X`,
	`The answer is X`, `The word "X"`, `INPUT X`, `X INPUT`,
}

// probePadded bounds the prompts whose references are padded: each makes as many new
// texts to embed as there are paddings.
const probePadded = 100

// levelShares is by how much shares differ at least: of equals the first padding is named,
// not that which float32 vectors favour.
const levelShares = 1e-5

// earnings are what some answers earned, beside what the references of the same prompts
// did.
type earnings struct {
	reward, correct float64   // sums
	paid, of        []float64 // [n] what an answer earned, and what its reference did
	n, half         int       // answers; those that earned at least half of their reference
	right           int       // answers that are right, which count in nothing else
	example         string    // the first answer that counts
}

// shares are the means and their ratio; 0 where the references earn nothing.
func (e earnings) shares() (reward, share float64) {
	if e.n == 0 {
		return 0, 0
	}
	if e.correct > 0 {
		share = e.reward / e.correct
	}
	return e.reward / float64(e.n), share
}

// earn scores samples, whose references earned what stands in correct, and sums up those
// that are not right and did not fail.
func (m *Model) earn(ctx context.Context, samples []Sample, correct []Score) earnings {
	var e earnings
	for i, s := range m.Score(ctx, samples) {
		if s.Err != nil || correct[i].Err != nil {
			continue
		}
		if s.Right {
			e.right++
			continue
		}
		if e.n == 0 {
			e.example = samples[i].Response
		}
		e.n++
		e.paid, e.of = append(e.paid, s.Reward), append(e.of, correct[i].Reward)
		e.reward, e.correct = e.reward+s.Reward, e.correct+correct[i].Reward
		if s.Reward > 0 && s.Reward >= correct[i].Reward/2 {
			e.half++
		}
	}
	return e
}

// unchangedInput is what the inputs earn as answers; nil where none could be scored that
// is not right. The responses of samples are their references.
func unchangedInput(ctx context.Context, m *Model, samples []Sample) (*UnchangedInput, Tried) {
	samples = slices.DeleteFunc(slices.Clone(samples), func(s Sample) bool {
		return strings.TrimSpace(s.Input) == "" || m.answers.Exact(s.Input, s.Reference, s.Accepted)
	})
	correct := m.Score(ctx, samples)
	for i, s := range samples {
		samples[i].Response = s.Input
	}
	e := m.earn(ctx, samples, correct)
	if e.n == 0 {
		return nil, Tried{Kind: kindUnchanged}
	}
	u := &UnchangedInput{Prompts: e.n, HalfPaid: float64(e.half) / float64(e.n)}
	u.Reward, u.ShareOfCorrect = e.shares()
	return u, e.tried(kindUnchanged)
}

// bestPadded tries all paddings, as answers that the limit cut; nil where most answers are
// right with every padding, or could not be scored. The responses of samples are their
// references.
func bestPadded(ctx context.Context, m *Model, samples []Sample) (*BestPadded, Tried) {
	samples = spread(samples, probePadded)
	correct := m.Score(ctx, samples)
	var best *BestPadded
	tried := Tried{Kind: kindPadded}
	for _, template := range paddings {
		padded, scores := make([]Sample, 0, len(samples)), make([]Score, 0, len(samples))
		for i, s := range samples {
			input := trim(s.Input)
			if input == "" && strings.Contains(template, "INPUT") {
				continue
			}
			s.Response = strings.NewReplacer("INPUT", input, "X", trim(s.Reference)).Replace(template)
			s.Cut = true
			padded, scores = append(padded, s), append(scores, correct[i])
		}
		e := m.earn(ctx, padded, scores)
		reward, share := e.shares()
		if 2*e.n > len(samples) && (best == nil || share > best.ShareOfCorrect+levelShares) {
			best, tried = &BestPadded{template, reward, share}, e.tried(kindPadded)
		}
	}
	return best, tried
}
