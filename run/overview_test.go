package run

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// overview reads a run directory that is one.
func overview(t *testing.T, dir string) Overview {
	t.Helper()
	o, err := ReadOverview(dir)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// How a run stands is found whatever became of it.
func TestStates(t *testing.T) {
	dir, on := filepath.Join(t.TempDir(), "run"), false
	deps := testDeps(t)
	deps.Embedder = letters{fail: everyNth(1, &on)}
	deps.Events = []Subscriber{begun{4, &on}}
	if _, err := Start(context.Background(), testConfig(t, dir, "arm=first"), deps); !errors.Is(err, ErrUnavailable) {
		t.Fatal(err)
	}
	o := overview(t, dir)
	if o.State != Failed || !strings.Contains(o.Reason, "embeddings server: 503") || o.Step != 4 || o.Episode != 64 || o.Steps != 10 || o.Episodes != 160 {
		t.Errorf("failed: %+v", o)
	}
	if o.Task != "colors" || o.Reward != "pgsrm" || o.Arm != "first" || o.Seed != 1 || o.EvalStep != 2 || o.Eval["eval/train/n"] != 5 || o.Started == "" || o.Seconds <= 0 || o.Problem != "" {
		t.Errorf("failed: %+v", o)
	}

	d, err := openDirectory(dir, noon)
	if err != nil {
		t.Fatal(err)
	}
	if o := overview(t, dir); o.State != Running || o.Reason != "" {
		t.Errorf("running: %+v", o)
	}
	if err := d.close(); err != nil {
		t.Fatal(err)
	}

	ctx, cancel := context.WithCancel(context.Background())
	deps = testDeps(t)
	deps.Events = []Subscriber{stopAt{7, cancel}}
	if _, err := Resume(ctx, testConfig(t, dir), deps); !errors.Is(err, ErrInterrupted) {
		t.Fatal(err)
	}
	if o := overview(t, dir); o.State != Interrupted || o.Reason != "" || o.Step != 7 {
		t.Errorf("interrupted: %+v", o)
	}
	if err := os.Remove(filepath.Join(dir, EndFile)); err != nil { // as if killed
		t.Fatal(err)
	}
	if o := overview(t, dir); o.State != Interrupted {
		t.Errorf("killed: %+v", o)
	}
	if _, err := Resume(context.Background(), testConfig(t, dir), testDeps(t)); err != nil {
		t.Fatal(err)
	}
	if o := overview(t, dir); o.State != Finished || o.Reason != "" || o.Step != 10 || o.Best != nil {
		t.Errorf("finished: %+v", o)
	}

	stopped := t.TempDir()
	res, err := Start(context.Background(), stoppingConfig(t, stopped), testDeps(t))
	if err != nil {
		t.Fatal(err)
	}
	if o := overview(t, stopped); o.State != StoppedEarly || o.Reason != res.Stopped || o.Step != res.Steps || o.Best == nil || *o.Best != *res.Best {
		t.Errorf("stopped early: %+v", o)
	}
}

// Whatever a run directory holds, it is told of, in one line where it is damaged.
func TestHostileOverview(t *testing.T) {
	whole := filepath.Join(t.TempDir(), "whole")
	if _, err := Start(context.Background(), testConfig(t, whole, "episodes=32"), testDeps(t)); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		spoil func(t *testing.T, dir string)
		want  string
	}{
		"configuration": {func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, ConfigFile), replace("seed: 1", "seed: -1"))
		}, "seed: must be a whole number"},
		"long configuration": {func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, ConfigFile), func(b []byte) []byte { return append(b, strings.Repeat("# \x1b[2J\n", 1<<18)...) })
		}, ConfigFile},
		"environment": {func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, EnvironmentFile), func(b []byte) []byte { return b[:len(b)/2] })
		}, EnvironmentFile},
		"long environment": {func(t *testing.T, dir string) {
			if err := os.Truncate(filepath.Join(dir, EnvironmentFile), maxSmall+1); err != nil {
				t.Fatal(err)
			}
		}, "must have at most 16777216 bytes"},
		"metrics": {func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, MetricsFile), func(b []byte) []byte { return append([]byte("[]\n"), b...) })
		}, MetricsFile + ":1: must be a JSON object"},
		"a line without end": {func(t *testing.T, dir string) {
			if err := os.Truncate(filepath.Join(dir, MetricsFile), 2*maxLine); err != nil {
				t.Fatal(err)
			}
		}, "a line must have at most 67108864 bytes"},
		"half a child": {func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, childDir, "config.json")); err != nil {
				t.Fatal(err)
			}
		}, "must hold a whole child"},
		"end": {func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, EndFile), func([]byte) []byte { return []byte("{\"state\":1}") })
		}, EndFile},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "run")
			copyDir(t, whole, dir)
			c.spoil(t, dir)
			o := overview(t, dir)
			if o.State != Damaged || !strings.Contains(o.Problem, c.want) || strings.Contains(o.Problem, "\n") {
				t.Errorf("state %s, problem %q, want %q", o.State, o.Problem, c.want)
			}
		})
	}
}

