package run

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pgsrm/config"
	"pgsrm/embed"
	"pgsrm/hf"
	"pgsrm/lm"
	"pgsrm/reward"
	"pgsrm/rl"
	"pgsrm/task"
	"pgsrm/tokenizer"
)

// letters embeds a text as the shares of its letters: nothing to load, and
// similar words have similar vectors.
type letters struct {
	fail func() bool // says for each call whether it fails
}

func (letters) Identity() embed.Identity {
	return embed.Identity{Model: "letters", Pooling: "sum", Normalize: true, Dim: 27}
}

func (l letters) Embed(_ context.Context, texts []string) []embed.Result {
	out := make([]embed.Result, len(texts))
	for i, s := range texts {
		v := make([]float32, 27)
		v[26] = 0.1
		for _, r := range strings.ToLower(s) {
			if r >= 'a' && r <= 'z' {
				v[r-'a']++
			}
		}
		out[i] = embed.Result{Vector: unit(v)}
		if l.fail != nil && l.fail() {
			out[i] = embed.Result{Err: errors.New("embeddings server: 503")}
		}
	}
	return out
}

// unit scales v to length 1.
func unit(v []float32) []float32 {
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	for i := range v {
		v[i] /= float32(math.Sqrt(sum))
	}
	return v
}

// colorTokenizer is a small tokenizer of prompts of the task colors.
var colorTokenizer = sync.OnceValues(func() (*tokenizer.Tokenizer, error) {
	colors, err := task.Load("colors", task.DefaultOptions())
	if err != nil {
		return nil, err
	}
	var texts []string
	for _, it := range colors.Items[:20] {
		texts = append(texts, it.Prompt+it.Reference)
	}
	return tokenizer.TrainBPE(texts, 300, []string{"<|endoftext|>"})
})

// testDeps is a small child with random weights.
func testDeps(t testing.TB) Deps {
	t.Helper()
	tok, err := colorTokenizer()
	if err != nil {
		t.Fatal(err)
	}
	cfg := lm.GPT2(1, 16, 2, tok.Size(), 64)
	cfg.EOS = 0
	model, err := lm.NewRandom(cfg, 1)
	if err != nil {
		t.Fatal(err)
	}
	return Deps{Model: &hf.Model{Model: model, Tokenizer: tok}, Embedder: letters{}}
}

