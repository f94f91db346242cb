package custom

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// Scorer gives rewards of the user's own. Score returns one Result for each sample, in
// their order: a reward, or the error of that sample alone, which is then dropped and
// counted. It returns soon after the context ends. A comparison may call it from several
// runs at once.
//
// A run can be resumed to the same bits only if a reward depends on nothing but the
// samples of its call: no clock, no random numbers without a seed, no memory of earlier
// calls. Samples come in the order in which they were drawn, answers to one prompt one
// after the other; answers that say nothing are not among them. A step is one call for a
// Scorer in Go, and as many batches as it takes for a process or a server.
type Scorer interface {
	Score(ctx context.Context, samples []Sample) []Result
}

// Sample is one answer to score.
type Sample struct {
	Prompt    string          `json:"prompt"`    // the whole prompt
	Response  string          `json:"response"`  // the child's text as it is, special tokens removed
	Reference string          `json:"reference"` // the parent's answer
	Columns   json.RawMessage `json:"columns"`   // object of the further columns of the prompt's line; nil = none
}

// Result is the reward of one sample, or why it has none.
type Result struct {
	Reward float64
	Err    error
}

// Limit bounds rewards: they lie between -Limit and Limit.
const Limit = 1000

// ErrNone is the error of a sample for which a function has no reward.
var ErrNone = errors.New("the function gave no reward (null)")

// ErrUnanswered is every error of a batch that a process or a server did not answer: its
// samples may have rewards when they are asked for again.
var ErrUnanswered = errors.New("no answer")

// unanswered is an error that is ErrUnanswered; its text is its own.
type unanswered struct{ error }

func (unanswered) Is(target error) bool { return target == ErrUnanswered }
func (e unanswered) Unwrap() error      { return e.error }

// Ask scores samples and checks what comes back: as many results as samples, each of them
// finite and within the limit, or an error.
func Ask(ctx context.Context, s Scorer, samples []Sample) []Result {
	results := s.Score(ctx, samples)
	if len(results) != len(samples) {
		return failAll(len(samples), fmt.Errorf("must give %d results (got %d)", len(samples), len(results)))
	}
	for i, r := range results {
		if r.Err == nil && !(r.Reward >= -Limit && r.Reward <= Limit) { // NaN is neither
			results[i].Err = fmt.Errorf("reward must be between -%d and %d (got %v)", Limit, Limit, r.Reward)
		}
	}
	return results
}

// failAll gives every one of n samples the same error.
func failAll(n int, err error) []Result {
	out := make([]Result, n)
	for i := range out {
		out[i].Err = err
	}
	return out
}
