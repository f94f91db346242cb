package report

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
)

// An arm has the name that compare was given for it; it stands against the plain binary
// arm, or the one with the same settings.
func TestArmsWithSettings(t *testing.T) {
	dir := t.TempDir()
	for _, a := range []struct {
		arm, reward string
		lr          float64
	}{
		{"", "pgsrm", 3e-4}, {"pgsrm[schedule.lr=1e-4]", "pgsrm", 1e-4},
		{"gkd", "pgsrm", 3e-4}, {"maxrl", "binary", 3e-4}, // named arms: no reward of theirs is the first or the baseline
		{"", "binary", 3e-4}, {"binary[schedule.lr=1e-4]", "binary", 1e-4}, {"binary[schedule.lr=1e-5]", "binary", 1e-5},
	} {
		for seed := 1; seed <= 2; seed++ {
			at := filepath.Join(dir, first(a.arm, a.reward), fmt.Sprintf("seed-%d", seed))
			tiny(t, dir, first(a.arm, a.reward), seed, 0.5)
			text, err := json.Marshal(map[string]any{
				"task": "colors", "reward": map[string]any{"name": a.reward}, "arm": a.arm, "seed": seed, "episodes": 100, "schedule": map[string]any{"lr": a.lr},
			})
			if err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(at, "config.yaml"), string(text))
		}
	}
	s, err := summarize(dir)
	if err != nil {
		t.Fatal(err)
	}
	var labels, against []string
	for _, a := range s.Arms {
		labels = append(labels, a.Reward)
	}
	for _, c := range s.Comparisons {
		against = append(against, c.Reward+" "+c.Baseline)
	}
	if want := []string{"pgsrm", "pgsrm[schedule.lr=1e-4]", "gkd", "maxrl", "binary", "binary[schedule.lr=1e-4]", "binary[schedule.lr=1e-5]"}; !slices.Equal(labels, want) {
		t.Errorf("got %q, want %q", labels, want)
	}
	if want := []string{"pgsrm binary", "pgsrm[schedule.lr=1e-4] binary[schedule.lr=1e-4]", "gkd binary", "maxrl binary", "binary[schedule.lr=1e-4] binary", "binary[schedule.lr=1e-5] binary"}; !slices.Equal(against, want) {
		t.Errorf("got %q, want %q", against, want)
	}
}
