// Package parent asks a parent for the reference answers of prompts. A prompt has
// an answer or an error of its own, never an invented answer.
//
//	parent.go       Parent, costly; open.go: what a spec names, and the wrappers, put on in one place
//	table.go        the task's own references; file.go: answers in a file
//	chat.go         a chat server, asked through package completions; chatoptions.go: its section
//	local.go        a model folder on the project's engine
//	refused.go      what is no answer; constant.go: a model that gives one answer to all prompts
//	ask.go          all items, batch by batch, until too many calls fail; what that will take
//	cached.go       memory and cache before a costly parent; memo.go: memory alone
//	counts.go       what was asked and what it cost
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

// costly is a Parent whose calls take long or cost money: a server, a local
// model. stack puts the cache before it.
type costly interface {
	Parent
	// Request is everything that decides the answer to one item beside the
	// parent's Identity: the messages as they are sent, with all parameters.
	Request(it task.Item) string
}
