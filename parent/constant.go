package parent

import (
	"fmt"
	"strings"

	"pgsrm/remote/completions"
	"pgsrm/task"
)

// When a parent is taken to give one answer whatever it is asked. Where references
// say that the prompts have different answers, a few prompts show it; where nothing
// does, a real parent may answer many prompts of a lopsided task alike, so that it
// takes more of them, all asked, and not one answer that differs.
const (
	constantLeast      = 8  // different prompts, with references
	constantOthers     = 20 // of which one in so many may be answered otherwise; 3/4 of the references may be the same
	constantLeastBlind = 32 // different prompts, without references

	constantEarly = 1024 // results up to which each batch is looked at, and then all at the end
)

// constantError is a model that gives one answer to different prompts: it does not
// answer them. It is ErrFailing.
type constantError struct {
	Parent  string // identity
	Answer  string
	Same, N int // prompts with that answer, and all that were answered
}

// Error is one line.
func (e *constantError) Error() string {
	return fmt.Sprintf("parent: %s gives one answer to %d of %d different prompts (%q): it does not answer them; a larger model, another chat.system or chat.format may",
		e.Parent, e.Same, e.N, completions.Refused(noText, e.Answer, "").Answer)
}

// Is says that the error is ErrFailing.
func (e *constantError) Is(target error) bool { return target == ErrFailing }

// constant reports a costly parent that gives one answer to the items; all says
// that no more will be asked.
func constant(p Parent, items []task.Item, results []Result, all bool) error {
	if !isCostly(p) {
		return nil // a table has the answers that somebody wrote
	}
	answers := map[string]int{}
	references := map[string]int{}
	known := 0 // prompts with a reference
	seen := map[string]bool{}
	for i, r := range results {
		if r.Err != nil || seen[items[i].Prompt] {
			continue
		}
		seen[items[i].Prompt] = true
		answers[fold(r.Answer)]++
		if ref := items[i].Reference; ref != "" {
			references[fold(ref)]++
			known++
		}
	}
	n := len(seen)
	answer, same := mostOf(answers)
	_, alike := mostOf(references)
	switch {
	case known >= constantLeast && n < 2*known && same >= n-n/constantOthers && 4*alike <= 3*known,
		known == 0 && all && n >= constantLeastBlind && same == n:
		return &constantError{Parent: p.Identity(), Answer: answer, Same: same, N: n}
	}
	return nil
}

// isCostly says whether a parent, or the one that it wraps, is a model.
func isCostly(p Parent) bool {
	for p != nil {
		if _, ok := p.(costly); ok {
			return true
		}
		wrapper, ok := p.(interface{ Unwrap() Parent })
		if !ok {
			return false
		}
		p = wrapper.Unwrap()
	}
	return false
}

// fold makes answers alike that differ in case and space alone.
func fold(answer string) string {
	return strings.Join(strings.Fields(strings.ToLower(answer)), " ")
}

// mostOf is the text that occurs most often; of several the first in order.
func mostOf(counts map[string]int) (text string, n int) {
	for t, k := range counts {
		if k > n || k == n && t < text {
			text, n = t, k
		}
	}
	return text, n
}
