package run

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgsrm/lm"
	"pgsrm/reward"
	"pgsrm/rl"
)

// readLook reads what a run has seen of its child.
func readLook(t *testing.T, dir string) Look {
	t.Helper()
	l, ok, err := ReadLook(dir)
	if !ok || err != nil {
		t.Fatal(ok, err)
	}
	return l
}

// A look draws from streams of its own and leaves nothing behind: the run is the
// same to the bit, whatever it trains.
func TestLookLeavesTheRunAsItIs(t *testing.T) {
	for _, set := range [][]string{nil, {"lora.rank=2"}, {"algorithm=grpo", "measure_kl=true"}, {"recompute=true", "algorithm=paper"}} {
		without, with := t.TempDir(), t.TempDir()
		if _, err := Start(t.Context(), testConfig(t, without, set...), testDeps(t)); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(without, lookFile)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%v: a built-in child was looked at: %v", set, err)
		}
		seen := &events{}
		deps := testDeps(t)
		deps.Events = []Subscriber{seen}
		if _, err := Start(t.Context(), testConfig(t, with, append(set, "look=on")...), deps); err != nil {
			t.Fatal(err)
		}
		compareRuns(t, without, with)
		l := readLook(t, with)
		if l.Prompts != 32 || l.Samples != 2 || l.Limit != 5 || l.Scores == nil || len(l.Examples) != lookExamples || l.Cost.EpisodesPerSecond <= 0 || l.Cost.MemoryGB <= 0 {
			t.Errorf("%v: got %+v", set, l)
		}
		first, ok := seen.all[0].(looked)
		if !ok || len(first.Lines) != len(l.Lines()) {
			t.Errorf("%v: the first event must tell the look (got %+v)", set, seen.all[0])
		}
	}
}

// The answers to a prompt are compared with each other, as in training: of two that
// differ one has the higher rank. Alone, every answer had the same, and the look warned of
// a reward without a signal.
func TestLookComparesWithinThePrompt(t *testing.T) {
	dir := t.TempDir()
	if _, err := Start(t.Context(), testConfig(t, dir, "look=on", "reward=rank(chrf)"), testDeps(t)); err != nil {
		t.Fatal(err)
	}
	if l := readLook(t, dir); l.Scores == nil || l.Scores.Flat > 0.9 {
		t.Errorf("got %+v", l.Scores)
	}
}

func TestWhichChildrenAreLookedAt(t *testing.T) {
	for _, c := range []struct {
		look, child string
		want        bool
	}{
		{"auto", "builtin:tiny", false}, {"auto", "./smollm2", true}, {"auto", "hf:a/b", true},
		{"on", "builtin:tiny", true}, {"off", "./smollm2", false},
	} {
		if got := (&Config{Look: c.look, Child: c.child}).looks(); got != c.want {
			t.Errorf("%s of %s: got %v", c.look, c.child, got)
		}
	}
}

// A comparison tells each line once.
func TestComparisonTellsALookOnce(t *testing.T) {
	s := newShared()
	var told []int
	for range 2 {
		seen := &events{}
		deps := testDeps(t)
		deps.Events, deps.shared = []Subscriber{seen}, s
		cfg := testConfig(t, t.TempDir(), "look=on", "episodes=16")
		deps.Clock = func() time.Time { return time.Unix(1, 0) } // else the speeds differ
		if _, err := Start(t.Context(), cfg, deps); err != nil {
			t.Fatal(err)
		}
		told = append(told, len(seen.all[0].(looked).Lines))
	}
	if told[0] < 7 || told[1] != 0 {
		t.Errorf("got %v lines", told)
	}
}

// A child that computes infinities ends before anything is written.
func TestLookFindsNonFiniteNumbers(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	deps := testDeps(t)
	for _, p := range deps.Model.Params() {
		for i := range p.Value {
			p.Value[i] *= 1e30
		}
	}
	_, err := Start(t.Context(), testConfig(t, dir, "look=on"), deps)
	if !errors.Is(err, ErrNonFinite) || !strings.HasPrefix(err.Error(), "look before training: generate: ") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the run directory stays: %v", err)
	}
}

func TestInterruptedLook(t *testing.T) {
	r := openedRun(t, "look=on")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.look(ctx); !errors.Is(err, ErrInterrupted) {
		t.Errorf("got %v", err)
	}
}

// Of a slow child fewer prompts are looked at, and its backward pass is not timed.
func TestLookAtASlowChild(t *testing.T) {
	for seconds, want := range map[float64]int{0.01: 32, 1: 32, 2: 16, 5: 1, 60: 1} {
		r := openedRun(t, "look=on")
		now := time.Unix(0, 0)
		r.clock = func() time.Time {
			now = now.Add(time.Duration(seconds * float64(time.Second)))
			return now
		}
		l, err := r.look(t.Context())
		if err != nil || l.Prompts != want {
			t.Errorf("%v s: got %+v, %v", seconds, l, err)
		}
	}
}

