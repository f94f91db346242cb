// Package servetest builds the program and starts its server. Only tests of what asks it use it.
package servetest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// built is the folder of what binary built.
var built string

// binary builds pgsrm once, as the image does. Tests run in a folder beside cmd.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "pgsrm-served")
	if err != nil {
		return "", err
	}
	built = dir
	path := filepath.Join(dir, "pgsrm")
	cmd := exec.Command("go", "build", "-o", path, "../cmd/pgsrm")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return path, nil
})

// Binary is the path of the program, which the first test that asks builds.
func Binary(t *testing.T) string {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// Main runs the tests of a package that calls Binary or Start.
func Main(m *testing.M) {
	code := m.Run()
	if built != "" {
		os.RemoveAll(built)
	}
	os.Exit(code)
}

// Start runs pgsrm with the arguments of a server, and returns its address and the process,
// which the end of the test kills.
func Start(t *testing.T, args ...string) (url string, server *exec.Cmd) {
	t.Helper()
	server = exec.Command(Binary(t), append(args, "--json", "--cache", "off")...)
	var stderr bytes.Buffer
	server.Stderr = &stderr
	out, err := server.StdoutPipe()
	if err == nil {
		err = server.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		server.Process.Kill()
		server.Wait()
	})
	line, err := bufio.NewReader(out).ReadBytes('\n')
	var first struct{ URL string }
	if err != nil || json.Unmarshal(line, &first) != nil {
		t.Fatalf("%q: %v\n%s", line, err, stderr.Bytes())
	}
	return first.URL, server
}

// Engines is a Python with the engines that ask for rewards, which .ci/run installs; without
// one the test skips.
func Engines(t *testing.T) string {
	t.Helper()
	python := os.Getenv("PGSRM_ENGINES")
	if python == "" {
		t.Skip("PGSRM_ENGINES names no Python with the engines that ask for rewards: they are NOT tested as they are")
	}
	return python
}
