package report

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgsrm/run"
)

// What runs warned of and saw of their child is in the report, once for all of them.
func TestWarningsAndLookOfRuns(t *testing.T) {
	dir := t.TempDir()
	line := `{"step":1,"episode":64,"reward":0.5}` + "\n"
	for _, seed := range []string{"seed-1", "seed-2"} {
		at := filepath.Join(dir, "binary", seed)
		write(t, filepath.Join(at, run.MetricsFile), line)
		write(t, filepath.Join(at, "config.yaml"), "task: colors\nreward: binary\nlook: "+map[string]string{"seed-1": "on", "seed-2": "off"}[seed]+"\nseed: "+seed[5:]+"\n")
		write(t, filepath.Join(at, run.WarningsFile), `{"step":5,"text":"answers are cut"}`+"\n"+`{"step":9,"text":"answers are cut"}`+"\n")
	}
	write(t, filepath.Join(dir, "binary", "seed-1", "look.json"), `{"prompts":16,"samples":4,"cut":0.75,"max_new_tokens":5,"advice":[{"rule":"time","seen":"<b>slow","do":"less"}]}`)
	data, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	g := data.Groups[0]
	if want := []string{filepath.Join(dir, "binary", "seed-1") + " and 1 more: answers are cut"}; !slices.Equal(g.Warnings, want) || len(g.Arms) != 1 {
		t.Errorf("got %q of %d arms, want %q", g.Warnings, len(g.Arms), want)
	}
	page, err := data.html()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"The child before training", "75% cut at the limit of 5 tokens", "advice: &lt;b&gt;slow: less", "answers are cut"} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the page must have %q", want)
		}
	}
	write(t, filepath.Join(dir, "binary", "seed-1", "look.json"), `{"prompts":"x"}`)
	if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), "look.json") {
		t.Errorf("a damaged look: got %v", err)
	}
}

// Settings of early stopping that are off are as none, and a run that stopped early is
// told from one that was interrupted.
func TestEarlyStopping(t *testing.T) {
	const off = "early_stopping: {patience: 0, threshold: 0, metric: \"\", mode: max}\n"
	const on = "early_stopping: {patience: 2, threshold: 0, metric: eval/train/chrf, mode: max}\n"
	for _, c := range []struct {
		first, second string
		arms          int
		want          string
	}{
		{"", off, 1, "the run stopped at 64 of 128 episodes"},
		{off, on + "best: {metric: eval/train/chrf, mode: max, child: best}\n", 2, "the run stopped early, at 64 of 128 episodes"},
	} {
		dir := t.TempDir()
		for seed, text := range []string{c.first, c.second} {
			at := filepath.Join(dir, "binary", fmt.Sprintf("seed-%d", seed))
			write(t, filepath.Join(at, run.MetricsFile), `{"step":1,"episode":64,"reward":0.5}`+"\n")
			write(t, filepath.Join(at, "config.yaml"), fmt.Sprintf("task: colors\nreward: binary\nseed: %d\nepisodes: 128\n%s", seed, text))
			write(t, filepath.Join(at, "child", "config.json"), "{}")
		}
		data, err := Load(dir)
		if err != nil {
			t.Fatal(err)
		}
		if g := data.Groups[0]; len(g.Arms) != c.arms || !strings.Contains(strings.Join(g.Warnings, "\n"), c.want) {
			t.Errorf("%q and %q: %d arms, warnings %q", c.first, c.second, len(g.Arms), g.Warnings)
		}
	}
}

// A run that warns without end is cut short.
func TestManyWarnings(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, run.MetricsFile), `{"step":1,"episode":64,"reward":0.5}`+"\n")
	var lines strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&lines, "{\"step\":%d,\"text\":\"%d of 1000 rewards failed\"}\n", i, i)
	}
	write(t, filepath.Join(dir, run.WarningsFile), lines.String()+`{"step":1000,"te`)
	r, err := loadRun(dir)
	if err != nil || len(r.Warnings) != keptWarnings+2 || r.Warnings[keptWarnings] != "more warnings stand in warnings.jsonl" || !strings.Contains(r.Warnings[keptWarnings+1], "cut off") {
		t.Errorf("got %q, %v", r.Warnings, err)
	}
}