// openedRun is a run of testConfig that was prepared but not begun.
func openedRun(t *testing.T, set ...string) *run {
	t.Helper()
	cfg := testConfig(t, filepath.Join(t.TempDir(), "run"), set...)
	deps := testDeps(t)
	t.Cleanup(ownPool(cfg, &deps))
	deps.Clock = time.Now
	d, err := openDirectory(cfg.Out, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.close() })
	r, err := prepare(t.Context(), cfg, d, deps)
	if err != nil {
		t.Fatal(err)
	}
	r.openPolicy()
	return r
}

func TestLookDescribesAnswers(t *testing.T) {
	gen := func(finish string, entropy ...float32) lm.Generation {
		return lm.Generation{Tokens: make([]int32, len(entropy)), Entropy: entropy, Finish: finish}
	}
	rollout := rl.Rollout{G: 2, Generations: []lm.Generation{gen("length", 1, 2, 3), gen("eos", 0), gen("eos", 2, 2), gen("stop", 1, 1)}}
	var l Look
	l.describe(rollout, []reward.Sample{{Response: "warm "}, {Response: "\n"}, {Response: "cold"}, {Response: "warm"}})
	if l.Cut != 0.25 || l.Empty != 0.25 || l.Tokens != 2 || l.Entropy != 1.5 || l.Common != "warm" || l.Share != 0.5 {
		t.Errorf("got %+v", l)
	}
}

func TestGroupRewards(t *testing.T) {
	failed := reward.Score{Err: errors.New("503")}
	of := func(r float64) reward.Score { return reward.Score{Reward: r} }
	mean, flat := groupRewards([]reward.Score{of(1), of(1), of(0), of(0.5), of(1), failed, failed, failed}, 2, func(i int) float64 {
		if i == 1 {
			return 0.5 // it was cut
		}
		return []float64{1, 1, 0, 0.5, 1}[i]
	})
	if mean != 0.7 || math.Abs(flat-1.0/3) > 1e-15 {
		t.Errorf("got mean %v, flat %v, want 0.7 and 1 of the 3 groups with a reward", mean, flat)
	}
}

// What is quick is timed twice, and the second time counts: memory that is used for the
// first time is slow.
func TestLookTimesTwice(t *testing.T) {
	r := openedRun(t, "look=on")
	now, tick := time.Unix(0, 0), 0.0
	r.clock = func() time.Time {
		now = now.Add(time.Duration(tick * float64(time.Second)))
		tick *= 0.5
		return now
	}
	tick = 0.8
	_, _, times, err := r.lookRollout(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if want := 0.0015625; times.sample != want { // 0.8 s halved with each reading: 1, 4, 16 and 11 prompts, and these again
		t.Errorf("sampling took %v s, want %v", times.sample, want)
	}
	tick = 0.8 // 0.8 and, after a begin, 0.2 the first time
	if err := r.lookUpdate(&times); err != nil {
		t.Fatal(err)
	}
	if times.evaluate != 0.8/32 || times.backward != 0.8/128 {
		t.Errorf("log-probabilities took %v s, gradients %v s, want those of the second time", times.evaluate, times.backward)
	}
	tick = 8
	if err := r.lookUpdate(&times); err != nil {
		t.Fatal(err)
	}
	if times.evaluate != 4 || times.backward != 1 {
		t.Errorf("log-probabilities took %v s, gradients %v s, want those of the only time", times.evaluate, times.backward)
	}
}

// The time of a run is that of its steps and evaluations, from the parts that were
// timed.
func TestLookCost(t *testing.T) {
	r := openedRun(t, "look=on", "measure_kl=false", "ppo.kl.place=none") // 10 steps of 16 samples, 6 evaluations
	rollout, _, err := r.lookSample(t.Context(), r.prompts[:32], 2)
	if err != nil {
		t.Fatal(err)
	}
	times := lookTimes{rollout: rollout, sample: 4, score: 1.0 / 64, evaluate: 1, backward: 8, optimise: 0.5}
	c := r.lookCost(times)
	// 16 of 64 samples: a quarter of 4+1+1, of backward and, as there are two minibatches, of the
	// forward, half of it; two updates
	step := 6.0/4 + 8.0/4 + 4.0/4 + 2*0.5
	if got := 16 / step; math.Abs(c.EpisodesPerSecond-got) > 1e-12 {
		t.Errorf("got %v episodes/s, want %v", c.EpisodesPerSecond, got)
	}
	evaluation := r.evaluationSeconds(times)
	if want := (10*step + 6*evaluation) / 3600; math.Abs(c.Hours-want) > 1e-12 || evaluation <= 0 || evaluation >= 4 {
		t.Errorf("got %v hours, want %v; an evaluation takes %v s", c.Hours, want, evaluation)
	}
	if n := r.model.NumParams(); c.Trained != n || c.MemoryGB <= (16*float64(n)+processBytes)/1e9 {
		t.Errorf("got %+v of %d weights", c, n)
	}
	adapters := openedRun(t, "look=on", "lora.rank=2")
	if c, n := adapters.lookCost(times), adapters.model.NumParams(); c.Trained >= n || c.MemoryGB >= (16*float64(n)+2*processBytes)/1e9 {
		t.Errorf("adapters: got %+v of %d weights", c, n)
	}
}
