package run

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgsrm/reward"
)

// rivals are settings of the arms that do not weigh all answers of a rollout.
func rivals() map[string][]string {
	return map[string][]string{
		"raft":       {"algorithm=raft", "raft.keep=1", "raft.num_minibatches=2", "raft.num_epochs=2"},
		"sft":        {"algorithm=sft", "sft.num_minibatches=2"},
		"likelihood": {"algorithm=sft", "sft.objective=token_likelihood"},
		"best-of-n":  {"algorithm=none", "eval_best_of=3"},
	}
}

func TestRivalsResumeToTheSameBits(t *testing.T) {
	for name, set := range rivals() {
		t.Run(name, func(t *testing.T) { resumesToTheSameBits(t, testDeps, set...) })
	}
}

// resumesToTheSameBits interrupts a run after some of its steps, resumes it on another number
// of threads, and compares with one that was left alone.
func resumesToTheSameBits(t *testing.T, deps func(testing.TB) Deps, set ...string) {
	t.Helper()
	straight := t.TempDir()
	if _, err := Start(t.Context(), testConfig(t, straight, set...), deps(t)); err != nil {
		t.Fatal(err)
	}
	steps := []int{0, 4, 9}
	if testing.Short() { // the race detector has seen all of it after one
		steps = steps[1:2]
	}
	for _, step := range steps {
		dir, d := t.TempDir(), deps(t)
		ctx, cancel := context.WithCancel(t.Context())
		d.Events = []Subscriber{stopAt{step, cancel}}
		if _, err := Start(ctx, testConfig(t, dir, set...), d); !errors.Is(err, ErrInterrupted) {
			t.Fatalf("interrupted at %d: got %v", step, err)
		}
		res, err := Resume(t.Context(), testConfig(t, dir, append(slices.Clone(set), "threads=2")...), deps(t))
		if err != nil || !res.Complete {
			t.Fatalf("resumed from %d: %+v, %v", step, res, err)
		}
		compareRuns(t, straight, dir)
	}
}

// metricsOf trains and returns the metrics of each step, evaluations apart.
func metricsOf(t *testing.T, set ...string) (steps []map[string]float64, evaluations []map[string]float64) {
	t.Helper()
	seen := &events{}
	deps := testDeps(t)
	deps.Events = []Subscriber{seen}
	if _, err := Start(t.Context(), testConfig(t, t.TempDir(), set...), deps); err != nil {
		t.Fatal(err)
	}
	for _, e := range seen.all {
		if m, ok := e.(Metrics); ok && m.Values["eval/train/n"] > 0 {
			evaluations = append(evaluations, m.Values)
		} else if ok {
			steps = append(steps, m.Values)
		}
	}
	return steps, evaluations
}

// With each arm of its own come as many steps and episodes; what is reported has a formula,
// and what is learned is learned.
func TestRivalsLearn(t *testing.T) {
	more := []string{"episodes=640", "schedule.lr=0.01"}
	sft, _ := metricsOf(t, append(more, "algorithm=sft")...)
	if first, last := sft[0]["loss/policy_avg"], sft[len(sft)-1]["loss/policy_avg"]; len(sft) != 40 || !(last < first/2) {
		t.Errorf("sft: %d steps, the loss goes from %v to %v", len(sft), first, last)
	}
	if _, drew := sft[0]["reward"]; drew || sft[1]["reward"] == 0 || sft[1]["objective/entropy"] == 0 {
		t.Errorf("sft must draw answers at evaluated steps alone: got %v, %v", sft[0], sft[1])
	}
	if kl := sft[39]["objective/kl"]; !(kl > 0.1) {
		t.Errorf("sft: the divergence from the start child is %v", kl)
	}
	none, evals := metricsOf(t, "algorithm=none", "eval_best_of=8", "measure_kl=true")
	for i, m := range none {
		if kl, known := m["objective/kl"]; known && math.Abs(kl) > 1e-6 {
			t.Errorf("step %d: a child that is not trained diverges by %v", i+1, kl)
		}
	}
	_, plain := metricsOf(t, "algorithm=none", "episodes=16")
	if best := evals[0]["eval/train/reward"]; !(best > plain[0]["eval/train/reward"]) || len(none) != 10 {
		t.Errorf("the best of 8 earns %v, the greedy answer %v", best, plain[0]["eval/train/reward"])
	}
}

func TestBestOfGroup(t *testing.T) {
	gone := errors.New("gone")
	for _, c := range []struct {
		scores    []reward.Score
		penalties []float64
		want      int
	}{
		{[]reward.Score{{Reward: 0.1}, {Reward: 0.5}, {Reward: 0.5}}, []float64{0, 0, 0}, 1},
		{[]reward.Score{{Reward: 0.1}, {Reward: 0.5}, {Reward: 0.4}}, []float64{0, 0.3, 0}, 2},
		{[]reward.Score{{Err: gone}, {Reward: -1}, {Err: gone}}, []float64{0, 0, 0}, 1},
		{[]reward.Score{{Err: gone}, {Err: gone}}, []float64{0, 0}, 0},
	} {
		if got := bestOfGroup(c.scores, c.penalties); got != c.want {
			t.Errorf("%v: got %d, want %d", c.scores, got, c.want)
		}
	}
}

// What an arm cannot have is one line.
func TestRivalsRefuse(t *testing.T) {
	for want, set := range map[string]string{
		"replay.per_prompt: must be 0 with the algorithm raft": "algorithm=raft",
		"replay.per_prompt: must be 0 with the algorithm sft":  "algorithm=sft",
		"replay.per_prompt: must be 0 with the algorithm none": "algorithm=none",
	} {
		c := Default()
		c.Algorithm = strings.TrimPrefix(set, "algorithm=")
		if err := c.Validate(); err == nil || err.Error() != want+fmt.Sprintf(" (got %d)", c.Replay.PerPrompt) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	deps := testDeps(t)
	deps.Model.Config.EOS = -1
	if _, err := Start(t.Context(), testConfig(t, t.TempDir(), "algorithm=sft"), deps); !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), "must have an end token") {
		t.Errorf("got %v", err)
	}
}
