package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"pgsrm/kernel"
	"pgsrm/run"
)

// call runs a command line in process.
func call(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = execute(args, strings.NewReader(""), &out, &errs)
	return code, out.String(), errs.String()
}

func TestExitCodes(t *testing.T) {
	for _, c := range []struct {
		err  error
		want int
	}{
		{nil, 0},
		{errors.New("x"), 1},
		{inputErrorf("x"), 3},
		{fmt.Errorf("file: %w", run.ErrConfig), 3},
		{fmt.Errorf("dir: %w", run.ErrLocked), 4},
		{fmt.Errorf("step 3: %w", run.ErrUnavailable), 5},
		{fmt.Errorf("step 3: %w", run.ErrNonFinite), 6},
		{fmt.Errorf("step 3: %w", run.ErrInterrupted), 130},
	} {
		if got := exitCode(c.err); got != c.want {
			t.Errorf("exitCode(%v) = %d, want %d", c.err, got, c.want)
		}
	}
}

func TestMistakesAreOneLine(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"nosuch"}, `pgsrm: unknown command "nosuch" for "pgsrm"`},
		{[]string{"version", "--nosuch"}, "pgsrm: unknown flag: --nosuch"},
		{[]string{"version", "extra"}, `pgsrm: pgsrm version: unexpected argument "extra"`},
		{[]string{"version", "--threads", "-1"}, "pgsrm: --threads: must be between 0 and 1024 (got -1)"},
	} {
		code, stdout, stderr := call(t, c.args...)
		if code != exitInput || stdout != "" || stderr != c.want+"\n" {
			t.Errorf("%v: code %d, stdout %q, stderr %q, want %q", c.args, code, stdout, stderr, c.want)
		}
	}
}

func TestEveryHelpEndsWithExitStatus(t *testing.T) {
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		if c.Name() != "help" {
			if !strings.HasSuffix(c.Long, exitStatusHelp) {
				t.Errorf("%s: help must end with EXIT STATUS", c.CommandPath())
			}
			if c.HasParent() && !strings.Contains(c.Long, "EXAMPLES") {
				t.Errorf("%s: help must have EXAMPLES", c.CommandPath())
			}
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(newRootCommand(&globalOptions{}))
}

func TestVersionJSON(t *testing.T) {
	code, stdout, stderr := call(t, "version", "--json")
	var v versionInfo
	if err := json.Unmarshal([]byte(stdout), &v); err != nil || code != 0 || stderr != "" {
		t.Fatalf("version --json: code %d, %q, %q, %v", code, stdout, stderr, err)
	}
	if v.Go != runtime.Version() || v.Platform != runtime.GOOS+"/"+runtime.GOARCH || v.Kernel != kernel.Name() || v.Version == "" || v.Revision == "" {
		t.Errorf("got %+v", v)
	}
}

// The command and the flag print the same line.
func TestVersionFlag(t *testing.T) {
	_, command, _ := call(t, "version")
	code, flag, stderr := call(t, "--version")
	if code != 0 || stderr != "" || flag != command || !strings.HasSuffix(flag, ", kernel "+kernel.Name()+"\n") {
		t.Errorf("--version: code %d, %q, %q; version: %q", code, flag, stderr, command)
	}
}

// A release's own words come before what the go command recorded, and that before
// nothing.
func TestVersionInfo(t *testing.T) {
	recorded := &debug.BuildInfo{
		Main:     debug.Module{Version: "v0.1.0"},
		Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.modified", Value: "true"}},
	}
	tail := fmt.Sprintf(", %s, %s/%s, kernel %s", runtime.Version(), runtime.GOOS, runtime.GOARCH, kernel.Name())
	for _, c := range []struct {
		version, commit string
		info            *debug.BuildInfo
		want            string
	}{
		{"", "", nil, "pgsrm devel, commit unknown"},
		{"", "", &debug.BuildInfo{Main: debug.Module{Version: "(devel)"}}, "pgsrm devel, commit unknown"},
		{"", "", recorded, "pgsrm v0.1.0, commit abc (modified)"},
		{"1.2.3", "def", recorded, "pgsrm 1.2.3, commit def (modified)"},
		{"1.2.3", "def", nil, "pgsrm 1.2.3, commit def"},
	} {
		version, commit = c.version, c.commit
		if got := newVersionInfo(c.info).String(); got != c.want+tail {
			t.Errorf("got %q, want %q", got, c.want+tail)
		}
	}
	version, commit = "", ""
}

// An error is one line in our words, whatever it wraps.
func TestPrintError(t *testing.T) {
	var b strings.Builder
	printError(&b, fmt.Errorf("reading\n  line\t2: %w", context.Canceled))
	if want := "pgsrm: reading line 2: interrupted\n"; b.String() != want {
		t.Errorf("got %q, want %q", b.String(), want)
	}
}
