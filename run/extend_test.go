package run

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// longConfig is a run whose results up to a step do not depend on its length, which may
// change when it is resumed.
func longConfig(t testing.TB, dir string, episodes int, set ...string) Config {
	cfg := testConfig(t, dir, append([]string{"reward=0.5*exact + fade(0.5*centered, k=2, half=10, near=0.9) + 0.1*novel"}, set...)...)
	cfg.Episodes, cfg.Extend = episodes, true
	return cfg
}

// withoutOut is config.yaml of a run without the line that names its directory.
func withoutOut(t *testing.T, dir string) string {
	t.Helper()
	var lines []string
	for line := range strings.Lines(snapshot(t, dir)[ConfigFile]) {
		if !strings.HasPrefix(line, "out: ") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}

// A run that is extended, complete or not, is the run that was begun with as many
// episodes, where nothing depends on its length.
func TestExtendedRunIsTheLongOne(t *testing.T) {
	straight := t.TempDir()
	if _, err := Start(context.Background(), longConfig(t, straight, 320), testDeps(t)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		stop    int // step after which the shorter run is interrupted; beyond it = never
		lengths []int
	}{
		{"complete", 99, []int{160, 320}},
		{"interrupted", 7, []int{160, 320}},
		{"before its first checkpoint", 0, []int{160, 320}},
		{"twice", 99, []int{96, 160, 320}},
		{"shortened and extended", 5, []int{640, 160, 320}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			for i, episodes := range c.lengths {
				deps, seen := testDeps(t), &events{}
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				deps.Events = []Subscriber{seen}
				if i == 0 {
					deps.Events = append(deps.Events, stopAt{c.stop, cancel})
				}
				if _, err := Resume(ctx, longConfig(t, dir, episodes), deps); err != nil && (i > 0 || !errors.Is(err, ErrInterrupted)) {
					t.Fatal(err)
				}
				if texts := lengthWarnings(seen); texts != "" {
					t.Errorf("warns where nothing depends on the length: %s", texts)
				}
			}
			compareRuns(t, straight, dir)
			if a, b := withoutOut(t, straight), withoutOut(t, dir); a != b {
				t.Errorf("config.yaml:\n%s\nwant\n%s", b, a)
			}
			if res, err := Resume(context.Background(), longConfig(t, dir, 320), testDeps(t)); err != nil || !res.Earlier || res.Steps != 20 {
				t.Errorf("resumed: %+v, %v", res, err)
			}
		})
	}
}

// lengthWarnings are the warnings of what follows from the length, by line.
func lengthWarnings(seen *events) string {
	var texts []string
	for _, e := range seen.all {
		if w, ok := e.(Warning); ok && strings.Contains(w.Text, " steps now instead of ") {
			texts = append(texts, w.Text)
		}
	}
	return strings.Join(texts, "\n")
}

// What follows from the length of a run is said, in one line.
func TestExtensionWarnsOfWhatFollowsTheLength(t *testing.T) {
	for _, c := range []struct {
		set  []string
		want string
	}{
		{[]string{"schedule.kind=linear"}, "the run has 4 steps now instead of 2: the learning rate follows it (schedule.kind linear), from here on"},
		{[]string{"schedule.kind=cosine", "reward=exact + 0.1*progress"}, "(schedule.kind cosine) and the reward follows it (linear, progress), from here on"},
		{[]string{"reward=linear(1, 0)*exact + chrf"}, "instead of 2: the reward follows it"},
		{[]string{"schedule.kind=linear", "schedule.final=1"}, ""},
		{[]string{"reward=chrf"}, ""},
	} {
		dir := t.TempDir()
		if _, err := Start(context.Background(), longConfig(t, dir, 32, c.set...), testDeps(t)); err != nil {
			t.Fatal(err)
		}
		seen, deps := &events{}, testDeps(t)
		deps.Events = []Subscriber{seen}
		if _, err := Resume(context.Background(), longConfig(t, dir, 64, c.set...), deps); err != nil {
			t.Fatal(err)
		}
		if got := lengthWarnings(seen); (c.want == "") != (got == "") || !strings.Contains(got, c.want) || strings.Contains(got, "\n") {
			t.Errorf("%v: warned %q, want %q", c.set, got, c.want)
		}
	}
}

