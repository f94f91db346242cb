package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"pgsrm/config"
	"pgsrm/docs"
	"pgsrm/reward"
	"pgsrm/rl"
	"pgsrm/run"
	"pgsrm/task"
)

// offered asks the program as a shell does; the last line of its answer is the
// directive.
func offered(t *testing.T, args ...string) (words []string, directive string) {
	t.Helper()
	code, stdout, _ := call(t, append([]string{"__complete"}, args...)...)
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	if code != 0 || len(lines) == 0 {
		t.Fatalf("%v: code %d, %q", args, code, stdout)
	}
	for _, line := range lines[:len(lines)-1] {
		word, _, _ := strings.Cut(line, "\t")
		words = append(words, word)
	}
	return words, lines[len(lines)-1]
}

func TestCompletion(t *testing.T) {
	const files, noFiles = ":0", ":4"
	for _, c := range []struct {
		args      []string
		want      []string
		directive string
	}{
		{[]string{"train", "--task", ""}, task.Names(), files},
		{[]string{"score", "--task", "co"}, []string{"colors", "copy"}, files},
		{[]string{"train", "--algorithm", ""}, rl.Algorithms(), noFiles},
		{[]string{"train", "--preset", ""}, run.Presets(), noFiles},
		{[]string{"probe", "--reward", ""}, append(reward.Names(), reward.Kinds()...), noFiles},
		{[]string{"compare", "--rewards", "pgsrm-"}, []string{"pgsrm-1", "pgsrm-paper", "pgsrm-maxrl"}, noFiles},
		{[]string{"compare", "--rewards", "exact,bin"}, []string{"exact,binary", "exact,binary-grpo"}, noFiles},
		{[]string{"train", "--reward", "max"}, []string{"maxrl"}, noFiles},
		{[]string{"train", "--set", "rollout.top_"}, []string{"rollout.top_k=", "rollout.top_p="}, ":6"},
		{[]string{"train", "--set", "ppo.baseline="}, []string{"ppo.baseline=value", "ppo.baseline=group", "ppo.baseline=history", "ppo.baseline=batch"}, noFiles},
		{[]string{"train", "--set", "recompute="}, []string{"recompute=true", "recompute=false"}, noFiles},
		{[]string{"train", "--set", "task=co"}, []string{"task=colors", "task=copy"}, noFiles},
		{[]string{"train", "--set", "seed="}, nil, noFiles},
		{[]string{"config", "explain", "schedule"}, []string{"schedule", "schedule.kind", "schedule.lr", "schedule.warmup", "schedule.final"}, noFiles},
		{[]string{"generate", "--child", "b"}, []string{"builtin:tiny"}, files},
		{[]string{"eval", "--split", ""}, []string{"held-out", "train"}, noFiles},
		{[]string{"completion", ""}, []string{"bash", "zsh", "fish", "powershell"}, noFiles},
	} {
		words, directive := offered(t, c.args...)
		if !slices.Equal(words, c.want) || directive != c.directive {
			t.Errorf("%v: got %q %s, want %q %s", c.args, words, directive, c.want, c.directive)
		}
	}
}

// --set offers every key of the configuration, with its description.
func TestCompletionOfSetIsWhole(t *testing.T) {
	_, stdout, _ := call(t, "__complete", "doctor", "--set", "")
	c := run.Default()
	for _, k := range config.Keys(&c) {
		e := config.ParsePage(docs.Configuration).Find(k.Name)
		if k.Section && k.Name != "reward" || strings.HasPrefix(k.Name, "reward.") {
			continue
		}
		if want := k.Name + "=\t" + e.Text[0] + "\n"; !strings.Contains(stdout, want) {
			t.Errorf("must offer %q", want)
		}
	}
}

// The flags that commands share are completed in every command that has them.
func TestFlagsAreCompletedEverywhere(t *testing.T) {
	n := 0
	eachCommand(newRootCommand(&globalOptions{}), func(c *cobra.Command) {
		for name := range completions {
			if c.Flags().Lookup(name) == nil {
				continue
			}
			n++
			if _, ok := c.GetFlagCompletionFunc(name); !ok {
				t.Errorf("%s --%s", c.CommandPath(), name)
			}
		}
	})
	if n < 40 {
		t.Errorf("got %d flags", n)
	}
}

// Each shell gets a script; the command is shown in the help.
func TestCompletionScripts(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if code, stdout, stderr := call(t, "completion", shell); code != 0 || len(stdout) < 1000 || stderr != "" {
			t.Errorf("%s: code %d, %d bytes, %q", shell, code, len(stdout), stderr)
		}
	}
	if _, stdout, _ := call(t, "--help"); !strings.Contains(stdout, "\n  completion ") {
		t.Errorf("got %s", stdout)
	}
	if code, _, stderr := call(t, "completion", "tcsh"); code != exitInput || stderr != "pgsrm: completion: must be one of bash, zsh, fish, powershell (got \"tcsh\")\n" {
		t.Errorf("code %d, %q", code, stderr)
	}
}

// Every key and section can be explained.
func TestEveryKeyIsExplained(t *testing.T) {
	c := run.Default()
	for _, k := range config.Keys(&c) {
		code, stdout, stderr := call(t, "config", "explain", k.Name)
		lines := strings.Split(stdout, "\n")
		if code != 0 || stderr != "" || len(lines) < 3 || len(strings.TrimSpace(lines[1])) < 8 {
			t.Errorf("%s: code %d, %q, %q", k.Name, code, stdout, stderr)
		}
	}
}
