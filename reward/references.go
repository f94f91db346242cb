package reward

import (
	"errors"

	"pgsrm/task"
)

// References are what a task and its parent say of prompts, for answers that come from
// outside a run. They are read-only; a nil References knows nothing.
type References struct {
	items   map[string]task.Item // by prompt
	answers map[string]string    // of the parent, by item id
	match   *task.Matcher
}

// NewReferences takes the prompts of a task; answers maps item ids to the parent's
// answers, match says when two answers agree.
func NewReferences(t *task.Task, answers map[string]string, match *task.Matcher) *References {
	r := &References{items: make(map[string]task.Item, len(t.Items)), answers: answers, match: match}
	for _, it := range t.Items {
		r.items[it.Prompt] = it
	}
	return r
}

// ErrNoReference is the error of a sample that nothing can be compared with.
var ErrNoReference = errors.New("reference: the line must give one, since the parent has no answer to this prompt")

// Fill completes a sample of which Prompt and Response are known: its input, the
// reference, which is given or else the parent's answer to the prompt, and the further
// answers that the task accepts beside a reference that agrees with its own.
func (r *References) Fill(s *Sample, given *string) error {
	var it task.Item
	var known bool
	if r != nil {
		it, known = r.items[s.Prompt]
	}
	s.Input = it.Input
	switch {
	case given != nil:
		s.Reference = *given
	case known && r.answers[it.ID] != "":
		s.Reference = r.answers[it.ID]
	default:
		return ErrNoReference
	}
	truth := it.Reference
	if truth == "" && known {
		truth = r.answers[it.ID]
	}
	if known && r.match.Agree(s.Reference, truth, it.Accepted) {
		s.Accepted = it.Accepted
	}
	return nil
}
