package parent

import (
	"context"
	"errors"

	"pgsrm/task"
)

// errNoAnswer is the error of an item for which the parent holds no answer.
var errNoAnswer = errors.New("no answer for this prompt")

// tableParent is the built-in parent: the reference that the task itself carries.
type tableParent struct{}

// Answers returns each item's Reference; an item without one has errNoAnswer.
func (tableParent) Answers(ctx context.Context, items []task.Item) []Result {
	out := make([]Result, len(items))
	for i, it := range items {
		if it.Reference == "" {
			out[i].Err = itemError(it, errNoAnswer)
			continue
		}
		out[i].Answer = it.Reference
	}
	return out
}

// Identity is "builtin".
func (tableParent) Identity() string { return "builtin" }
