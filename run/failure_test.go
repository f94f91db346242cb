package run

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"pgsrm/kernel"
	"pgsrm/task"
)

// events keeps what a run said.
type events struct{ all []Event }

func (e *events) Event(one Event) error {
	e.all = append(e.all, one)
	return nil
}

func (e *events) warnings() (n int) {
	for _, one := range e.all {
		if _, ok := one.(Warning); ok {
			n++
		}
	}
	return n
}

// everyNth fails one call in n, from a step on.
func everyNth(n int, from *bool) func() bool {
	calls := 0
	return func() bool {
		calls++
		return *from && calls%n == 0
	}
}

// begun sets a switch once a step is done.
type begun struct {
	step int
	on   *bool
}

func (b begun) Event(e Event) error {
	if m, ok := e.(Metrics); ok && m.Step >= b.step {
		*b.on = true
	}
	return nil
}

func TestFewFailuresAreDroppedAndCounted(t *testing.T) {
	dir, on, seen := t.TempDir(), false, &events{}
	deps := testDeps(t)
	deps.Embedder = letters{fail: everyNth(9, &on)}
	deps.Events = []Subscriber{begun{1, &on}, seen}
	res, err := Start(context.Background(), testConfig(t, dir), deps)
	if err != nil {
		t.Fatal(err)
	}
	if res.Dropped == 0 || seen.warnings() == 0 {
		t.Errorf("got %d dropped samples and %d warnings, want some", res.Dropped, seen.warnings())
	}
	text, err := os.ReadFile(filepath.Join(dir, MetricsFile))
	if err != nil || !regexp.MustCompile(`"pgsrm/dropped":[1-9]`).Match(text) {
		t.Errorf("metrics must count dropped samples: %v", err)
	}
}

func TestManyFailuresStopTheRunWithACheckpoint(t *testing.T) {
	dir, on := t.TempDir(), false
	deps := testDeps(t)
	deps.Embedder = letters{fail: everyNth(1, &on)}
	deps.Events = []Subscriber{begun{4, &on}}
	_, err := Start(context.Background(), testConfig(t, dir), deps)
	if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "embeddings server: 503") {
		t.Fatalf("got error %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, checkpointsDir, "00000004", stateFile)); err != nil {
		t.Errorf("checkpoint of the last good step: %v", err)
	}
	straight := t.TempDir()
	if _, err := Start(context.Background(), testConfig(t, straight), testDeps(t)); err != nil {
		t.Fatal(err)
	}
	if _, err := Resume(context.Background(), testConfig(t, dir), testDeps(t)); err != nil {
		t.Fatal(err)
	}
	compareRuns(t, straight, dir)
}

func TestNonFiniteWeightsStopTheRun(t *testing.T) {
	dir, deps := t.TempDir(), testDeps(t)
	cfg := testConfig(t, dir, "checkpoint_every=1")
	cfg.Schedule.LR = 1e30 // more than a configuration may say
	err := startUnchecked(cfg, deps)
	if !errors.Is(err, ErrNonFinite) {
		t.Fatalf("got error %v", err)
	}
	if text := err.Error(); !strings.HasPrefix(text, "step ") || !strings.Contains(text, "last good checkpoint: ") {
		t.Errorf("must name step and checkpoint (got %v)", err)
	}
}

// startUnchecked is Start for a configuration that it refuses.
func startUnchecked(cfg Config, deps Deps) error {
	_, err := inDirectory(cfg.Out, deps, func(d *directory, deps Deps) (Result, error) {
		return start(context.Background(), cfg, d, deps)
	})
	return err
}

func TestSecondProcessFindsTheDirectoryLocked(t *testing.T) {
	dir := t.TempDir()
	d, err := openDirectory(dir, noon)
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	if _, err := Start(context.Background(), testConfig(t, dir), testDeps(t)); !errors.Is(err, ErrLocked) {
		t.Errorf("got error %v", err)
	}
}

func TestDirectoryThatCannotBeMade(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := Start(context.Background(), testConfig(t, filepath.Join(file, "run")), testDeps(t))
	if err == nil || strings.Contains(err.Error(), "\n") || !strings.HasPrefix(err.Error(), "run directory: mkdir "+file) {
		t.Errorf("got error %v", err)
	}
}

// fullDisk fails as the files of a run do when the disk is full.
type fullDisk struct{ step int }

func (f fullDisk) Event(e Event) error {
	if m, ok := e.(Metrics); ok && m.Step == f.step {
		return errors.New("write metrics.jsonl: no space left on device")
	}
	return nil
}

