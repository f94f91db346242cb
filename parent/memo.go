package parent

import (
	"context"
	"sync"

	"pgsrm/task"
)

// memo remembers the answers of a parent by item id and prompt, so that each
// item is asked once. Errors are not remembered. It is safe for concurrent use.
type memo struct {
	inner Parent
	mu    sync.Mutex
	known map[memoKey]string
}

type memoKey struct{ id, prompt string }

// newMemo wraps a parent.
func newMemo(p Parent) *memo { return &memo{inner: p, known: map[memoKey]string{}} }

// Answers asks the inner parent only for items without a remembered answer.
func (m *memo) Answers(ctx context.Context, items []task.Item) []Result {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([]Result, len(items))
	var missing []task.Item
	var at []int // place of missing[i] in items
	for i, it := range items {
		if a, ok := m.known[memoKey{it.ID, it.Prompt}]; ok {
			out[i].Answer = a
			continue
		}
		missing, at = append(missing, it), append(at, i)
	}
	if len(missing) == 0 {
		return out
	}
	for i, r := range m.inner.Answers(ctx, missing) {
		out[at[i]] = r
		if r.Err == nil {
			m.known[memoKey{missing[i].ID, missing[i].Prompt}] = r.Answer
		}
	}
	return out
}

// Identity is that of the wrapped parent.
func (m *memo) Identity() string { return m.inner.Identity() }

// Unwrap is the wrapped parent.
func (m *memo) Unwrap() Parent { return m.inner }
