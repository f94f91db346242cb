package run

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What a run tells its subscribers is what reading its directory gives.
func TestRunReadsBack(t *testing.T) {
	dir, deps, seen := t.TempDir(), testDeps(t), &events{}
	deps.Events = []Subscriber{seen}
	cfg := testConfig(t, dir, "episodes=48")
	if _, err := Start(context.Background(), cfg, deps); err != nil {
		t.Fatal(err)
	}
	var want, got events
	for _, e := range seen.all {
		switch e := e.(type) {
		case Metrics:
			maps := map[string]float64{}
			for name, v := range e.Values {
				if !math.IsNaN(v) && !math.IsInf(v, 0) {
					maps[name] = v
				}
			}
			want.Event(Metrics{e.Step, e.Episode, maps})
		case Timing, Completion:
			want.Event(e)
		}
	}
	torn := [3]bool{}
	var errs [3]error
	torn[0], errs[0] = ReadMetrics(dir, func(m Metrics) error { return got.Event(m) })
	torn[1], errs[1] = ReadTimings(dir, func(m Timing) error { return got.Event(m) })
	torn[2], errs[2] = ReadCompletions(dir, func(c Completion) error { return got.Event(c) })
	if err := errors.Join(errs[:]...); err != nil || torn != [3]bool{} {
		t.Fatalf("torn %v, %v", torn, err)
	}
	split := func(all []Event) (metrics []Metrics, timings []Timing, completions []Completion) {
		for _, e := range all {
			switch e := e.(type) {
			case Metrics:
				metrics = append(metrics, e)
			case Timing:
				timings = append(timings, e)
			case Completion:
				completions = append(completions, e)
			}
		}
		return metrics, timings, completions
	}
	m1, t1, c1 := split(want.all)
	m2, t2, c2 := split(got.all)
	if diff := cmp.Diff(m1, m2); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(c1, c2); diff != "" {
		t.Error(diff)
	}
	if len(t1) == 0 || len(t1) != len(t2) {
		t.Errorf("%d timings, want %d", len(t2), len(t1))
	}
	answers, err := ReadAnswers(dir)
	if err != nil || len(answers) != 90 || answers[0].ID == "" || answers[0].Answer == "" {
		t.Errorf("%d answers, the first %+v, %v", len(answers), answers[0], err)
	}
	env, err := ReadEnvironment(dir)
	if err != nil || env.Steps != 3 || env.Embedder != (letters{}).Identity() || len(env.Files) != 3 {
		t.Errorf("environment %+v, %v", env, err)
	}
	if read, ok, err := ReadConfig(dir); err != nil || !ok || read.Episodes != 48 {
		t.Errorf("configuration %+v, %v, %v", read, ok, err)
	}
}

func TestReadBadLines(t *testing.T) {
	for _, c := range []struct {
		text string
		n    int // lines read
		torn bool
		want string // end of the error
	}{
		{"", 0, false, ""},
		{`{"step":1,"episode":8,"a":1}` + "\n\n" + `{"step":2,"episode":16,"a":null}` + "\n", 2, false, ""},
		{`{"step":1,"episode":8,"a":1}` + "\n" + `{"step":2,"epi`, 1, true, ""},
		{`{"step":1,"episode":8,"a":1}` + "\n" + `{"step":2,"epi` + "\n", 1, false, "metrics.jsonl:2: must be a JSON object: unexpected end of JSON input"},
		{`{"step":-1,"episode":8}` + "\n", 0, false, "metrics.jsonl:1: step must be a whole number of at least 0 (got -1)"},
		{`{"step":1}` + "\n", 0, false, `metrics.jsonl:1: must have the field "episode"`},
		{`{"step":2,"episode":8}` + "\n" + `{"step":1,"episode":8}` + "\n", 1, false, "metrics.jsonl:2: step must not fall (got 1 after 2)"},
		{`{"step":1,"episode":8,"a":"x"}` + "\n", 0, false, `metrics.jsonl:1: a must be a number (got "x")`},
		{`{"step":1,"episode":8,"a":1e999}` + "\n", 0, false, `metrics.jsonl:1: a must be a number (got 1e999)`},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, MetricsFile), []byte(c.text), 0o644); err != nil {
			t.Fatal(err)
		}
		n := 0
		torn, err := ReadMetrics(dir, func(Metrics) error { n++; return nil })
		text := ""
		if err != nil {
			text = err.Error()[len(dir)+1:]
		}
		if n != c.n || torn != c.torn || text != c.want {
			t.Errorf("%q: got %d lines, torn %v, error %q", c.text, n, torn, text)
		}
	}
	empty := t.TempDir()
	if torn, err := ReadCompletions(empty, nil); torn || err != nil {
		t.Errorf("an absent file: %v, %v", torn, err)
	}
	if _, err := ReadAnswers(empty); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("absent answers: %v", err)
	}
	if _, err := ReadEnvironment(empty); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("absent environment: %v", err)
	}
}
