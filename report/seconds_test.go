package report

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// Two arms of two seeds, evaluated every 100 episodes: the quick one takes 1 s for 100, the
// slow one 2 s; "none" trains nothing and takes no time.
func TestEqualSeconds(t *testing.T) {
	dir := t.TempDir()
	for arm, seconds := range map[string]float64{"quick": 1, "slow": 2, "none": 0.1} {
		for seed := 1; seed <= 2; seed++ {
			at := filepath.Join(dir, arm, fmt.Sprintf("seed-%d", seed))
			tiny(t, dir, arm, seed, 0.5)
			var metrics, timings strings.Builder
			for step := 0; step <= 4; step++ {
				fmt.Fprintf(&metrics, `{"step":%d,"episode":%d,"eval/train/exact_match":%g,"eval/held_out/exact_match":%g,"eval/train/semantic":0.5}`+"\n", step, 100*step, 0.2*float64(step), 0.1*float64(step))
				if step > 0 {
					fmt.Fprintf(&timings, `{"step":%d,"episode":%d,"seconds":%g,"rollout":9}`+"\n"+`{"step":%d,"episode":%d,"evaluate":50}`+"\n", step, 100*step, seconds*float64(seed), step, 100*step)
				}
			}
			algorithm := "ppo"
			if arm == "none" {
				algorithm = "none"
			}
			write(t, filepath.Join(at, "metrics.jsonl"), metrics.String())
			write(t, filepath.Join(at, "timings.jsonl"), timings.String())
			write(t, filepath.Join(at, "config.yaml"), fmt.Sprintf("task: colors\nreward: %s\nseed: %d\nepisodes: 400\nalgorithm: %s\n", arm, seed, algorithm))
		}
	}
	s, err := summarize(dir)
	if err != nil {
		t.Fatal(err)
	}
	// Seed 1: the quick one is done after 4 s, the slow one has 200 episodes then; seed 2: 8 s, the same.
	for _, a := range s.Arms {
		e, episodes := a.EqualSeconds, map[string]float64{"quick": 400, "slow": 200, "none": 400}[a.Reward]
		if e == nil || e.Seconds != 6 || e.Episodes != episodes || e.Semantic.HeldOut != nil {
			t.Fatalf("%s: got %+v", a.Reward, e)
		}
		if got, want := e.ExactMatch.Train.Mean, 0.2*episodes/100; got != want {
			t.Errorf("%s: got %v, want %v", a.Reward, got, want)
		}
		if got, want := a.ExactMatch.Train.Mean, 0.8; got != want {
			t.Errorf("%s at the end: got %v, want %v", a.Reward, got, want)
		}
	}
	var b strings.Builder
	if err := s.Print(&b); err != nil {
		t.Fatal(err)
	}
	want := `after 6s of training each, as long as the fastest took:
reward  exact train         exact held-out      episodes
none    80.0% [80.0, 80.0]  40.0% [40.0, 40.0]  400
quick   80.0% [80.0, 80.0]  40.0% [40.0, 40.0]  400
slow    40.0% [40.0, 40.0]  20.0% [20.0, 20.0]  200
`
	if !strings.Contains(b.String(), want) {
		t.Errorf("got\n%s", b.String())
	}
}

// Without the time of an arm there is no such table.
func TestEqualSecondsUnknown(t *testing.T) {
	dir := t.TempDir()
	tiny(t, dir, "pgsrm", 1, 0.5)
	tiny(t, dir, "binary", 1, 0.5)
	write(t, filepath.Join(dir, "binary", "seed-1", "timings.jsonl"), "")
	s, err := summarize(dir)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := s.Print(&b); err != nil {
		t.Fatal(err)
	}
	if s.Arms[0].EqualSeconds != nil || strings.Contains(b.String(), "as long as") {
		t.Errorf("got %+v\n%s", s.Arms[0].EqualSeconds, b.String())
	}
}
