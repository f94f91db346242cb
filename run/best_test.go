package run

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pgsrm/hf"
	"pgsrm/task"
)

// stoppingConfig is a run of 40 steps that stops early, and ends with its best child.
func stoppingConfig(t testing.TB, dir string, set ...string) Config {
	return testConfig(t, dir, append([]string{
		"episodes=640", "schedule.lr=0.01", "reward=chrf + 0.01*novel", "best.metric=eval/held_out/semantic", "best.child=best", "early_stopping.patience=3",
	}, set...)...)
}

// evaluation is a line of one value of a metric.
func evaluation(step int, metric string, v float64) Metrics {
	return Metrics{Step: step, Episode: 16 * step, Values: map[string]float64{"eval/train/n": 5, "eval/train/" + metric: v}}
}

func TestMark(t *testing.T) {
	for _, c := range []struct {
		name      string
		mode      string
		threshold float64
		values    []float64
		best      float64
		step      int
		waited    int
	}{
		{"more is better", "max", 0, []float64{0.1, 0.3, 0.2, 0.3}, 0.3, 1, 2},
		{"less is better", "min", 0, []float64{0.1, -0.3, 0.2}, -0.3, 1, 1},
		{"by more than the threshold", "max", 0.125, []float64{0, 0.125, 0.25, 0.375}, 0.25, 2, 1},
		{"a slow rise counts once it is far enough", "max", 0.5, []float64{0, 0.25, 0.5, 0.75}, 0.75, 3, 0},
		{"NaN and infinity are not better", "max", 0, []float64{math.NaN(), 0.1, math.Inf(1)}, 0.1, 1, 1},
	} {
		k := newMark("eval/train/chrf", c.mode, c.threshold)
		for step, v := range c.values {
			k.see(Metrics{Step: step, Values: map[string]float64{"reward": 9}}) // no evaluation
			k.see(evaluation(step, "chrf", v))
		}
		if k.value != c.best || k.step != c.step || k.waited != c.waited {
			t.Errorf("%s: %v at step %d, waited %d, want %v at step %d, waited %d", c.name, k.value, k.step, k.waited, c.best, c.step, c.waited)
		}
	}
	k := newMark("eval/train/reward", "max", 0)
	if k.see(evaluation(1, "chrf", 1)); k.seen || k.waited != 1 {
		t.Errorf("an evaluation without the metric: %+v", k)
	}
}

