package run

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgsrm/config"
	"pgsrm/hf"
	"pgsrm/parent"
	"pgsrm/task"
)

// sayer answers every prompt with its words in turn.
type sayer []string

func (sayer) Identity() string { return "sayer" }

func (s sayer) Answers(_ context.Context, items []task.Item) []parent.Result {
	out := make([]parent.Result, len(items))
	for i := range items {
		out[i].Answer = s[i%len(s)]
	}
	return out
}

// bareTask is a file of prompts without references.
func bareTask(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "bare.jsonl")
	text := `{"prompt":"red and blue is => "}` + "\n" + `{"prompt":"red and white is => "}` + "\n" + `{"prompt":"blue and white is => "}` + "\n"
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// The preset of a task without references is that of the parent's answers; what was
// given stays, and a resumed run keeps what was decided.
func TestPresetIsDecidedByTheAnswers(t *testing.T) {
	bare := bareTask(t)
	for _, c := range []struct {
		answers sayer
		want    string
		set     string
		lr      float64
	}{
		{sayer{"red", "blue"}, "lexical", "", Default().Schedule.LR},
		{sayer{"red", "it is blue"}, "sentence", "", OfPreset("sentence", false).Schedule.LR},
		{sayer{"red", "it is blue"}, "sentence", "schedule.lr=0.5", 0.5},
		{sayer{"red", "blue"}, "lexical", "schedule.lr=0.5", 0.5},
	} {
		dir := t.TempDir()
		set := []string{"task=" + bare, "parent=openai:m@http://h", "episodes=32"}
		if c.set != "" {
			set = append(set, c.set)
		}
		cfg := testConfig(t, dir, set...)
		if cfg.Preset != "" {
			t.Fatalf("preset %s before the parent has answered", cfg.Preset)
		}
		deps, seen := testDeps(t), &events{}
		deps.Parent, deps.Events = c.answers, []Subscriber{seen}
		if _, err := Start(context.Background(), cfg, deps); err != nil {
			t.Fatal(err)
		}
		got, _, err := ReadConfig(dir)
		if err != nil || got.Preset != c.want || got.Schedule.LR != c.lr || got.Episodes != 32 {
			t.Errorf("%v, %q: got %s, %v, %d episodes, %v; want %s, %v", c.answers, c.set, got.Preset, got.Schedule.LR, got.Episodes, err, c.want, c.lr)
		}
		if text := strings.Join(notesOf(seen), "\n"); !strings.Contains(text, "preset "+c.want) {
			t.Errorf("the start must tell of it (got %q)", text)
		}
		if res, err := Resume(context.Background(), cfg, testDeps(t)); err != nil || !res.Earlier {
			t.Errorf("resumed: %+v, %v", res, err)
		}
		cfg.Seed++
		if _, err := Resume(context.Background(), cfg, testDeps(t)); !errors.Is(err, ErrConfig) || !strings.HasPrefix(err.Error(), "seed: must be as in ") {
			t.Errorf("resumed with another seed: %v", err)
		}
	}
}

// notesOf are the notes of the start of a run.
func notesOf(e *events) []string {
	for _, one := range e.all {
		if s, ok := one.(Started); ok {
			return s.Notes
		}
	}
	return nil
}

