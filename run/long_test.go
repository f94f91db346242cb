package run

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Prompts that the child's context cannot hold are left out with a warning, unless they are
// most; so are references warned of that a limit cuts. A resumed run does not say it again.
func TestWhatDoesNotFit(t *testing.T) {
	long := strings.Repeat("x ", 400)
	for _, c := range []struct {
		name, rows, bad string
		warnings        []string
	}{
		{"some prompts", `{"prompt":"a","reference":"b","split":"train"}
{"prompt":"c","reference":"d","split":"train"}
{"prompt":"` + long + `","reference":"e","split":"train","id":"l"}`, "", []string{"task: 1 of 3 prompts do not fit in the context of the child with an answer of 3 tokens and are left out; the first: item l: "}},
		{"most prompts", `{"prompt":"` + long + `","reference":"e","split":"train","id":"l"}`, "task: item l: ", nil},
		{"a reference", `{"prompt":"a","reference":"one two three four five six","split":"train"}
{"prompt":"c","reference":"d","split":"train"}`, "", []string{"task: 1 of 2 references have more than 3 tokens, the limit of answers (the longest "}},
	} {
		file := filepath.Join(t.TempDir(), "rows.jsonl")
		if err := os.WriteFile(file, []byte(c.rows), 0o600); err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		cfg := testConfig(t, dir, "task="+file, "reward=binary", "episodes=64", "rollout.max_new_tokens=3", "preset=lexical")
		ctx, cancel := context.WithCancel(context.Background())
		deps := testDeps(t)
		deps.Events = []Subscriber{stopAt{1, cancel}}
		_, err := Start(ctx, cfg, deps)
		if c.bad != "" {
			if err == nil || !strings.HasPrefix(err.Error(), c.bad) {
				t.Errorf("%s: got %v, want %s", c.name, err, c.bad)
			}
			continue
		}
		if _, err := Resume(context.Background(), cfg, testDeps(t)); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		text, err := os.ReadFile(filepath.Join(dir, WarningsFile))
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range c.warnings {
			if n := strings.Count(string(text), want); n != 1 {
				t.Errorf("%s: %d times %q in %s", c.name, n, want, text)
			}
		}
	}
}