// valuesOf are the values of a metric in the evaluations of a run, by step.
func valuesOf(t *testing.T, dir, metric string) map[int]float64 {
	t.Helper()
	values := map[int]float64{}
	_, err := ReadMetrics(dir, func(m Metrics) error {
		if v, ok := m.Values[metric]; ok {
			values[m.Step] = v
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return values
}

// The child of the best evaluation is kept, pointed to, and stands at the end where
// that is asked for; the run ends once nothing better has come for long enough.
func TestRunStopsEarlyWithItsBestChild(t *testing.T) {
	dir, seen, deps := t.TempDir(), &events{}, testDeps(t)
	deps.Events = []Subscriber{seen}
	res, err := Start(context.Background(), stoppingConfig(t, dir, "keep_checkpoints=1"), deps)
	if err != nil {
		t.Fatal(err)
	}
	values := valuesOf(t, dir, "eval/held_out/semantic")
	best, last := 0, 0
	for step := 0; step <= res.Steps; step += 2 {
		if values[step] > values[best] {
			best = step
		}
		last = step
	}
	if !res.Complete || res.Steps >= 40 || res.Steps != last || res.Steps != best+3*2 || res.Episodes != 16*res.Steps {
		t.Fatalf("must stop three evaluations after the best, at step %d: %+v", best, res)
	}
	want := &BestChild{"eval/held_out/semantic", "max", values[best], best, 16 * best, checkpointsDir + "/" + checkpointName(best)}
	if d := cmp.Diff(want, res.Best); d != "" || res.ChildStep != best || !strings.HasPrefix(res.Stopped, "eval/held_out/semantic was not above ") {
		t.Errorf("result: %s\n%+v", d, res)
	}
	text, err := os.ReadFile(filepath.Join(dir, bestFile))
	var told BestChild
	if err = errors.Join(err, json.Unmarshal(text, &told)); err != nil || told != *want {
		t.Errorf("%s: got %+v, %v", bestFile, told, err)
	}
	kept, err := checkpoints{filepath.Join(dir, checkpointsDir)}.steps()
	if err != nil || !slices.Equal(kept, []int{best, res.Steps}) {
		t.Errorf("checkpoints %v, %v, want the best and the last", kept, err)
	}
	weights := func(child string) string {
		m, err := hf.Load(child)
		if err != nil {
			t.Fatal(err)
		}
		return digest(m.Model)
	}
	if weights(filepath.Join(dir, childDir)) != weights(filepath.Join(dir, checkpointsDir, checkpointName(best), childDir)) {
		t.Error("the child must be the best")
	}
	card, err := os.ReadFile(filepath.Join(dir, childDir, "README.md"))
	for _, row := range []string{"| stopped early | eval/held\\_out/semantic was not above ", "| weights | of step "} {
		if err != nil || !strings.Contains(string(card), row) && !strings.Contains(strings.ReplaceAll(string(card), `\_`, "_"), strings.ReplaceAll(row, `\_`, "_")) {
			t.Errorf("model card: must have %q, %v\n%s", row, err, card)
		}
	}
	ended := seen.all[len(seen.all)-1].(Ended)
	if ended.Err != nil || ended.Stopped != res.Stopped || ended.Step != res.Steps {
		t.Errorf("last event %+v", ended)
	}
	again, err := Resume(context.Background(), stoppingConfig(t, dir, "keep_checkpoints=1"), testDeps(t))
	if err != nil || !again.Earlier || again.Steps != res.Steps || again.Stopped != res.Stopped || *again.Best != *want {
		t.Errorf("resumed: %+v, %v", again, err)
	}
}

// Neither changes the numbers of a run, up to where it stops.
func TestBestChangesNoBits(t *testing.T) {
	plain, dir := t.TempDir(), t.TempDir()
	if _, err := Start(context.Background(), testConfig(t, plain), testDeps(t)); err != nil {
		t.Fatal(err)
	}
	res, err := Start(context.Background(), testConfig(t, dir, "best.metric=eval/train/chrf", "best.mode=min", "early_stopping.patience=1000"), testDeps(t))
	if err != nil || res.ChildStep != 10 {
		t.Fatalf("%+v, %v", res, err)
	}
	compareRuns(t, plain, dir)
	if _, err := os.Stat(filepath.Join(plain, bestFile)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a run without best.metric has no %s: %v", bestFile, err)
	}
}

func TestStoppedRunInterruptedStopsAtTheSameStep(t *testing.T) {
	straight := t.TempDir()
	res, err := Start(context.Background(), stoppingConfig(t, straight), testDeps(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []int{0, res.Best.Step, res.Steps - 1, res.Steps} {
		dir, deps := t.TempDir(), testDeps(t)
		ctx, cancel := context.WithCancel(context.Background())
		deps.Events = []Subscriber{stopAt{step, cancel}}
		if _, err := Start(ctx, stoppingConfig(t, dir), deps); err != nil && !errors.Is(err, ErrInterrupted) {
			t.Fatalf("interrupted at step %d: got error %v", step, err)
		}
		os.Remove(filepath.Join(dir, bestFile))    // as if killed before it was written
		os.RemoveAll(filepath.Join(dir, childDir)) // as if killed before it was saved
		got, err := Resume(context.Background(), stoppingConfig(t, dir, "threads=2"), testDeps(t))
		if err != nil || got.Steps != res.Steps || got.Stopped != res.Stopped || *got.Best != *res.Best {
			t.Fatalf("interrupted at step %d: %+v, %v", step, got, err)
		}
		compareRuns(t, straight, dir)
		if a, b := snapshot(t, straight)[bestFile], snapshot(t, dir)[bestFile]; a != b || a == "" {
			t.Errorf("%s: got %s, want %s", bestFile, b, a)
		}
	}
}

// Where the folder of the best child is gone the run says so and can be ended otherwise.
func TestLostBestChild(t *testing.T) {
	dir := t.TempDir()
	res, err := Start(context.Background(), stoppingConfig(t, dir), testDeps(t))
	if err != nil {
		t.Fatal(err)
	}
	best := filepath.Join(dir, filepath.FromSlash(res.Best.Checkpoint))
	if err := errors.Join(os.RemoveAll(best), os.RemoveAll(filepath.Join(dir, childDir))); err != nil {
		t.Fatal(err)
	}
	_, err = Resume(context.Background(), stoppingConfig(t, dir), testDeps(t))
	if !errors.Is(err, ErrConfig) || !strings.HasPrefix(err.Error(), "best.child: the best child, "+best+", cannot be read: ") || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v", err)
	}
}

// A metric that no evaluation of the run will have is refused before it begins.
func TestMetricOfNoSplit(t *testing.T) {
	trained := &task.Task{Name: "trained", MaxNewTokens: 4}
	for _, it := range fixtureTask().Items {
		it.Split = task.Train
		trained.Items = append(trained.Items, it)
	}
	for _, key := range []string{"best.metric", "early_stopping.metric"} {
		out := filepath.Join(t.TempDir(), "run")
		deps := testDeps(t)
		deps.Task = trained
		want := key + ": must be one of eval/train/exact_match, eval/train/semantic, eval/train/chrf, eval/train/reward, eval/train/distinct_1, eval/train/distinct_2, " +
			`eval/train/mean_length, as no prompt is held out (got "eval/held_out/chrf")`
		for name, begin := range map[string]func() error{
			"start": func() error {
				_, err := Start(context.Background(), testConfig(t, out, key+"=eval/held_out/chrf"), deps)
				return err
			},
			"dry run": func() error {
				_, err := DryRun(context.Background(), testConfig(t, out, key+"=eval/held_out/chrf"), false, deps)
				return err
			},
		} {
			if err := begin(); !errors.Is(err, ErrConfig) || err.Error() != want {
				t.Errorf("%s: got %v", name, err)
			}
		}
		if _, err := os.Stat(out); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the refused run left its directory: %v", err)
		}
	}
}