func TestFind(t *testing.T) {
	root := t.TempDir()
	deep := strings.Repeat("d/", findDepth)
	for _, name := range []string{"a/seed-1", "b", "b/below", ".hidden", "c/config-only", deep + "in", deep + "in/beyond", "checkpoints/child"} {
		dir := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		files := []string{ConfigFile, EnvironmentFile}
		if name == "c/config-only" || name == deep+"in" || name == "checkpoints/child" {
			files = files[:1]
		}
		for _, f := range files {
			if err := os.WriteFile(filepath.Join(dir, f), nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.Symlink(filepath.Join(root, "b"), filepath.Join(root, "link")); err != nil {
		t.Logf("no links here: %v", err)
	}
	found, err := Find(root)
	if err != nil || !slices.Equal(found, []string{filepath.Join(root, "a", "seed-1"), filepath.Join(root, "b")}) {
		t.Errorf("%v, %v", found, err)
	}
	if one, err := Find(filepath.Join(root, "b")); err != nil || len(one) != 1 {
		t.Errorf("a run directory itself: %v, %v", one, err)
	}
	for _, bad := range []string{filepath.Join(root, "none"), filepath.Join(root, "b", ConfigFile)} {
		if _, err := Find(bad); !errors.Is(err, ErrConfig) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// Changes are what the user set, not what follows from it.
func TestChanges(t *testing.T) {
	for _, c := range []struct {
		set  []string
		want []Difference
	}{
		{nil, nil},
		{[]string{"task=copy", "seed=7", "algorithm=paper", "reward=exact + chrf", "threads=0"}, nil},
		{[]string{"child=none/such", "lora.rank=4"}, []Difference{{"lora.rank", "0", "4"}, {"ppo.baseline", "group", "value"}}},
		{[]string{"preset=paper", "replay.per_prompt=0"}, nil},
		{[]string{"answer.normalize=on", "rollout.stop=[\"\\n\"]"}, []Difference{{"answer.normalize", "\"off\"", "\"on\""}, {"rollout.stop", "[]", `["\n"]`}}},
	} {
		cfg := testConfig(t, t.TempDir(), c.set...)
		plain, err := Load("", nil)
		if err != nil {
			t.Fatal(err)
		}
		var own []Difference
		base := testConfig(t, cfg.Out)
		ofTest := base.Changes()
		for _, d := range cfg.Changes() {
			if !slices.ContainsFunc(ofTest, func(e Difference) bool { return e.Key == d.Key }) {
				own = append(own, d)
			}
		}
		if d := cmp.Diff(c.want, own); d != "" {
			t.Errorf("%v: %s", c.set, d)
		}
		if len(plain.Changes()) > 0 {
			t.Errorf("the defaults: %v", plain.Changes())
		}
	}
}
