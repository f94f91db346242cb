// Package parent asks a parent for the reference answers of prompts.
package parent

import (
	"context"

	"pgsrm/task"
)

// Result is the answer to one prompt, or the error of that prompt alone.
type Result struct {
	Answer string
	Err    error
}

// Parent answers prompts. Answers returns one Result for each item, in order;
// a failed item carries its own error and never an invented answer.
type Parent interface {
	Answers(ctx context.Context, items []task.Item) []Result
	// Identity names the parent in run directories and cache keys.
	Identity() string
}

// Costly is a Parent whose calls take long or cost money: a server, a local
// model. Stack puts the cache before it.
type Costly interface {
	Parent
	// Request is everything that decides the answer to one item beside the
	// parent's Identity: the messages as they are sent, with all parameters.
	Request(it task.Item) string
}
