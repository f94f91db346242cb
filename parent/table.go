package parent

import (
	"context"
	"errors"

	"pgsrm/task"
)

// ErrNoAnswer is the error of an item for which the parent holds no answer.
var ErrNoAnswer = errors.New("no answer for this prompt")

// Table is the built-in parent: the reference that the task itself carries.
type Table struct{}

// Answers returns each item's Reference; an item without one has ErrNoAnswer.
func (Table) Answers(ctx context.Context, items []task.Item) []Result {
	out := make([]Result, len(items))
	for i, it := range items {
		if it.Reference == "" {
			out[i].Err = itemError(it, ErrNoAnswer)
			continue
		}
		out[i].Answer = it.Reference
	}
	return out
}

// Identity is "builtin".
func (Table) Identity() string { return "builtin" }