// A run that stopped early goes on where it is extended, as often as it is.
func TestStoppedRunGoesOn(t *testing.T) {
	dir := t.TempDir()
	extended := func(episodes int) Config {
		cfg := stoppingConfig(t, dir)
		cfg.Episodes, cfg.Extend = episodes, true
		return cfg
	}
	first, err := Start(context.Background(), stoppingConfig(t, dir), testDeps(t))
	if err != nil || first.Stopped == "" {
		t.Fatalf("%+v, %v", first, err)
	}
	second, err := Resume(context.Background(), extended(800), testDeps(t))
	if err != nil || second.Steps < first.Steps+3*2 || !second.Complete {
		t.Fatalf("%+v, %v", second, err)
	}
	if second.Stopped == "" {
		t.Fatalf("the extended run must stop early too: %+v", second)
	}
	// killed before its child was saved, and with the checkpoints of the second part lost
	want := snapshot(t, dir)
	saved := checkpoints{filepath.Join(dir, checkpointsDir)}
	if err := os.RemoveAll(filepath.Join(dir, childDir)); err != nil {
		t.Fatal(err)
	}
	steps, err := saved.steps()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(saved.folder(steps[len(steps)-1])); err != nil {
		t.Fatal(err)
	}
	third, err := Resume(context.Background(), extended(800), testDeps(t))
	if err != nil || third.Steps != second.Steps || third.Stopped != second.Stopped {
		t.Fatalf("%+v, %v", third, err)
	}
	if got := snapshot(t, dir); got[MetricsFile] != want[MetricsFile] || got["child/model.safetensors"] != want["child/model.safetensors"] {
		t.Error("the extended run must be resumed to the same bits")
	}
}

func TestExtensionRefused(t *testing.T) {
	complete, begun := filepath.Join(t.TempDir(), "complete"), begun7(t)
	if _, err := Start(context.Background(), testConfig(t, complete), testDeps(t)); err != nil {
		t.Fatal(err)
	}
	bare := filepath.Join(t.TempDir(), "bare")
	copyDir(t, complete, bare)
	if err := os.RemoveAll(filepath.Join(bare, checkpointsDir)); err != nil {
		t.Fatal(err)
	}
	tampered := filepath.Join(t.TempDir(), "tampered")
	copyDir(t, complete, tampered)
	edit(t, filepath.Join(tampered, ConfigFile), replace("log_samples: 8", "log_samples: 9"))
	for _, c := range []struct {
		dir, set string
		extend   bool
		want     string
	}{
		{complete, "episodes=159", true, ""}, // as many steps
		{complete, "episodes=144", true, "episodes: must be at least 160, which the run in " + complete + " has done (got 144)"},
		{begun, "episodes=96", true, "episodes: must be at least 112, which the run in " + begun + " has done (got 96)"},
		{complete, "episodes=320", false, "episodes: must be as in " + complete + " to resume the run there (began with 160, got 320): to extend it, pgsrm train --resume --episodes 320 --out " + complete},
		{complete, "seed=2", true, "seed: must be as in " + complete + " to resume the run there (began with 1, got 2)"},
		{complete, "ppo.kl.coef=0.5", false, "ppo.kl.coef: must be as in " + complete + " to resume the run there (began with 0.015, got 0.5)"},
		{bare, "episodes=320", true, "episodes: " + filepath.Join(bare, checkpointsDir) + " must hold the last checkpoint to go on from (it has none): train on from the child in another folder, --child " + bare},
	} {
		if c.want == "" {
			continue
		}
		before := snapshot(t, c.dir)
		cfg := testConfig(t, c.dir, c.set)
		cfg.Extend = c.extend
		if _, err := Resume(context.Background(), cfg, testDeps(t)); !errors.Is(err, ErrConfig) || err.Error() != c.want {
			t.Errorf("%s %s: got %v, want %s", c.dir, c.set, err, c.want)
		}
		if _, err := DryRun(context.Background(), cfg, true, testDeps(t)); !errors.Is(err, ErrConfig) || err.Error() != c.want {
			t.Errorf("dry run of %s %s: got %v, want %s", c.dir, c.set, err, c.want)
		}
		sameFiles(t, before, c.dir)
	}
	if _, err := Resume(context.Background(), testConfig(t, complete, "grpo.beta=0.5"), testDeps(t)); err != nil {
		t.Errorf("an option of an algorithm that is not the run's: %v", err)
	}
	before := snapshot(t, tampered)
	cfg := testConfig(t, tampered, "episodes=320", "log_samples=9")
	cfg.Extend = true
	if _, err := Resume(context.Background(), cfg, testDeps(t)); !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), "must be as the run began with it") {
		t.Errorf("a configuration that was edited: got %v", err)
	}
	sameFiles(t, before, tampered)
}

