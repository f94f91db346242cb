package run

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgsrm/config"
	"pgsrm/lm"
	"pgsrm/reward"
	"pgsrm/rl"
	"pgsrm/task"
)

// replayConfig is a run of 10 steps of the built-in child, which is right often enough
// for hits to be replayed from the second on.
func replayConfig(t testing.TB, dir string, set ...string) Config {
	t.Helper()
	return testConfig(t, dir, append([]string{
		"episodes=640", "rollout.samples_per_prompt=8", "replay.per_prompt=2", "replay.keep=3", "ppo.num_minibatches=1", "ppo.num_ppo_epochs=2", "schedule.lr=1e-3",
	}, set...)...)
}

// replayDeps leaves the built-in child to be opened; its task has so few prompts that
// each is asked in every second step.
func replayDeps(t testing.TB) Deps {
	t.Helper()
	colors, err := task.Load("colors", task.DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	few := *colors
	few.Items = slices.Clone(colors.Items[:20])
	return Deps{Task: &few, Embedder: letters{}}
}

// replayedIn is the sum of pgsrm/replayed over the steps of a run; -1 where some step
// does not have it.
func replayedIn(t testing.TB, dir string) float64 {
	t.Helper()
	var sum float64
	_, err := ReadMetrics(dir, func(m Metrics) error {
		n, ok := m.Values["pgsrm/replayed"]
		if _, step := m.Values["lr"]; step && !ok {
			sum = -1
			return nil
		}
		if r, ok := m.Values["pgsrm/replay_ratio"]; ok != (n > 0) || ok && !(r >= 0.1 && r <= 1) {
			t.Errorf("step %d: %v replayed with the ratio %v", m.Step, n, r)
		}
		sum += n
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

func TestReplayResumesToTheSameBits(t *testing.T) {
	sets := [][]string{
		{"replay.search=6"},
		{"replay.when=missing"},
		{"replay.when=always", "algorithm=rloo", "rloo.scale_rewards=mean", "rloo.num_minibatches=2"},
		{"replay.when=always", "reward=binary", "algorithm=grpo", "grpo.scale_rewards=mean"},
	}
	if testing.Short() { // the race detector has seen all of it after one
		sets = sets[:1]
	}
	for _, set := range sets {
		t.Run(strings.Join(set, " "), func(t *testing.T) {
			straight := t.TempDir()
			if _, err := Start(t.Context(), replayConfig(t, straight, set...), replayDeps(t)); err != nil {
				t.Fatal(err)
			}
			n := replayedIn(t, straight)
			t.Logf("%v replayed", n)
			if n < 5 {
				t.Fatalf("got %v replayed, want at least 5", n)
			}
			for _, step := range []int{7} {
				dir := t.TempDir()
				deps := replayDeps(t)
				ctx, cancel := context.WithCancel(t.Context())
				deps.Events = []Subscriber{stopAt{step, cancel}}
				if _, err := Start(ctx, replayConfig(t, dir, set...), deps); !errors.Is(err, ErrInterrupted) {
					t.Fatalf("interrupted run: got error %v", err)
				}
				if _, err := Resume(t.Context(), replayConfig(t, dir, append(set, "threads=3")...), replayDeps(t)); err != nil {
					t.Fatal(err)
				}
				compareRuns(t, straight, dir)
			}
		})
	}
}

// Without replay there is neither file nor metric of it.
func TestNoReplay(t *testing.T) {
	dir := t.TempDir()
	if _, err := Start(t.Context(), testConfig(t, dir, "episodes=32", "replay.per_prompt=0"), testDeps(t)); err != nil {
		t.Fatal(err)
	}
	if n := replayedIn(t, dir); n != -1 {
		t.Errorf("got %v replayed", n)
	}
	if files, _ := filepath.Glob(filepath.Join(dir, checkpointsDir, "*", replayFile)); len(files) > 0 {
		t.Errorf("got %v", files)
	}
}

func TestHits(t *testing.T) {
	scores := []reward.Score{{Right: true}, {Right: true}, {Reward: 1}, {Right: true}}
	gens := []lm.Generation{{Finish: "eos"}, {Finish: "length"}, {Finish: "eos"}, {Finish: "stop"}}
	if got, want := hitsAmong(scores, gens), []bool{true, false, false, true}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestReplayRules(t *testing.T) {
	for want, set := range map[string][]string{
		"--set replay.per_prompt: must be 0 with the algorithm paper (got 2)":           {"algorithm=paper"},
		"--set replay.per_prompt: must be 0 with rollout.top_k, top_p or min_p (got 2)": {"rollout.top_k=50"},
		"--set replay.per_prompt: must be at most keep, 4 (got 5)":                      {"replay.per_prompt=5"},
		"--set replay.search: must be 0 without replay, per_prompt: 0 (got 8)":          {"replay.per_prompt=0", "replay.search=8"},
		"--set replay.ratio_min: must be between 0 and 1 (got 2)":                       {"replay.ratio_min=2"},
	} {
		settings := []config.Setting{{From: "--set replay.per_prompt", Key: "replay.per_prompt", Value: "2"}}
		for _, s := range set {
			one, err := config.ParseSetting(s)
			if err != nil {
				t.Fatal(err)
			}
			settings = append(settings, one)
		}
		if _, err := Load("", settings); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	for _, good := range []string{"rollout.top_p=1", "algorithm=rloo"} {
		one, _ := config.ParseSetting(good)
		if _, err := Load("", []config.Setting{{Key: "replay.per_prompt", Value: "1"}, one}); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
}

// replay.jsonl is read strictly, also where its checksum is right.
func TestReplayIsReadStrictly(t *testing.T) {
	if testing.Short() {
		t.Skip("files read one after the other, which the race detector has nothing to say of")
	}
	begun := filepath.Join(t.TempDir(), "begun")
	deps := replayDeps(t)
	ctx, cancel := context.WithCancel(t.Context())
	deps.Events = []Subscriber{stopAt{7, cancel}}
	if _, err := Start(ctx, replayConfig(t, begun), deps); !errors.Is(err, ErrInterrupted) {
		t.Fatal(err)
	}
	const good = `{"prompt":"ID","tokens":[5,0],"logprobs":[-1,-0.5],"reward":1}`
	for name, c := range map[string]struct{ line, want string }{
		"unknown key":    {strings.Replace(good, `"reward"`, `"rewards"`, 1), `must be a hit: json: unknown field "rewards"`},
		"two objects":    {good + " {}", "must be one hit"},
		"not an object":  {"7", "must be a hit: json: cannot unmarshal number"},
		"unknown prompt": {strings.Replace(good, "ID", "nobody", 1), `prompt must be one that is trained on (got "nobody")`},
		"no tokens":      {strings.Replace(good, "[5,0]", "[]", 1), "as many log-probabilities (got 0 and 2)"},
		"too long":       {strings.Replace(strings.Replace(good, "[5,0]", "["+strings.Repeat("5,", 999)+"0]", 1), "[-1,", "[-1,", 1), "as many log-probabilities (got 1000 and 2)"},
		"other token":    {strings.Replace(good, "[5,0]", "[5,99999999]", 1), "token must be in 0.."},
		"positive":       {strings.Replace(good, "-0.5", "0.5", 1), "log-probability must be finite and at most 0 (got 0.5)"},
		"huge number":    {strings.Replace(good, "-0.5", "-1e99", 1), "must be a hit: json: cannot unmarshal number"},
		"the same again": {good + "\n" + good, "must have each hit once"},
		"torn":           {"", "its last line must be whole"},
		"no file":        {"-", replayFile},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "begun")
			copyDir(t, begun, dir)
			checkpoint := filepath.Join(dir, checkpointsDir, "00000007")
			path := filepath.Join(checkpoint, replayFile)
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			first, err := readHit(text[:bytes.IndexByte(text, '\n')])
			if err != nil {
				t.Fatal(err)
			}
			spoiled := []byte(strings.ReplaceAll(c.line, `"ID"`, `"`+first.Prompt+`"`) + "\n")
			switch name {
			case "torn":
				spoiled = text[:len(text)-9]
			case "no file":
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
			}
			if name != "no file" {
				if err := os.WriteFile(path, spoiled, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			seal(t, checkpoint)
			_, err = Resume(t.Context(), replayConfig(t, dir), replayDeps(t))
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), replayFile) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
	t.Run("bit", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "begun")
		copyDir(t, begun, dir)
		edit(t, filepath.Join(dir, checkpointsDir, "00000007", replayFile), flip)
		if _, err := Resume(t.Context(), replayConfig(t, dir), replayDeps(t)); err == nil || !strings.Contains(err.Error(), replayFile+": is not as it was written") {
			t.Errorf("got %v", err)
		}
	})
}

func FuzzReadHit(f *testing.F) {
	f.Add([]byte(`{"prompt":"a","tokens":[1,2],"logprobs":[-1,-2],"reward":0.5}`))
	f.Add([]byte(`{"prompt":"","tokens":null,"logprobs":[],"reward":1e400}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		h, err := readHit(line)
		if err != nil || checkHit(h, 10, 3) != nil {
			return
		}
		if m := rl.NewMemory(rl.ReplayOptions{PerPrompt: 1, Keep: 1}); m.Restore([]rl.Hit{h}) != nil || len(h.Tokens) > 3 {
			t.Errorf("%q must be a hit", line)
		}
	})
}
