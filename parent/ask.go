package parent

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"pgsrm/remote/completions"
	"pgsrm/task"
)

// ErrFailing is the error of a parent of which too many calls failed.
var ErrFailing = errors.New("parent: calls failed")

// leastBatch is how many items are asked about at least between two looks at how
// many failed; answers are in the cache after each. More where the parent takes
// many at once.
const leastBatch = 64

// batchOf is the number of items of a batch: enough to keep the parent busy.
func batchOf(p Parent) int {
	for p != nil {
		if c, ok := p.(*Chat); ok {
			return max(leastBatch, 8*c.opt.Server.Concurrency)
		}
		wrapper, ok := p.(interface{ Unwrap() Parent })
		if !ok {
			break
		}
		p = wrapper.Unwrap()
	}
	return leastBatch
}

// AskAll asks about all items, batch by batch, and calls done with the results
// so far. It stops with ErrFailing where more than the share maxFailed of a batch
// failed: a server that is gone is not asked ten thousand times. Items for which
// the parent simply has no answer do not count. A model that gives one answer to
// all prompts fails as well. [len(items)]
func AskAll(ctx context.Context, p Parent, items []task.Item, maxFailed float64, done func(results []Result) error) ([]Result, error) {
	var all []Result
	batch := batchOf(p)
	for lo := 0; lo < len(items); lo += batch {
		results := p.Answers(ctx, items[lo:min(lo+batch, len(items))])
		if ctx.Err() != nil {
			return all, ctx.Err()
		}
		all = append(all, results...)
		if err := done(all); err != nil {
			return all, err
		}
		if failed, first := failedCalls(results); float64(failed) > maxFailed*float64(len(results)) {
			return all, fmt.Errorf("%w: %d of %d: %w", ErrFailing, failed, len(results), first)
		}
		if end := len(all) == len(items); end || len(all) <= constantEarly {
			if err := constant(p, items, all, end); err != nil {
				return all, err
			}
		}
	}
	return all, nil
}

// failedCalls counts the results of calls that failed; first is the error of the
// first of them.
func failedCalls(results []Result) (n int, first error) {
	for _, r := range results {
		if r.Err != nil && !errors.Is(r.Err, errNoAnswer) {
			n++
			first = cmp.Or(first, r.Err)
		}
	}
	return n, first
}

// Plan is what asking about some items will take. Tokens and cost are estimates:
// the tokenizer of the parent is not at hand.
type Plan struct {
	Prompts        int     `json:"prompts"`
	Requests       int     `json:"requests"` // different ones
	Known          int     `json:"known"`    // of them, answered by the cache
	TokensSent     int64   `json:"tokens_sent"`
	TokensReceived int64   `json:"tokens_received"`
	Cost           float64 `json:"cost"`      // by the prices of the configuration
	CostMost       float64 `json:"cost_most"` // if every answer is as long as may be
}

// estimator is a costly parent that knows what a request will take.
type estimator interface {
	costly
	// estimate adds the items to the plan.
	estimate(items []task.Item, plan *Plan)
}

// PlanOf says what asking about items will take; ok is false for a parent that
// costs nothing.
func PlanOf(ctx context.Context, p Parent, items []task.Item) (plan Plan, ok bool) {
	c, ok := p.(*cached)
	if !ok {
		return Plan{Prompts: len(items)}, false
	}
	plan.Prompts = len(items)
	seen := map[string]bool{}
	var different []task.Item
	var requests []string
	for _, it := range items {
		if request := c.inner.Request(it); !seen[request] {
			seen[request] = true
			different, requests = append(different, it), append(requests, request)
		}
	}
	plan.Requests = len(different)
	var unknown []task.Item
	for i, known := range c.known(ctx, requests) {
		if known {
			plan.Known++
		} else {
			unknown = append(unknown, different[i])
		}
	}
	if e, ok := c.inner.(estimator); ok {
		e.estimate(unknown, &plan)
	}
	return plan, true
}

// estimate counts a token for four bytes of a text; an answer is taken to be as
// long as the reference, or where there is none a tenth of the longest.
func (c *Chat) estimate(items []task.Item, plan *Plan) {
	wrapping := 0
	if c.opt.Format != formatText {
		wrapping = 8 // {"OUTPUT": "..."}
	}
	for _, it := range items {
		answer := max(1, (len(it.Reference)+3)/4)
		if it.Reference == "" {
			answer = max(1, c.limit/40)
		}
		plan.TokensSent += int64(completions.EstimateTokens(c.messages(it)))
		plan.TokensReceived += int64(answer + wrapping)
	}
	plan.Cost = c.opt.client().Cost(plan.TokensSent, plan.TokensReceived)
	plan.CostMost = c.opt.client().Cost(plan.TokensSent, int64(len(items)*c.opt.MaxTokens))
}