// testConfig is a run of 10 small steps with all that a resumed run has to restore.
func testConfig(t testing.TB, dir string, set ...string) Config {
	t.Helper()
	settings := []config.Setting{
		{Key: "out", Value: dir}, {Key: "episodes", Value: "160"}, {Key: "threads", Value: "1"},
		{Key: "rollout.prompts_per_step", Value: "8"}, {Key: "rollout.samples_per_prompt", Value: "2"},
		{Key: "eval_every", Value: "2"}, {Key: "eval_prompts", Value: "5"}, {Key: "checkpoint_every", Value: "3"},
		{Key: "ppo.num_minibatches", Value: "2"}, {Key: "ppo.kl.control", Value: "adaptive"},
		{Key: "ppo.baseline", Value: "value"}, {Key: "optimizer.weight_decay", Value: "0.01"},
	}
	for _, s := range set {
		one, err := config.ParseSetting(s)
		if err != nil {
			t.Fatal(err)
		}
		settings = append(settings, one)
	}
	cfg, err := Load("", settings)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// compareRuns demands the same bytes in all files that must not depend on how
// the run went.
func compareRuns(t testing.TB, want, got string) {
	t.Helper()
	for _, name := range []string{MetricsFile, CompletionsFile, answersFile, calibrationFile, "child/config.json", "child/model.safetensors", "child/tokenizer.json",
		"child/adapter_config.json", "child/adapter_model.safetensors"} {
		if strings.HasPrefix(name, "child/") && hf.IsAdapter(filepath.Join(want, childDir)) != strings.HasPrefix(name, "child/adapter") {
			continue // the child is either an adapter or a model
		}
		a, err := os.ReadFile(filepath.Join(want, name))
		if errors.Is(err, os.ErrNotExist) && name == calibrationFile {
			continue // a reward without vectors has none
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(got, name))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Equal(a, b) {
			continue
		}
		if strings.HasSuffix(name, "l") {
			t.Errorf("%s differs:\n%s", name, cmp.Diff(strings.Split(string(a), "\n"), strings.Split(string(b), "\n")))
		} else {
			t.Errorf("%s differs", name)
		}
	}
}

// stopAt is a subscriber that cancels a context once a step is done.
type stopAt struct {
	step   int
	cancel func()
}

func (s stopAt) Event(e Event) error {
	if m, ok := e.(Metrics); ok && m.Step >= s.step {
		s.cancel()
	}
	return nil
}

func TestInterruptedRunResumesToTheSameBits(t *testing.T) {
	straight := t.TempDir()
	if _, err := Start(context.Background(), testConfig(t, straight), testDeps(t)); err != nil {
		t.Fatal(err)
	}
	for step := 0; step <= 10; step += 3 {
		t.Run(fmt.Sprint(step), func(t *testing.T) {
			dir := t.TempDir()
			deps := testDeps(t)
			ctx, cancel := context.WithCancel(context.Background())
			deps.Events = []Subscriber{stopAt{step, cancel}}
			_, err := Start(ctx, testConfig(t, dir), deps)
			if !errors.Is(err, ErrInterrupted) {
				t.Fatalf("interrupted run: got error %v", err)
			}
			res, err := Resume(context.Background(), testConfig(t, dir, "threads=2"), testDeps(t))
			if err != nil || !res.Complete {
				t.Fatalf("resumed run: %+v, %v", res, err)
			}
			compareRuns(t, straight, dir)
		})
	}
}

// Every number in metrics.jsonl has its formula and unit in rl.Table.
func TestMetricsAreDocumented(t *testing.T) {
	seen := &events{}
	teacher := teacherFolder(t)
	for _, algorithm := range rl.Algorithms() {
		deps := testDeps(t)
		deps.Events = []Subscriber{seen}
		if _, err := Start(context.Background(), testConfig(t, t.TempDir(), "episodes=32", "algorithm="+algorithm, "gkd.teacher="+teacher), deps); err != nil {
			t.Fatal(err)
		}
	}
	for _, e := range seen.all {
		m, ok := e.(Metrics)
		if !ok {
			continue
		}
		for _, name := range sortedKeys(m.Values) {
			if !rl.Known(name) {
				t.Errorf("%s: not in rl.Table", name)
			}
		}
	}
}

// An answer that the limit cut earns less by rollout.missing_eos_penalty.
func TestMissingEOSPenalty(t *testing.T) {
	first := func(set ...string) map[string]float64 {
		seen := &events{}
		deps := testDeps(t)
		deps.Events = []Subscriber{seen}
		if _, err := Start(t.Context(), testConfig(t, t.TempDir(), append(set, "episodes=16", "rollout.max_new_tokens=12")...), deps); err != nil {
			t.Fatal(err)
		}
		for _, e := range seen.all {
			if m, ok := e.(Metrics); ok && m.Step == 1 {
				return m.Values
			}
		}
		t.Fatal("no step")
		return nil
	}
	without, with := first(), first("rollout.missing_eos_penalty=0.25")
	cut := without["completions/clipped_ratio"]
	if cut <= 0 || cut > 1 || with["completions/clipped_ratio"] != cut {
		t.Fatalf("share cut: got %v without, %v with", cut, with["completions/clipped_ratio"])
	}
	if got, want := with["objective/scores"], without["objective/scores"]-0.25*cut; math.Abs(got-want) > 1e-12 {
		t.Errorf("mean score: got %v, want %v", got, want)
	}
}

// Ending at once is no way out of the penalty.
func TestPenalties(t *testing.T) {
	r := &run{cfg: Config{Rollout: Rollout{MissingEOSPenalty: 0.25}}}
	gens := []lm.Generation{{Finish: "eos"}, {Finish: "length"}, {Finish: "eos"}, {Finish: "eos"}, {Finish: "stop"}}
	texts := []reward.Sample{{Response: "cold."}, {Response: "cold"}, {Response: ""}, {Response: ` ".`}, {Response: "7"}}
	if got, want := r.penalties(gens, texts), []float64{0, 0.25, 0.25, 0.25, 0}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// A configuration made of Default runs and resumes as one that Load made.
func TestDefaultsRun(t *testing.T) {
	cfg := Default()
	cfg.Out, cfg.Episodes = filepath.Join(t.TempDir(), "run"), 128
	first, err := Start(t.Context(), cfg, Deps{})
	if err != nil || !first.Complete || first.Earlier {
		t.Fatalf("start: got %+v, %v", first, err)
	}
	if again, err := Resume(t.Context(), cfg, Deps{}); err != nil || !again.Earlier {
		t.Errorf("resume: got %+v, %v", again, err)
	}
	kept, _, err := ReadConfig(cfg.Out)
	if err != nil || kept.Reward.Name != "pgsrm" || kept.Preset != "lexical" {
		t.Errorf("config.yaml: got reward %q, preset %q, %v", kept.Reward.Name, kept.Preset, err)
	}
	cfg.Out, cfg.Episodes = filepath.Join(t.TempDir(), "run"), -1
	if _, err := Start(t.Context(), cfg, Deps{}); !errors.Is(err, ErrConfig) {
		t.Errorf("episodes -1: got %v", err)
	}
}
