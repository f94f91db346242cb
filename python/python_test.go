// Package python_test runs the tests of the Python programs against the binary.
package python_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"pgsrm/internal/family"
	"pgsrm/serve/servetest"
)

func TestMain(m *testing.M) { servetest.Main(m) }

// python is a Python whose standard library suffices: that of the peers, else any of the
// machine.
func python(t *testing.T) string {
	t.Helper()
	if python := os.Getenv("PGSRM_PYTHON"); python != "" {
		return python
	}
	for _, name := range []string{"/usr/bin/python3", "python3"} {
		if path, err := exec.LookPath(name); err == nil && exec.Command(path, "-c", "import sys; sys.exit(sys.version_info < (3, 10))").Run() == nil {
			return path
		}
	}
	t.Skip("no python3 of at least 3.10 here: the Python package is NOT tested")
	return ""
}

// runPython runs Python in the folder of the package and returns its output.
func runPython(t *testing.T, python string, env []string, args ...string) string {
	t.Helper()
	out, err := bounded(t, "pgsrm_reward", append([]string{"PYTHONPATH=src"}, env...), python, args...)
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// patience is how long a program of somebody else may take, on cores that have more to do.
const patience = 5 * time.Minute

// bounded runs a program in a folder and returns what it says. One that hangs is ended, with
// those that it started, and Python says where it stood.
func bounded(t *testing.T, dir string, env []string, program string, args ...string) ([]byte, error) {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), patience, fmt.Errorf("not done after %v", patience))
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.SysProcAttr, cmd.WaitDelay = dir, family.Attributes(), 10*time.Second
	cmd.Env = append(append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1", "PYTHONFAULTHANDLER=1"), env...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGABRT) }
	out, err := cmd.CombinedOutput()
	if cmd.Process != nil {
		family.Kill(cmd.Process)
	}
	if err != nil && ctx.Err() != nil {
		err = errors.Join(context.Cause(ctx), err)
	}
	return out, err
}

// serve starts pgsrm serve and returns its address; the test ends it.
func serve(t *testing.T, args ...string) (url string) {
	t.Helper()
	url, _ = servetest.Start(t, append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)...)
	return url
}

// cases writes samples, with what pgsrm score says of them, and the address of a server.
func cases(t *testing.T, url string, args ...string) (path string) {
	t.Helper()
	var lines bytes.Buffer
	write := json.NewEncoder(&lines)
	for _, response := range []string{"cold", "warm", "The opposite is cold.", "", "xqzw \U0001F600 \x00", "Cold."} {
		write.Encode(map[string]any{"prompt": "The opposite of 'hot' is ", "response": response})
	}
	for k := range 40 {
		write.Encode(map[string]any{"prompt": fmt.Sprint("p", k), "response": strings.Repeat("red ", k), "reference": "crimson"})
	}
	write.Encode(map[string]any{"prompt": "unknown", "response": "x"})
	n := bytes.Count(lines.Bytes(), []byte("\n"))
	cmd := exec.Command(servetest.Binary(t), append([]string{"score", "--cache", "off"}, args...)...)
	cmd.Stdin = &lines
	out, err := cmd.Output() // fails where a sample has no reward, as the last one
	scored := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
	if len(scored) != n {
		t.Fatalf("score: got %d lines, want %d (%v)", len(scored), n, err)
	}
	path = filepath.Join(t.TempDir(), "cases.json")
	text := fmt.Sprintf(`{"url":%q,"cases":[%s]}`, url, bytes.Join(scored, []byte(",")))
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Every form of the package gives the rewards of score, to the last bit, and bears what
// servers do.
func TestPackage(t *testing.T) {
	python := python(t)
	args := []string{"--task", "opposites", "--reward", "pgsrm"}
	path := cases(t, serve(t, args...), args...)
	t.Log(runPython(t, python, []string{"PGSRM_TEST_CASES=" + path}, "-m", "unittest", "discover", "-s", "tests", "-p", "test_*.py"))
}

func mean(x []float64) (sum float64) {
	for _, v := range x {
		sum += v / float64(len(x))
	}
	return sum
}

// TRL's GRPO trains a tiny random model on the reward of the server, which rises.
func TestGRPO(t *testing.T) {
	python := os.Getenv("PGSRM_PYTHON")
	if python == "" {
		t.Skip("PGSRM_PYTHON does not name a python with TRL: GRPO was NOT run against the server")
	}
	const steps = 30
	url := serve(t, "--task", "opposites", "--reward", "nearer")
	out := strings.TrimSpace(runPython(t, python, []string{"HF_HUB_OFFLINE=1"}, "tests/trl_grpo.py", url, fmt.Sprint(steps)))
	var got struct {
		Rewards []float64
		Keys    []string
	}
	if err := json.Unmarshal([]byte(out[strings.LastIndexByte(out, '\n')+1:]), &got); err != nil || len(got.Rewards) != steps {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, key := range []string{"pgsrm/nearer", "pgsrm/unscored", "rewards/pgsrm/mean"} {
		if !slices.Contains(got.Keys, key) {
			t.Errorf("metrics have no %s: %q", key, got.Keys)
		}
	}
	first, last := mean(got.Rewards[:5]), mean(got.Rewards[steps-5:])
	t.Logf("mean reward %.3f, then %.3f", first, last)
	if last < first+0.1 {
		t.Errorf("mean reward did not rise: %.3f, then %.3f", first, last)
	}
}

// A wheel that carries the binary installs without a network and gives the command.
func TestWheel(t *testing.T) {
	python := python(t)
	if err := exec.Command(python, "-c", "import ensurepip").Run(); err != nil {
		t.Skip("python3 has no ensurepip (Debian package python3-venv): the wheel was NOT installed")
	}
	run := func(name string, args ...string) string {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
		if err != nil {
			t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
		}
		return strings.TrimSpace(string(out))
	}
	dir := t.TempDir()
	target := runtime.GOOS + "/" + runtime.GOARCH
	build := []string{"wheels.py", "--version", "0.1.0rc1", "--only", target, "--binary", servetest.Binary(t), "--out"}
	wheel := run(python, append(build, dir)...)
	again := run(python, append(build, filepath.Join(dir, "again"))...)
	one, _ := os.ReadFile(wheel)
	two, _ := os.ReadFile(again)
	if len(one) == 0 || !bytes.Equal(one, two) {
		t.Errorf("%s: building it again gives other bytes", wheel)
	}
	run(python, "-m", "venv", filepath.Join(dir, "venv"))
	bin := filepath.Join(dir, "venv", "bin")
	if runtime.GOOS == "windows" {
		bin = filepath.Join(dir, "venv", "Scripts")
	}
	run(filepath.Join(bin, "python"), "-m", "pip", "install", "--no-index", "--disable-pip-version-check", "--quiet", wheel)
	if got, want := run(filepath.Join(bin, "pgsrm"), "version"), run(servetest.Binary(t), "version"); got != want {
		t.Errorf("version: got %q, want %q", got, want)
	}
	if list := run(filepath.Join(bin, "python"), "-m", "pip", "list", "--disable-pip-version-check", "--format=freeze"); !strings.Contains(list, "pgsrm==0.1.0rc1") {
		t.Errorf("pip list: got %q", list)
	}
	if out, err := exec.Command(python, append(build[:2:2], "1.x", "--out", dir)...).CombinedOutput(); err == nil || !strings.Contains(string(out), "must be a version of PEP 440") {
		t.Errorf("--version 1.x: got %v, %s", err, out)
	}
}
