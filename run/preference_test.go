package run

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgsrm/rl"
)

// preferring are the settings of a run whose reward is a preference head.
func preferring(more ...string) []string {
	return append([]string{"reward=preferred", "algorithm=grpo", "replay.per_prompt=0", "preference.updates=5", "preference.lr=0.003"}, more...)
}

func TestPreferenceResumesToTheSameBits(t *testing.T) {
	for name, set := range map[string][]string{
		"offline":  preferring(),
		"online":   preferring("preference.update=online"),
		"adapters": preferring("preference.update=online", "lora.rank=2"),
		"mixed":    append(preferring("preference.update=online"), "reward=0.5*exact + 0.5*preferred", "algorithm=ppo", "replay.per_prompt=2"),
	} {
		t.Run(name, func(t *testing.T) { resumesToTheSameBits(t, testDeps, set...) })
	}
}

// The head learns before the first step; online it learns on, and the reward of the same
// answers changes with it.
func TestPreferenceLearns(t *testing.T) {
	offline, _ := metricsOf(t, preferring("preference.updates=0")...)
	if r := offline[0]["reward"]; r != 0.5 {
		t.Errorf("a head that has learned nothing gives %v, want 1/2", r)
	}
	offline, _ = metricsOf(t, preferring("preference.updates=60")...)
	if r := offline[0]["reward"]; !(r < 0.3) {
		t.Errorf("after 60 updates the answers of a child that knows nothing earn %v", r)
	}
	if _, told := offline[0]["pgsrm/preference_loss"]; told {
		t.Error("an offline head must not learn in a step")
	}
	online, _ := metricsOf(t, preferring("preference.updates=0", "preference.update=online", "episodes=640")...)
	if first, last := online[0]["pgsrm/preference_loss"], online[39]["pgsrm/preference_loss"]; !(first > 0.69 && first < 0.70 && last < first) || online[39]["rewards/preferred/mean"] == 0.5 {
		t.Errorf("the loss goes from %v to %v", first, last)
	}
	for _, m := range online {
		if a := m["pgsrm/preference_accuracy"]; a < 0 || a > 1 {
			t.Errorf("share right: %v", a)
		}
	}
}

// A checkpoint whose head is damaged is not resumed from.
func TestPreferenceCheckpointIsWhole(t *testing.T) {
	dir := t.TempDir()
	if _, err := Start(t.Context(), testConfig(t, dir, preferring()...), testDeps(t)); err != nil {
		t.Fatal(err)
	}
	head := filepath.Join(dir, "checkpoints", checkpointName(10), preferenceDir)
	for _, name := range []string{"child/model.safetensors", trainerFile} {
		if _, err := os.Stat(filepath.Join(head, name)); err != nil {
			t.Error(err)
		}
	}
	if err := os.Truncate(filepath.Join(head, trainerFile), 100); err != nil {
		t.Fatal(err)
	}
	cfg := testConfig(t, dir, preferring("episodes=320")...)
	cfg.Extend = true
	if _, err := Resume(t.Context(), cfg, testDeps(t)); !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), "preference/trainer.safetensors: is not as it was written") {
		t.Errorf("got %v", err)
	}
}

// A look at the child, before a run and with its reward, and a look that trains nothing.
func TestPreferenceLook(t *testing.T) {
	set := preferring("look=on")
	plan, err := DryRun(t.Context(), testConfig(t, t.TempDir(), set...), false, testDeps(t))
	if err != nil || plan.Look == nil {
		t.Errorf("tried: got %+v, %v", plan.Look, err)
	}
	dir := t.TempDir()
	if _, err := Start(t.Context(), testConfig(t, dir, set...), testDeps(t)); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := ReadLook(dir); !ok || err != nil {
		t.Errorf("look.json: %v, %v", ok, err)
	}
}

func TestPreferenceDefaultsAreValid(t *testing.T) {
	if o := rl.DefaultPreference(); o.Online() {
		t.Error("by default the head learns before the run alone")
	}
}