func TestFullDiskLeavesEarlierCheckpoints(t *testing.T) {
	dir, deps := t.TempDir(), testDeps(t)
	deps.Events = []Subscriber{fullDisk{5}}
	_, err := Start(context.Background(), testConfig(t, dir), deps)
	if err == nil || !strings.Contains(err.Error(), "no space left") || strings.Contains(err.Error(), "\n") {
		t.Fatalf("got error %v", err)
	}
	straight := t.TempDir()
	if _, err := Start(context.Background(), testConfig(t, straight), testDeps(t)); err != nil {
		t.Fatal(err)
	}
	if _, err := Resume(context.Background(), testConfig(t, dir), testDeps(t)); err != nil {
		t.Fatal(err)
	}
	compareRuns(t, straight, dir)
}

func TestResumeRefusesWhatTheRunDidNotBeginWith(t *testing.T) {
	dir, deps := t.TempDir(), testDeps(t)
	ctx, cancel := context.WithCancel(context.Background())
	deps.Events = []Subscriber{stopAt{3, cancel}}
	if _, err := Start(ctx, testConfig(t, dir), deps); !errors.Is(err, ErrInterrupted) {
		t.Fatal(err)
	}
	if _, err := Start(context.Background(), testConfig(t, dir), testDeps(t)); !errors.Is(err, ErrConfig) {
		t.Errorf("start over a run: got %v", err)
	}
	_, err := Resume(context.Background(), testConfig(t, dir, "schedule.lr=0.5"), testDeps(t))
	if !errors.Is(err, ErrConfig) || !strings.HasPrefix(err.Error(), "schedule.lr: must be as in ") {
		t.Errorf("another learning rate: got %v", err)
	}
	other := testDeps(t)
	other.Model.Params()[0].Value[0]++
	if _, err := Resume(context.Background(), testConfig(t, dir), other); !errors.Is(err, ErrConfig) || !strings.HasPrefix(err.Error(), "child: ") {
		t.Errorf("another start child: got %v", err)
	}
	state := filepath.Join(dir, checkpointsDir, "00000003", stateFile)
	text, err := os.ReadFile(state)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(state, []byte(strings.Replace(string(text), `"version": 2`, `"version": 9`, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Resume(context.Background(), testConfig(t, dir), testDeps(t)); !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), "version must be 1 to 2 (got 9); no other checkpoint is good") {
		t.Errorf("another version: got %v", err)
	}
}

// A start that fails leaves nothing: neither files nor the folders that it made.
func TestFailedStartLeavesNothing(t *testing.T) {
	parent := t.TempDir()
	for _, dir := range []string{filepath.Join(parent, "runs", "a"), parent} {
		deps := testDeps(t)
		deps.Embedder = letters{fail: func() bool { return true }}
		if _, err := Start(context.Background(), testConfig(t, dir), deps); !errors.Is(err, ErrUnavailable) {
			t.Fatalf("no parent answer has a vector: got error %v", err)
		}
		if got := snapshot(t, parent); len(got) > 0 {
			t.Errorf("%s: left %v", dir, got)
		}
	}
	if _, err := Start(context.Background(), testConfig(t, parent, "episodes=32"), testDeps(t)); err != nil {
		t.Errorf("second attempt: %v", err)
	}
}

// What a start leaves that was killed while it wrote its files is no hindrance, and
// goes.
func TestKilledStartLeavesTheDirectoryFree(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{startMark, EnvironmentFile, answersFile, calibrationFile, "." + ConfigFile + ".tmp-17"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("{}\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, LockFile), []byte(`{"pid":1,"host":"h"}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Start(context.Background(), testConfig(t, dir, "episodes=32", "reward=binary"), testDeps(t)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{startMark, calibrationFile, "." + ConfigFile + ".tmp-17"} { // this reward has no calibration
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			t.Errorf("%s: must be gone", name)
		}
	}
}

// Junk beside the files of a run must not disturb it.
func TestJunkInTheDirectorySurvives(t *testing.T) {
	dir, deps := t.TempDir(), testDeps(t)
	ctx, cancel := context.WithCancel(context.Background())
	deps.Events = []Subscriber{stopAt{4, cancel}}
	if _, err := Start(ctx, testConfig(t, dir), deps); !errors.Is(err, ErrInterrupted) {
		t.Fatal(err)
	}
	for _, name := range []string{"notes.txt", ".child.tmp-1", "checkpoints/readme", "checkpoints/.00000003.tmp-7/x", "checkpoints/00000x", "checkpoints/000000009/x"} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte("junk"), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Resume(context.Background(), testConfig(t, dir), testDeps(t)); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{
		"notes.txt": true, "checkpoints/readme": true, "checkpoints/00000x": true, "checkpoints/000000009": true,
		".child.tmp-1": false, "checkpoints/.00000003.tmp-7": false,
	} {
		if _, err := os.Stat(filepath.Join(dir, name)); (err == nil) != want {
			t.Errorf("%s: there %v, want %v", name, err == nil, want)
		}
	}
}

func TestComparisonDoesNotDependOnThreads(t *testing.T) {
	var dirs []string
	for _, slots := range []Slots{{Threads: 1}, {Threads: 3}, {Threads: 4, Runs: 2}} {
		dir := t.TempDir()
		dirs = append(dirs, dir)
		base := testConfig(t, dir, "episodes=64")
		arms, err := Arms(withRewards(t, base, "pgsrm", "binary"), 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, earlier := range []bool{false, true} { // the second time all runs are complete
			results, err := Compare(context.Background(), arms, slots, testDeps(t), func(Arm) Subscriber { return &events{} })
			if err != nil {
				t.Fatal(err)
			}
			for i, r := range results {
				if !r.Complete || r.Earlier != earlier || r.Dir != arms[i].Config.Out {
					t.Errorf("%s: got %+v", arms[i].Name, r)
				}
			}
		}
		for _, name := range []string{"pgsrm/seed-1", "pgsrm/seed-2", "binary/seed-1"} {
			compareRuns(t, filepath.Join(dirs[0], name), filepath.Join(dir, name))
		}
	}
}

func TestComparisonReportsTheCauseNotTheInterruption(t *testing.T) {
	cause := errors.New("cause")
	if got := worst([]error{nil, ErrInterrupted, cause, ErrInterrupted}); got != cause {
		t.Errorf("got %v", got)
	}
	if got := worst([]error{nil, ErrInterrupted}); got != ErrInterrupted {
		t.Errorf("got %v", got)
	}
}

// Every epoch shows every prompt once, in an order of its own, and a prompt that
// stands twice in a step is told apart.
func TestChosenPrompts(t *testing.T) {
	r := &run{cfg: Default()}
	r.cfg.Rollout.PromptsPerStep = 4
	for i := range 6 {
		r.prompts = append(r.prompts, prompt{index: 10 + i})
	}
	var err error
	if r.mixture, err = newMixture(&task.Task{}, r.prompts); err != nil {
		t.Fatal(err)
	}
	count := map[int]int{}
	for step := 1; step <= 6; step++ {
		prompts, ids := r.choose(step)
		seen := map[promptID]bool{}
		for i, p := range prompts {
			count[p.index]++
			if ids[i].item != p.index || seen[ids[i]] {
				t.Errorf("step %d: ids %v", step, ids)
			}
			seen[ids[i]] = true
		}
	}
	for i := range 6 {
		if count[10+i] != 4 {
			t.Errorf("prompt %d: got %d times in 4 epochs", i, count[10+i])
		}
	}
}

// Each way to sample and to update leaves its mark in the metrics of the updates.
func TestSamplingAndAlgorithmsRun(t *testing.T) {
	has := func(name string) func(v map[string]float64) bool {
		return func(v map[string]float64) bool { _, ok := v[name]; return ok }
	}
	for _, c := range []struct {
		set  []string
		mark func(v map[string]float64) bool
	}{
		// of 300 tokens five are left, whose entropy is at most log(5) = 1.6 nats
		{[]string{"rollout.top_k=5", "rollout.top_p=0.9", "rollout.temperature=0.7"}, func(v map[string]float64) bool {
			return v["objective/entropy"] < 2*v["completions/mean_length"]
		}},
		{[]string{}, func(v map[string]float64) bool { return v["objective/entropy"] > 4*v["completions/mean_length"] }},
		{[]string{"preset=paper", "algorithm=paper", "rollout.samples_per_prompt=1"}, func(v map[string]float64) bool { return v["pgsrm/kl_coef"] < 1e-4 }},
		{[]string{"algorithm=grpo"}, has("clip_ratio/low_mean")},
		{[]string{"algorithm=rloo"}, func(v map[string]float64) bool { return !has("clip_ratio/low_mean")(v) && !has("loss/value_avg")(v) }},
		{[]string{"measure_kl=false", "ppo.kl.place=none"}, func(v map[string]float64) bool { return !has("objective/kl")(v) }},
	} {
		deps, seen := testDeps(t), &events{}
		deps.Pool = kernel.NewPool(1)
		deps.Clock = func() time.Time { return noon }
		deps.Events = []Subscriber{seen}
		res, err := Start(context.Background(), testConfig(t, t.TempDir(), append(c.set, "episodes=48")...), deps)
		if err != nil || !res.Complete {
			t.Errorf("%v: complete %v, error %v", c.set, res.Complete, err)
			continue
		}
		if v, ok := res.LastEval["eval/train/exact_match"]; !ok || !(v >= 0 && v <= 1) {
			t.Errorf("%v: exact match must be a share (got %v, %v)", c.set, v, ok)
		}
		for _, m := range seen.metrics() {
			if _, update := m.Values["pgsrm/steps"]; update && !c.mark(m.Values) {
				t.Errorf("%v: step %d does not show it: %v", c.set, m.Step, m.Values)
			}
		}
	}
}
