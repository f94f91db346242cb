package run

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgsrm/reward"
)

// withRewards is a configuration once for each reward.
func withRewards(t testing.TB, base Config, names ...string) []Config {
	t.Helper()
	var out []Config
	for _, name := range names {
		c := base
		var err error
		if c.Reward, err = reward.Named(name); err != nil {
			t.Fatal(err)
		}
		out = append(out, c)
	}
	return out
}

// Arms have the seeds of the first, ordered by seed, and folders named for them.
func TestArms(t *testing.T) {
	configs := withRewards(t, Default(), "pgsrm", "binary", "binary")
	for i := range configs {
		configs[i].Out = "R"
	}
	configs[2].Arm, configs[2].Schedule.LR = "binary[schedule.lr=1e-4]", 1e-4
	arms, err := Arms(configs, 2)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, a := range arms {
		names = append(names, a.Name)
		if want := filepath.Join("R", filepath.FromSlash(a.Name)); a.Config.Out != want {
			t.Errorf("got %s, want %s", a.Config.Out, want)
		}
	}
	want := []string{
		"pgsrm/seed-1", "binary/seed-1", "binary_schedule.lr=1e-4_/seed-1",
		"pgsrm/seed-2", "binary/seed-2", "binary_schedule.lr=1e-4_/seed-2",
	}
	if !slices.Equal(names, want) {
		t.Errorf("got %q, want %q", names, want)
	}
	if a := arms[5].Config; a.Schedule.LR != 1e-4 || a.Seed != 2 || a.Reward.Name != "binary" || a.ArmName() != "binary[schedule.lr=1e-4]" {
		t.Errorf("got %+v", a)
	}
}

func TestArmsThatCannotBeCompared(t *testing.T) {
	pair := func(change func(c *Config)) []Config {
		configs := withRewards(t, Default(), "binary", "binary")
		change(&configs[1])
		return configs
	}
	for want, configs := range map[string][]Config{
		`rewards: must differ (got "binary" twice)`: pair(func(*Config) {}),
		`rewards: must differ (got "a/b" twice)`:    {pair(func(c *Config) { c.Arm = "a*b" })[1], pair(func(c *Config) { c.Arm = "a/b" })[1]},
		`rewards: all arms must have as many episodes in whole steps, choose --episodes so (got binary with 96000, binary[x=7] with 96012)`: pair(func(c *Config) {
			c.Arm, c.Rollout.PromptsPerStep = "binary[x=7]", 7
		}),
	} {
		if _, err := Arms(configs, 1); !errors.Is(err, ErrConfig) || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestFolderName(t *testing.T) {
	long := strings.Repeat("exact+", 100)
	for name, want := range map[string]string{
		"0.5*exact + x^2":        "0.5_exact_+_x^2",
		`contains("../a\b")`:     "contains__.._a_b__",
		strings.Repeat("a", 100): strings.Repeat("a", 100),
		long:                     long[:100] + "-88612687",
	} {
		if got := FolderName(name); got != want {
			t.Errorf("%.30s: got %s, want %s", name, got, want)
		}
	}
	if FolderName(long) == FolderName(long+"+") {
		t.Error("long names must differ")
	}
}

func TestCheckArmKey(t *testing.T) {
	for _, key := range []string{"task", "seed", "out", "reward", "reward.terms", "arm", "episodes", "eval_prompts", "threads"} {
		if err := CheckArmKey(key); err == nil || !strings.HasPrefix(err.Error(), key+": must not be set for one arm, ") {
			t.Errorf("%s: got %v", key, err)
		}
	}
	for _, key := range []string{"schedule.lr", "algorithm", "eval_every", "rewards"} {
		if err := CheckArmKey(key); err != nil {
			t.Errorf("%s: got %v", key, err)
		}
	}
}

// The name of the arm is kept by the run, nothing depends on it, and another one is no
// reason to refuse a run that has begun.
func TestArmIsKept(t *testing.T) {
	dir := t.TempDir()
	train := func(name, arm string) string {
		cfg := testConfig(t, filepath.Join(dir, name), "episodes=32")
		cfg.Arm = arm
		if _, err := Resume(context.Background(), cfg, testDeps(t)); err != nil {
			t.Fatal(err)
		}
		return cfg.Out
	}
	plain, named := train("plain", ""), train("named", "pgsrm[x=1]")
	for path, want := range map[string]string{plain: "pgsrm", named: "pgsrm[x=1]"} {
		c, _, err := ReadConfig(path)
		if err != nil || c.ArmName() != want {
			t.Errorf("got %q, %v, want %q", c.ArmName(), err, want)
		}
	}
	train("named", "pgsrm[x=2]")
	compareRuns(t, plain, named)
}
