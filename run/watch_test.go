package run

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// scripted feeds a watch with values of one metric and returns the steps, from 1,
// at which it spoke.
func scripted(w *watch, metric string, values ...float64) (at []int, texts []string) {
	for i, v := range values {
		if told := w.step(map[string]float64{metric: v}); len(told) > 0 {
			at = append(at, i+1)
			for _, w := range told {
				texts = append(texts, w.Text)
			}
		}
	}
	return at, texts
}

// times is n times the value.
func times(n int, v float64) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = v
	}
	return out
}

// Each symptom is told once it has lasted, and again only after it has gone away.
func TestWatch(t *testing.T) {
	join := func(lists ...[]float64) (out []float64) {
		for _, l := range lists {
			out = append(out, l...)
		}
		return out
	}
	grouped := testConfig(t, t.TempDir(), "algorithm=grpo")
	grouped.Rollout.MaxNewTokens = 7
	single := testConfig(t, t.TempDir())
	const cut, flat, same, entropy = "completions/clipped_ratio", "pgsrm/frac_groups_without_signal", "reward_std", "policy/entropy_avg"
	for _, c := range []struct {
		cfg    Config
		metric string
		values []float64
		want   []int
		text   string
	}{
		{grouped, cut, times(40, 0.8), []int{5}, "80% of the answers or more are cut at the limit of 7 tokens: "},
		{grouped, cut, times(40, 0.79), nil, ""},
		{grouped, cut, join(times(4, 1), times(1, 0.7), times(4, 1)), nil, ""},
		{grouped, cut, join(times(5, 1), times(5, 0.6), times(9, 1)), []int{5}, "missing_eos_penalty"},      // it had not gone
		{grouped, cut, join(times(5, 1), times(1, 0.59), times(9, 1)), []int{5, 11}, "missing_eos_penalty"}, // it had
		{grouped, flat, times(60, 1), []int{20}, "no gradient"},
		{grouped, flat, join(times(19, 1), times(1, 0.99), times(19, 1)), nil, ""},
		{grouped, flat, join(times(20, 1), times(1, 0.99), times(20, 1)), []int{20, 41}, "--reward pgsrm"},
		{grouped, same, times(60, 0), nil, ""}, // the groups say more
		{single, same, times(60, 0), []int{20}, "nothing to learn from"},
		{single, same, times(60, 1e-7), nil, ""},
		{single, flat, times(60, 1), nil, ""}, // no reason to warn without a baseline of the group
		{single, entropy, times(60, 0.01), []int{20}, "sure of every token"},
		{single, entropy, times(60, 0.011), nil, ""},
		{single, entropy, join(times(20, 0), times(5, 0.02), times(20, 0), times(1, 0.021), times(20, 0)), []int{20, 66}, "--lr"},
	} {
		at, texts := scripted(newWatch(c.cfg), c.metric, c.values...)
		if diff := cmp.Diff(c.want, at); diff != "" || len(texts) > 0 && !strings.Contains(texts[0], c.text) {
			t.Errorf("%s %s %v: told at %v (%v), want %v", c.cfg.Algorithm, c.metric, c.values, at, texts, c.want)
		}
	}
}

// A step of which every sample was dropped says nothing of rewards, and ends nothing.
func TestWatchOfDroppedSteps(t *testing.T) {
	w := newWatch(testConfig(t, t.TempDir()))
	for i := range 40 {
		m := map[string]float64{"reward_std": 0}
		if i%2 == 0 {
			m = nil
		}
		if got := w.step(m); (len(got) > 0) != (i == 39) {
			t.Errorf("step %d: got %v", i, got)
		}
	}
}

// The random child of the tests never ends its answers: the run says so once, in the
// terminal and in warnings.jsonl, and a resumed run does not repeat it.
func TestRunWarnsOnceOfCutAnswers(t *testing.T) {
	for _, stop := range []int{100, 3, 7} {
		t.Run(fmt.Sprint(stop), func(t *testing.T) {
			dir, seen := t.TempDir(), &events{}
			ctx, cancel := context.WithCancel(t.Context())
			deps := testDeps(t)
			deps.Events = []Subscriber{seen, stopAt{stop, cancel}}
			_, err := Start(ctx, testConfig(t, dir), deps)
			if errors.Is(err, ErrInterrupted) {
				deps.Events = []Subscriber{seen}
				_, err = Resume(t.Context(), testConfig(t, dir), deps)
			}
			if err != nil {
				t.Fatal(err)
			}
			var kept []Warning
			if torn, err := ReadWarnings(dir, func(w Warning) error { kept = append(kept, w); return nil }); torn || err != nil {
				t.Fatal(torn, err)
			}
			if len(kept) != 1 || kept[0].Step != 5 || !strings.Contains(kept[0].Text, "are cut at the limit of 5 tokens") || seen.warnings() != 1 {
				t.Errorf("got %+v, %d events", kept, seen.warnings())
			}
			text, err := os.ReadFile(filepath.Join(dir, MetricsFile))
			if err != nil || strings.Contains(string(text), "cut at") {
				t.Errorf("metrics.jsonl must not have the warning (%v)", err)
			}
		})
	}
}

// The checkpoints of older runs know no warnings.jsonl; the other files must be
// there.
func TestStateWithoutWarnings(t *testing.T) {
	s := runState{Bytes: map[string]int64{MetricsFile: 1, TimingsFile: 1, CompletionsFile: 1, "events.out.tfevents.1.pgsrm": 1}}
	if err := s.check(0, 1, 1); err != nil {
		t.Error(err)
	}
	delete(s.Bytes, TimingsFile)
	if err := s.check(0, 1, 1); err == nil || err.Error() != "bytes must name 4 files (got 3)" {
		t.Errorf("got %v", err)
	}
	s.Bytes[TimingsFile], s.Bytes[WarningsFile] = 1, 1
	if err := s.check(0, 1, 1); err != nil {
		t.Error(err)
	}
}
