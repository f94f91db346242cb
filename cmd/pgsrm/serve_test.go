package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgsrm/remote/remotetest"
)

// served starts the command and returns its address; the test ends it.
func served(t *testing.T, args ...string) (url string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	g := &globalOptions{Stdin: strings.NewReader(""), Stdout: in, Stderr: io.Discard}
	root := newRootCommand(g)
	root.SetArgs(append([]string{"serve", "--json", "--listen", "127.0.0.1:0"}, args...))
	done := make(chan error, 1)
	go func() {
		err := root.ExecuteContext(ctx)
		in.CloseWithError(err)
		done <- err
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	var first struct{ URL string }
	if err != nil || json.Unmarshal([]byte(line), &first) != nil {
		t.Fatalf("%q: %v", line, err)
	}
	return first.URL
}

// asked posts a body and returns the reply.
func asked(t *testing.T, url, body string) string {
	t.Helper()
	_, text := remotetest.Post(t, url, body)
	return strings.TrimSpace(text)
}

// Each of several rewards has routes of its own, and settings count.
func TestServeSettings(t *testing.T) {
	t.Setenv("PGSRM_CACHE", "off")
	settings := filepath.Join(t.TempDir(), "serve.yaml")
	text := "labels: [solution]\nrewards:\n  - {name: exact, reward: exact}\n  - {name: last, reward: exact, set: [answer.last_number=true]}\n"
	if err := os.WriteFile(settings, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	url := served(t, "--settings", settings)
	const body = `{"prompt":"p","response":"it is 4","label":"4"}`
	for path, want := range map[string]string{"/slime": "0.0", "/rewards/exact/slime": "0.0", "/rewards/last/slime": "1.0"} {
		if got := asked(t, url+path, body); got != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
}

// Mistakes are told before anything listens.
func TestServeMistakes(t *testing.T) {
	t.Setenv("PGSRM_CACHE", "off")
	dir := t.TempDir()
	file := func(text string) string {
		path := filepath.Join(dir, "file")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	path := filepath.Join(dir, "file")
	for _, c := range []struct{ args, text, want string }{
		{"--reward exact --listen :0", "", `--listen: must be an address of this machine alone, such as 127.0.0.1:8900, unless --tokens names a file of bearer tokens or --insecure is given (got ":0")`},
		{"--reward exact --listen 8900", "", `--listen: must be ADDRESS:PORT or :PORT (got "8900")`},
		{"--reward exact --tls-cert x", "", "--tls-cert and --tls-key: must be given together"},
		{"--reward exact --tokens FILE", "short", path + ":1: a token must have at least 16 printable characters of ASCII, no space among them"},
		{"--settings FILE", "max_batch: 0", path + ":1: max_batch: must be between 1 and 65536 (got 0)"},
		{"--settings FILE", "max_bach: 1", path + `:1: unknown key "max_bach", must be one of max_batch, max_wait_ms, parallel, max_samples, max_body_mb, max_bodies_mb, max_connections, deadline_s, cached_samples, labels, end_markers, rewards (did you mean max_batch?)`},
		{"--settings FILE", "labels: ['']", path + ":1: labels: must hold no empty text"},
		{"--settings FILE --task colors", "rewards: [{name: a}]", "--task: must not be given beside the rewards of --settings"},
		{"--settings FILE", "rewards: [{name: a, reward: exact}, {name: a}]", path + `:1: rewards[1].name: must be letters, digits, dots, dashes and underscores, another one for each reward (got "a")`},
		{"--settings FILE", "rewards: [{name: a, reward: exac}]", ""},
		{"--settings FILE", "rewards: [{name: a, reward: exact}, {name: b, task: nope}]", ""},
		{"--task nope --reward exact", "", ""},
		{"--task opposites --reward exac", "", ""},
		{"--task opposites --reward exact --config " + path + ".none", "", ""},
		{"--task opposites --reward centered --embedder " + dir, "", ""},
	} {
		args := strings.Fields(strings.ReplaceAll(c.args, "FILE", file(c.text)))
		var stdout, stderr strings.Builder
		code := execute(append([]string{"serve"}, args...), strings.NewReader(""), &stdout, &stderr)
		got := strings.TrimPrefix(strings.TrimSpace(stderr.String()), "pgsrm: ")
		if code != exitInput || c.want != "" && got != c.want || strings.Contains(got, "\n") {
			t.Errorf("%s with %q: exit code %d\ngot  %s\nwant %s", c.args, c.text, code, got, c.want)
		}
	}
}

// What the server answers is what score prints: the same bytes, with groups, with columns
// and with the section answer.
func TestServeIsScore(t *testing.T) {
	t.Setenv("PGSRM_CACHE", "off")
	score := func(lines []string, args ...string) string {
		var stdout, stderr strings.Builder
		if code := execute(append([]string{"score"}, args...), strings.NewReader(strings.Join(lines, "\n")), &stdout, &stderr); code != 0 {
			t.Fatal(stderr.String())
		}
		return stdout.String()
	}
	var lines []string
	for _, response := range []string{"cold", "warm", "The opposite of 'hot' is cold", "", "xqzw", "Cold.", "**cold**"} {
		lines = append(lines, fmt.Sprintf(`{"id":[1],"prompt":"The opposite of 'hot' is ","response":%q,"reward":3,"finish":"length"}`, response))
	}
	lines = append(lines, `{"prompt":"p","response":"red","reference":"crimson","exact_match":5}`, `{"prompt":"p","response":"","reference":""}`)
	for _, args := range [][]string{
		{"--task", "opposites", "--reward", "pgsrm"},
		{"--task", "opposites", "--reward", "rank(centered) + 0.1*ended - 0.2*repeats"},
		{"--task", "opposites", "--reward", "0.5*exact + 0.5*nearer", "--set", "answer.normalize=on"},
	} {
		url := served(t, args...)
		if got, want := score(lines, "--server", url), score(lines, args...); got != want {
			t.Errorf("%v:\ngot  %s\nwant %s", args, got, want)
		}
	}
}
