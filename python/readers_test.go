package python_test

import (
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgsrm/run"
	"pgsrm/serve/servetest"
)

// TensorBoard's own reader finds the scalars, texts and hparams of a run, and pandas and
// Polars read what export and report write of it, with PGSRM_PYTHON.
func TestReaders(t *testing.T) {
	python := os.Getenv("PGSRM_PYTHON")
	if python == "" {
		t.Skip("PGSRM_PYTHON is not set: TensorBoard, pandas and Polars did NOT read a run")
	}
	script, err := filepath.Abs(filepath.Join("testdata", "readers.py"))
	if err != nil {
		t.Fatal(err)
	}
	program := servetest.Binary(t)
	t.Chdir(t.TempDir())
	for _, args := range [][]string{
		{"train", "--task", "colors", "--episodes", "512", "--seed", "7", "--set", "eval_every=2", "--out", "runs/a"},
		{"export", "csv", "--out", "tables", "runs"}, {"export", "parquet", "--out", "tables", "runs"},
		{"report", "--out", "report", "--formats", "csv,parquet", "runs"},
	} {
		if out, err := exec.CommandContext(t.Context(), program, args...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v: %s", args, err, out)
		}
	}
	cmd := exec.CommandContext(t.Context(), python, "-I", script, "runs/a", "tables", "report")
	cmd.Stderr = os.Stderr
	text, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	type seen struct {
		Columns []string
		Rows    int
		Seed    string
		Sums    map[string]float64
	}
	var got struct {
		Scalars                             map[string][][2]float64
		Texts                               map[string][][2]any
		HParams                             map[string]any
		Metrics, Completions, Runs, Results map[string]seen
		Responses                           []string
		ResponsesCSV                        []string `json:"responses_csv"`
	}
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}

	want, rows, sum := map[string][][2]float64{}, 0, 0.0
	if _, err := run.ReadMetrics("runs/a", func(m run.Metrics) error {
		for name, v := range m.Values {
			want[name] = append(want[name], [2]float64{float64(m.Step), float64(float32(v))})
			rows++
			sum += v
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if len(want) < 30 {
		t.Fatalf("a run has more metrics than %d", len(want))
	}
	for name, points := range want {
		if !slices.Equal(got.Scalars[name], points) {
			t.Errorf("TensorBoard, %s: got %v, want %v", name, got.Scalars[name], points)
		}
	}
	if by := got.Scalars["by_episode/reward"]; len(by) != len(want["reward"]) || by[len(by)-1][0] != 512 {
		t.Errorf("TensorBoard, rewards over episodes: got %v", by)
	}
	if samples := got.Texts["samples/greedy"]; len(samples) != len(want["eval/train/exact_match"]) || !strings.HasPrefix(samples[0][1].(string), "| prompt | reference | answer | reward |\n|---|") {
		t.Errorf("TensorBoard, texts: got %v", samples)
	}
	if got.HParams["task"] != "colors" || got.HParams["seed"] != 7.0 || got.HParams["ppo.cliprange"] != 0.2 {
		t.Errorf("TensorBoard, hparams: got %v", got.HParams)
	}

	var responses []string
	if _, err := run.ReadCompletions("runs/a", func(c run.Completion) error { responses = append(responses, c.Response); return nil }); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got.Responses, responses) || !slices.Equal(got.ResponsesCSV, responses) {
		t.Error("the answers must be those of the run")
	}
	for _, c := range []struct {
		name   string
		tables map[string]seen
		rows   int
	}{{"metrics", got.Metrics, rows}, {"completions", got.Completions, len(responses)}, {"runs", got.Runs, 1}, {"results", got.Results, -1}} {
		if len(c.tables) != 4 {
			t.Fatalf("%s: got %v", c.name, c.tables)
		}
		first := c.tables["polars parquet"]
		for reader, s := range c.tables {
			if !slices.Equal(s.Columns, first.Columns) || s.Rows != first.Rows || s.Rows == 0 || c.rows >= 0 && s.Rows != c.rows || s.Seed != "int64" {
				t.Errorf("%s by %s: got %d rows of %v, seed %s, want %d", c.name, reader, s.Rows, s.Columns, s.Seed, c.rows)
			}
			for column, v := range first.Sums {
				if math.Abs(s.Sums[column]-v) > 1e-9*math.Max(1, math.Abs(v)) {
					t.Errorf("%s by %s: column %s adds up to %g, want %g", c.name, reader, column, s.Sums[column], v)
				}
			}
		}
	}
	if v := got.Metrics["polars csv"].Sums["value"]; math.Abs(v-sum) > 1e-9*math.Abs(sum) {
		t.Errorf("metrics add up to %g, want %g", v, sum)
	}
}