// The number of episodes is part of what the answers decide.
func TestStepsFollowTheDecidedPreset(t *testing.T) {
	cfg, err := Load("", []config.Setting{
		{Key: "task", Value: bareTask(t)}, {Key: "parent", Value: "openai:m@http://h"}, {Key: "out", Value: t.TempDir()},
		{Key: "rollout.prompts_per_step", Value: "4800"}, {Key: "eval_prompts", Value: "1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	deps, seen := testDeps(t), &events{}
	deps.Parent, deps.Events = sayer{"red", "blue"}, []Subscriber{seen, stopAt{0, cancel}}
	if _, err := Start(ctx, cfg, deps); !errors.Is(err, ErrInterrupted) {
		t.Fatal(err)
	}
	for _, e := range seen.all {
		if s, ok := e.(Started); ok && s.Steps != 5 {
			t.Errorf("got %d steps, want 96000 / 19200", s.Steps)
		}
	}
}

// Of a child that is not built in the references bound the answers.
func TestAnswerLimit(t *testing.T) {
	colors, err := task.Load("colors", task.DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	m := testDeps(t).Model
	p, err := ChatTemplate{Use: "off"}.Prompter(m)
	if err != nil {
		t.Fatal(err)
	}
	words := func(n, last int) (*task.Task, map[string]string) {
		k, answers := &task.Task{MaxNewTokens: 7}, map[string]string{}
		for i := range 20 {
			id := string(rune('a' + i))
			k.Items = append(k.Items, task.Item{ID: id, Prompt: "x "})
			if answers[id] = strings.Repeat("Q", n); i == 0 {
				answers[id] = strings.Repeat("Q", last)
			}
		}
		return k, answers
	}
	for _, c := range []struct {
		what         string
		child        string
		tokens, last int // of 19 of 20 answers and of one, without the end token
		room, want   int
	}{
		{"two tokens of margin", "./x", 1, 1, 50, 4},
		{"one long answer does not count", "./x", 2, 30, 50, 5},
		{"a part of long answers", "./x", 31, 31, 50, 36},
		{"the context", "./x", 31, 31, 33, 33},
		{"a prompt that fills the context is reported elsewhere", "./x", 1, 1, 0, 4},
		{"the built-in child", "builtin:tiny", 31, 31, 50, 7},
	} {
		k, answers := words(c.tokens, c.last)
		if got, why := AnswerLimit(c.child, k, answers, nil, p, c.room); got != c.want || (why == "") != (c.child == "builtin:tiny") {
			t.Errorf("%s: got %d (%s), want %d", c.what, got, why, c.want)
		}
	}
	o := task.DefaultAnswerOptions()
	o.After = "QQQ" // and a space
	k, answers := words(1, 1)
	if got, why := AnswerLimit("./x", k, answers, o.Matcher(), p, 50); got != 4+3+1 {
		t.Errorf("with a marker: got %d (%s), want room for it", got, why)
	}
	// of few answers none is left out
	few, answers := words(1, 6)
	few.Items = few.Items[:3]
	if got, why := AnswerLimit("./x", few, answers, nil, p, 50); got != 9 || !strings.Contains(why, "at most 7 tokens") {
		t.Errorf("of three answers the longest counts: got %d (%s), want 9", got, why)
	}
	if got, why := AnswerLimit("./x", colors, nil, nil, p, 50); got != colors.MaxNewTokens || why != "" {
		t.Errorf("without references: got %d, want that of the task", got)
	}
}

// A run writes down the longest answer that it decided, keeps to it, and is resumed
// with it; one that began with 0 has that of the task.
func TestLongestAnswerOfARun(t *testing.T) {
	for _, c := range []struct {
		child string
		want  int
	}{
		{"builtin:tiny", 16}, // of a task without references
		{"./x", 4},           // one token, the end, and two more
	} {
		dir := t.TempDir()
		cfg := testConfig(t, dir, "task="+bareTask(t), "parent=openai:m@http://h", "child="+c.child, "preset=lexical", "episodes=32")
		deps, seen := testDeps(t), &events{}
		deps.Parent, deps.Events = sayer{"Q", "Z"}, []Subscriber{seen}
		if _, err := Start(context.Background(), cfg, deps); err != nil {
			t.Fatal(err)
		}
		began, _, err := ReadConfig(dir)
		if err != nil || began.Rollout.MaxNewTokens != c.want {
			t.Errorf("%s: got %d, %v, want %d", c.child, began.Rollout.MaxNewTokens, err, c.want)
		}
		if told := strings.Contains(strings.Join(notesOf(seen), "\n"), fmt.Sprintf("32 episodes in 2 steps, preset lexical, answers of at most %d tokens", c.want)); !told {
			t.Errorf("%s: notes %q", c.child, notesOf(seen))
		}
		if told := strings.Contains(strings.Join(notesOf(seen), "\n"), "answers of at most 4 tokens: "); told != (c.child == "./x") {
			t.Errorf("%s: notes %q", c.child, notesOf(seen))
		}
		if res, err := Resume(context.Background(), cfg, testDeps(t)); err != nil || !res.Earlier {
			t.Errorf("%s: resumed: %+v, %v", c.child, res, err)
		}
		old := &run{cfg: cfg, dir: &directory{begun: true}, task: &task.Task{MaxNewTokens: 7}}
		if old.decideLimit(nil, nil); old.cfg.Rollout.MaxNewTokens != 7 {
			t.Errorf("%s: a run that began with 0: got %d, want that of the task", c.child, old.cfg.Rollout.MaxNewTokens)
		}
		cfg.Rollout.MaxNewTokens = 9
		if _, err := Resume(context.Background(), cfg, testDeps(t)); !errors.Is(err, ErrConfig) || !strings.HasPrefix(err.Error(), "rollout.max_new_tokens: must be as in ") {
			t.Errorf("%s: resumed with another length: %v", c.child, err)
		}
	}
}

// Samples end at a stop text, which neither reward nor evaluation sees; that counts
// as ended, not as cut. A resumed run stops as the first did, and its child remembers.
func TestRunStopsAtTexts(t *testing.T) {
	set := []string{`rollout.stop=["a", "e"]`, "log_samples=16", "rollout.max_new_tokens=12"}
	straight, seen := t.TempDir(), &events{}
	deps := testDeps(t)
	deps.Events = []Subscriber{seen}
	if _, err := Start(context.Background(), testConfig(t, straight, set...), deps); err != nil {
		t.Fatal(err)
	}
	finished, cut := map[string]int{}, 0.0
	for _, e := range seen.all {
		switch e := e.(type) {
		case Completion:
			if finished[e.Finish]++; strings.ContainsAny(e.Response, "ae") {
				t.Errorf("%q must end before a stop text", e.Response)
			}
		case Metrics:
			if v, ok := e.Values["completions/clipped_ratio"]; ok {
				cut = max(cut, v)
			}
		}
	}
	if finished["stop"] == 0 || finished["length"] == 0 {
		t.Errorf("want answers that stop and some that are cut, got %v", finished)
	}
	if cut == 0 || cut > 0.9 {
		t.Errorf("answers that stop are not cut: got a share of %v", cut)
	}

	dir := t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	deps = testDeps(t)
	deps.Events = []Subscriber{stopAt{4, cancel}}
	if _, err := Start(ctx, testConfig(t, dir, set...), deps); !errors.Is(err, ErrInterrupted) {
		t.Fatal(err)
	}
	if _, err := Resume(context.Background(), testConfig(t, dir, set...), testDeps(t)); err != nil {
		t.Fatal(err)
	}
	compareRuns(t, straight, dir)
	mem, ok, err := hf.ReadMemory(os.DirFS(filepath.Join(dir, childDir)))
	if err != nil || !ok || len(mem.Stop) != 2 || mem.MaxNewTokens != 12 {
		t.Errorf("got %+v, %v, %v", mem, ok, err)
	}
}

// A dry run says what is decided already, from the answers of a parent that costs
// nothing and from the run that it would resume.
func TestDryRunTellsWhatIsDecided(t *testing.T) {
	begun, bare := t.TempDir(), bareTask(t)
	open := []string{"task=" + bare, "parent=openai:m@http://h", "episodes=16"}
	dry := func(out string, resume bool, set ...string) Plan {
		deps := testDeps(t)
		deps.Parent = sayer{"Q", "Z"}
		p, err := DryRun(context.Background(), testConfig(t, out, append(set, open...)...), resume, deps)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	if p := dry(filepath.Join(t.TempDir(), "run"), false); !slices.Contains(p.Notes, "preset lexical or sentence, by the parent's answers") {
		t.Errorf("got %q", p.Notes)
	}
	if p := dry(filepath.Join(t.TempDir(), "run"), false, "child=./x"); !strings.HasPrefix(strings.Join(p.Notes, "\n"), "answers of at most 4 tokens: ") {
		t.Errorf("got %q", p.Notes)
	}
	deps := testDeps(t)
	deps.Parent = sayer{"Q", "Z"}
	if _, err := Start(context.Background(), testConfig(t, begun, open...), deps); err != nil {
		t.Fatal(err)
	}
	if p := dry(begun, true); p.State != DirComplete || p.Notes != nil || p.Steps != 1 {
		t.Errorf("got %+v", p)
	}
}
