package main

import (
	"bytes"
	"context"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"pgsrm/remote"
	"pgsrm/remote/remotetest"
	"pgsrm/run"
)

// doctorLook runs the doctor and returns its output.
func doctorLook(t *testing.T, asJSON bool, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	g := &globalOptions{Stdout: &out, Stderr: &out, JSON: asJSON, Cache: "off"}
	if err := g.finish(); err != nil {
		t.Fatal(err)
	}
	var o doctorOptions
	f := pflag.NewFlagSet("doctor", pflag.ContinueOnError)
	o.AddFlags(f)
	if err := f.Parse(args); err != nil {
		t.Fatal(err)
	}
	err := runDoctor(context.Background(), &o, g, remotetest.NewClock().Deps(nil))
	return out.String(), err
}

// The doctor says in words what the child answers, and the same as JSON.
func TestDoctorLooksAtTheChild(t *testing.T) {
	text, err := doctorLook(t, false, "--task", "opposites", "--episodes", "640")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"look           4 answers to each of 16 prompts before training: ", "\n" + strings.Repeat(" ", 28) + "for example \"The opposite of ", " for the run, ",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("must contain %q:\n%s", want, text)
		}
	}
	text, err = doctorLook(t, true, "--task", "opposites")
	var got struct{ Look *run.Look }
	if e := json.Unmarshal([]byte(text), &got); err != nil || e != nil || got.Look == nil || got.Look.Prompts != 16 || got.Look.Scores == nil {
		t.Errorf("got %s, %v, %v", text, err, e)
	}
	if text, err = doctorLook(t, false, "--look", "off"); err != nil || strings.Contains(text, "before training") {
		t.Errorf("--look off: %v\n%s", err, text)
	}
}

// A child that computes infinities was once ok.
func TestDoctorOfAChildThatOverflows(t *testing.T) {
	m, err := run.OpenChild("builtin:tiny")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range m.Params() {
		for i := range p.Value {
			p.Value[i] *= 1e30
		}
	}
	dir := filepath.Join(t.TempDir(), "child")
	if err := m.Save(dir); err != nil {
		t.Fatal(err)
	}
	checks, err := examine(t, remote.Deps{}, "--child", dir)
	if got := checks["look"]; exitCode(err) != exitInput || got.Status != checkBad || !strings.Contains(got.Text, "non-finite number") {
		t.Errorf("got %+v, %v", got, err)
	}
}

// A look asks no server more than the other checks do.
func TestDoctorsLookAsksNoServer(t *testing.T) {
	s := remotetest.New(t, remotetest.Embeddings(4))
	requests := func(look string) int {
		before := s.Requests()
		text, err := doctorLook(t, false, "--embedder", "openai:m@"+s.URL(), "--look", look)
		if err != nil || strings.Contains(text, "not scored, parent, embedder and functions of your own are asked by the run alone") != (look == "on") {
			t.Errorf("look %s: %v\n%s", look, err, text)
		}
		return s.Requests() - before
	}
	if off, on := requests("off"), requests("on"); on != off || off == 0 {
		t.Errorf("got %d requests with a look, %d without", on, off)
	}
}