// A configuration that is edited after the run was extended is noticed as before.
func TestExtendedRunNoticesDamage(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	deps := testDeps(t)
	ctx, cancel := context.WithCancel(context.Background())
	if _, err := Start(ctx, longConfig(t, dir, 160), deps); err != nil {
		t.Fatal(err)
	}
	deps.Events = []Subscriber{stopAt{13, cancel}}
	if _, err := Resume(ctx, longConfig(t, dir, 320), deps); !errors.Is(err, ErrInterrupted) {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(t *testing.T, dir string){
		"key": func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, ConfigFile), replace("log_samples: 8", "log_samples: 9"))
		},
		"episodes": func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, ConfigFile), replace("episodes: 320", "episodes: 480"))
		},
		"record": func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, extendedFile), replace(`"config_sha256":"`, `"config_sha256":"0`))
		},
		"no record": func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, extendedFile)); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			spoilt := filepath.Join(t.TempDir(), "run")
			copyDir(t, dir, spoilt)
			spoil(t, spoilt)
			before := snapshot(t, spoilt)
			cfg, _, err := ReadConfig(spoilt)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := Resume(context.Background(), cfg, testDeps(t)); !errors.Is(err, ErrConfig) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v", err)
			}
			sameFiles(t, before, spoilt)
		})
	}
}

// Killed between two writes of an extension the run is as it was or as it is to be, and
// the same command extends it.
func TestKilledInTheExtension(t *testing.T) {
	straight, short := t.TempDir(), t.TempDir()
	for dir, episodes := range map[string]int{straight: 320, short: 160} {
		if _, err := Start(context.Background(), longConfig(t, dir, episodes), testDeps(t)); err != nil {
			t.Fatal(err)
		}
	}
	was := snapshot(t, short)
	record := extendedRecord(t, short)
	for name, c := range map[string]struct {
		child bool
		state string
	}{"record written": {true, DirComplete}, "child removed": {false, DirBegun}} {
		dir := filepath.Join(t.TempDir(), "run")
		copyDir(t, short, dir)
		if err := os.WriteFile(filepath.Join(dir, extendedFile), record, 0o644); err != nil {
			t.Fatal(err)
		}
		if !c.child {
			if err := os.RemoveAll(filepath.Join(dir, childDir)); err != nil {
				t.Fatal(err)
			}
		}
		if state, err := Inspect(dir); err != nil || state != c.state {
			t.Errorf("%s: state %s, %v", name, state, err)
		}
		other := filepath.Join(t.TempDir(), "other")
		copyDir(t, dir, other)
		if res, err := Resume(context.Background(), longConfig(t, other, 160), testDeps(t)); err != nil || res.Steps != 10 || res.Earlier != c.child {
			t.Errorf("%s, not extended after all: %+v, %v", name, res, err)
		}
		if snapshot(t, other)["child/model.safetensors"] != was["child/model.safetensors"] {
			t.Errorf("%s: the child of the shorter run differs", name)
		}
		if res, err := Resume(context.Background(), longConfig(t, dir, 320), testDeps(t)); err != nil || res.Steps != 20 {
			t.Errorf("%s: %+v, %v", name, res, err)
		}
		compareRuns(t, straight, dir)
	}
}

// extendedRecord is extended.jsonl of a run that was extended to 320 episodes.
func extendedRecord(t *testing.T, short string) []byte {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "run")
	copyDir(t, short, dir)
	if _, err := Resume(context.Background(), longConfig(t, dir, 320), testDeps(t)); err != nil {
		t.Fatal(err)
	}
	return []byte(snapshot(t, dir)[extendedFile])
}
