package main

import (
	"bytes"
	"encoding/csv"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
)

// Runs as CSV and as Parquet have the same rows; hostile texts stay in their cells.
func TestExport(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	f := folder{t}
	f.check(os.MkdirAll("runs/a", 0o755))
	f.write("runs/a/config.yaml", "preset: lexical\ntask: colors\nseed: 3\n")
	f.write("runs/a/environment.json", "{}")
	f.write("runs/a/answers.jsonl", "")
	f.write("runs/a/metrics.jsonl", `{"step":0,"episode":0,"eval/train/exact_match":0.25,"eval/train/semantic":0.5}`+"\n"+`{"step":1,"episode":64,"reward":0.5,"loss":null}`+"\n"+`{"step":2,"epi`)
	f.write("runs/a/completions.jsonl", `{"step":0,"episode":0,"prompt_id":"p","prompt":"a,\"b\"\nc","reference":"r","response":"`+hostileJSON+`","reward":null,"terms":null,"finish":"eos","greedy":true,"split":"train","semantic":0.5}`+"\n")
	for _, format := range []string{"csv", "parquet"} {
		if code, _, stderr := call(t, "export", format, "--out", "out"); code != 0 {
			t.Fatalf("%s: exit code %d: %s", format, code, stderr)
		}
	}
	rows, err := parquet.ReadFile[exportedMetric]("out/metrics.parquet")
	if err != nil || len(rows) != 3 || rows[2] != (exportedMetric{filepath.Join("runs", "a"), "colors", rows[2].Arm, 3, 1, 64, "reward", 0.5}) {
		t.Errorf("got %+v, %v", rows, err)
	}
	text, err := os.ReadFile("out/completions.csv")
	if err != nil {
		t.Fatal(err)
	}
	lines, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil || len(lines) != 2 || lines[1][7] != "a,\"b\"\nc" || !strings.Contains(lines[1][9], "\x1b") || lines[1][10] != "" || lines[1][11] != "0.5" {
		t.Errorf("got %q, %v", lines, err)
	}
	if runs, err := parquet.ReadFile[exportedRun]("out/runs.parquet"); err != nil || len(runs) != 1 || runs[0].Train == nil || *runs[0].Train != 0.25 || runs[0].HeldOut != nil {
		t.Errorf("got %+v, %v", runs, err)
	}
}

// The script is written whole, and wrong uses are told in a line.
func TestExportScriptAndErrors(t *testing.T) {
	t.Chdir(t.TempDir())
	if code, _, stderr := call(t, "export", "trackio", "--out", "."); code != 0 {
		t.Fatal(stderr)
	}
	if text, err := os.ReadFile("tracker.py"); err != nil || !bytes.Equal(text, tracker) {
		t.Errorf("the script must be there (%v)", err)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"export", "xlsx"}, `export: must be given one of csv, parquet, trackio, wandb (got "xlsx")`},
		{[]string{"export"}, `export: must be given one of csv, parquet, trackio, wandb (got "")`},
		{[]string{"export", "csv", "."}, "export: there must be a run at or below ."},
	} {
		if code, _, stderr := call(t, c.args...); code != exitInput || !strings.Contains(stderr, c.want) {
			t.Errorf("%q: exit code %d, %s", c.args, code, stderr)
		}
	}
}
