package run

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgsrm/embed"
	"pgsrm/parent"
	"pgsrm/task"
)

// silentParent and silentLetters must not be asked.
type silentParent struct{ t *testing.T }

func (silentParent) Identity() string { return "silent" }

func (p silentParent) Answers(context.Context, []task.Item) []parent.Result {
	p.t.Error("the parent was asked")
	return nil
}

type silentLetters struct {
	letters
	t *testing.T
}

func (s silentLetters) Embed(context.Context, []string) []embed.Result {
	s.t.Error("the embedder was asked")
	return nil
}

func TestDryRunOpensAndAsksNothing(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	deps := testDeps(t)
	deps.Parent, deps.Embedder = silentParent{t}, silentLetters{t: t}
	p, err := DryRun(context.Background(), testConfig(t, out), false, deps)
	if err != nil {
		t.Fatal(err)
	}
	if p.Parent != "silent" || p.Train < 1 || p.HeldOut < 1 || p.Steps != 10 || p.Episodes != 160 || p.State != DirAbsent || p.Trained != p.Weights {
		t.Errorf("got %+v", p)
	}
	if _, err := os.Stat(out); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the run directory was made: %v", err)
	}
	adapters, err := DryRun(context.Background(), testConfig(t, out, "lora.rank=2"), false, deps)
	if err != nil || adapters.Trained >= adapters.Weights || adapters.Trained < 1 {
		t.Errorf("adapters: got %+v, %v", adapters, err)
	}
}

// What a run would end with at its start, a dry run says.
func TestDryRunRefuses(t *testing.T) {
	begun := t.TempDir()
	if _, err := Start(context.Background(), testConfig(t, begun, "episodes=16"), testDeps(t)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		set    []string
		out    string
		resume bool
		want   string
	}{
		{[]string{"lora.rank=2", "lora.targets=nothing"}, "", false, "lora"},
		{[]string{"rollout.max_new_tokens=100000"}, "", false, "must fit in the context of"},
		{nil, begun, false, "holds a run already"},
		{[]string{"episodes=16", "seed=9"}, begun, true, "seed: must be as in "},
		{[]string{"episodes=16"}, begun, true, ""},
	} {
		out := c.out
		if out == "" {
			out = filepath.Join(t.TempDir(), "run")
		}
		_, err := DryRun(context.Background(), testConfig(t, out, c.set...), c.resume, testDeps(t))
		if c.want == "" && err == nil {
			continue
		}
		if !errors.Is(err, ErrConfig) || c.want == "" || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, resume %v: got %v, want %q", c.set, c.resume, err, c.want)
		}
	}
}
