package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgsrm/config"
)

// plantRun writes the smallest run directory that report can read.
func plantRun(t *testing.T, dir, metrics string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "metrics.jsonl"), []byte(metrics), 0o666); err != nil {
		t.Fatal(err)
	}
}

func TestReport(t *testing.T) {
	dir := t.TempDir()
	line := `{"step":1,"episode":64,"eval/held_out/exact_match":0.5}` + "\n"
	plantRun(t, filepath.Join(dir, "binary", "seed-1"), line)
	plantRun(t, filepath.Join(dir, "binary", "seed-2"), line)
	var text, object bytes.Buffer
	if err := runReport(context.Background(), reportOptions{}, &globalOptions{Stdout: &text}, []string{dir}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"50.0% [50.0, 50.0]", "\n" + dir + ": summary.json, report.html, curves-"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("output must contain %q (got %s)", want, text.String())
		}
	}
	out := filepath.Join(t.TempDir(), "new", "folder")
	if err := runReport(context.Background(), reportOptions{Out: out}, &globalOptions{Stdout: &object, JSON: true}, []string{dir}); err != nil {
		t.Fatal(err)
	}
	var summary struct{ Arms []struct{ Reward string } }
	if err := json.Unmarshal(object.Bytes(), &summary); err != nil || len(summary.Arms) != 1 || summary.Arms[0].Reward != "binary" {
		t.Errorf("got %s (error %v)", object.String(), err)
	}
	if _, err := os.Stat(filepath.Join(out, "report.html")); err != nil {
		t.Error(err)
	}
}

func TestReportRefuses(t *testing.T) {
	dir := t.TempDir()
	plantRun(t, filepath.Join(dir, "bad"), "{\"step\":1,\n{}\n")
	for _, c := range []struct {
		dirs []string
		want string
	}{
		{[]string{dir, dir}, "--out: must be given with several folders (got 2)"},
		{[]string{dir}, "report: " + filepath.Join(dir, "bad", "metrics.jsonl") + ":1: must be a JSON object: unexpected end of JSON input"},
		{[]string{t.TempDir()}, "must hold a run, a folder with metrics.jsonl"},
	} {
		err := runReport(context.Background(), reportOptions{}, &globalOptions{Stdout: &bytes.Buffer{}}, c.dirs)
		if err == nil || !strings.Contains(err.Error(), c.want) || !errors.Is(err, config.ErrBad) {
			t.Errorf("%q: got error %v, want input error %s", c.dirs, err, c.want)
		}
	}
}
