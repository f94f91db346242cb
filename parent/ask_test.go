package parent

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pgsrm/task"
)

// many are n different items.
func many(n int) []task.Item {
	out := make([]task.Item, n)
	for i := range out {
		out[i] = task.Item{ID: fmt.Sprint(i), Prompt: fmt.Sprintf("what is '%d'?", i), Input: fmt.Sprint(i)}
	}
	return out
}

// failing fails the items from one on.
type failing struct {
	from  int
	err   error
	asked int
}

func (f *failing) Identity() string { return "failing" }

func (f *failing) Answers(_ context.Context, items []task.Item) []Result {
	out := make([]Result, len(items))
	for i := range items {
		if f.asked++; f.asked > f.from {
			out[i].Err = f.err
		}
	}
	return out
}

// It stops after the batch in which too many failed, and what no parent can
// answer is no failure.
func TestAskAllStops(t *testing.T) {
	down := errors.New("refused")
	for _, c := range []struct {
		name  string
		from  int
		err   error
		share float64
		asked int
		want  string
	}{
		{"none fails", 300, down, 0, 300, ""},
		{"all fail", 0, down, 0.5, 64, "parent: calls failed: 64 of 64: refused"},
		{"all may fail", 0, down, 1, 300, ""},
		{"half of the second batch", 96, down, 0.4, 128, "parent: calls failed: 32 of 64: refused"},
		{"just as many as may", 96, down, 0.5, 192, "parent: calls failed: 64 of 64: refused"},
		{"no answer", 0, fmt.Errorf("item: %w", errNoAnswer), 0, 300, ""},
	} {
		p := &failing{from: c.from, err: c.err}
		told := 0
		results, err := AskAll(t.Context(), p, many(300), c.share, func(results []Result) error {
			told = len(results)
			return nil
		})
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != c.want || errors.Is(err, ErrFailing) != (c.want != "") || p.asked != c.asked || len(results) != c.asked || told != c.asked {
			t.Errorf("%s: got %q, %d asked, %d results, %d told", c.name, got, p.asked, len(results), told)
		}
	}
}

func TestAskAllEndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	p := &failing{from: 1000}
	_, err := AskAll(ctx, p, many(300), 0.5, func([]Result) error { cancel(); return nil })
	if !errors.Is(err, context.Canceled) || p.asked != 128 {
		t.Errorf("got %v, %d asked", err, p.asked)
	}
}

// Equal requests count once; the estimate is by the texts.
func TestPlan(t *testing.T) {
	s := newChatServer(t)
	p := s.open(t, func(o *ChatOptions) { o.PriceInput, o.PriceOutput, o.Format = 1, 2, formatText })
	twice := append([]task.Item{{ID: "again", Prompt: items[0].Prompt, Input: "hot", Reference: "cold"}}, items...)
	got, ok := PlanOf(t.Context(), stack(p, Options{}), twice)
	// a system message of 18 bytes and prompts of 25: 4+5 + 4+7 tokens; answers: cold, small, and 60/40 where there is none
	want := Plan{Prompts: 4, Requests: 3, TokensSent: 60, TokensReceived: 1 + 2 + 1, Cost: 68e-6, CostMost: 60e-6 + 3*512e-6}
	if d := cmp.Diff(want, got); d != "" || !ok || s.Requests() != 0 {
		t.Error(d)
	}
	if _, ok := PlanOf(t.Context(), newMemo(tableParent{}), items); ok {
		t.Error("a table takes nothing")
	}
}
