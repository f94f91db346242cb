package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// hostileRun writes a run directory whose texts are those of somebody else.
func hostileRun(t *testing.T, name string) {
	t.Helper()
	long := strings.Repeat("<script>x</script> ", 9)
	f := folder{t}
	f.check(os.MkdirAll(name, 0o755))
	f.write(filepath.Join(name, "config.yaml"), `preset: lexical
task: "`+strings.ReplaceAll(strings.ReplaceAll(hostileYAML, `"`, `\"`), "\n", `\n`)+`.jsonl"
arm: "`+hostileYAML+long+`"
chat: {system: "`+hostileYAML+strings.Repeat(" x", 5000)+`", user: "{prompt}"}
`)
	f.write(filepath.Join(name, "environment.json"), `{"started":"`+hostileJSON+`","program":"`+hostileJSON+`","command":"`+hostileJSON+`"}`)
	f.write(filepath.Join(name, "answers.jsonl"), "")
	f.write(filepath.Join(name, "end.json"), `{"state":"failed","reason":"`+hostileJSON+`\n`+hostileJSON+`"}`)
	f.write(filepath.Join(name, "warnings.jsonl"), `{"step":1,"text":"`+hostileJSON+long+`"}`+"\n"+strings.Repeat(`{"step":2,"text":"again"}`+"\n", 30))
}

// What a run directory holds is text in a terminal and on a pipe, and the list of runs
// is as wide as the terminal.
func TestHostileRunsAreText(t *testing.T) {
	t.Chdir(t.TempDir())
	hostileRun(t, filepath.Join("runs", "\x1b[2J-of-a-name-that-is-longer-than-a-terminal-is-wide-as-those-of-comparisons-often-are", "seed-1"))
	hostileRun(t, "plain")
	for _, width := range []uint16{60, 100, 200} {
		v := newTerminal(t)
		if err := unix.IoctlSetWinsize(int(v.stream.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: width}); err != nil {
			t.Fatal(err)
		}
		if code := execute([]string{"runs", "list", "runs", "plain"}, strings.NewReader(""), v.stream, v.stream); code != 0 {
			t.Errorf("exit code %d", code)
		}
		got := v.seen()
		if lines := strings.Split(strings.TrimSuffix(got, "\n"), "\n"); len(lines) != 3 || strings.ContainsAny(got, "\x1b\x07\u009b\u202e") {
			t.Errorf("width %d: %q", width, got)
		}
		for line := range strings.Lines(got) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > int(width) {
				t.Errorf("a line of %d characters where %d fit: %s", n, width, line)
			}
		}
	}
	for _, args := range [][]string{{"runs", "list", "runs", "plain"}, {"runs", "show", "plain"}, {"runs", "diff", "plain", "plain"}} {
		var out, errs bytes.Buffer
		if code := execute(args, strings.NewReader(""), &out, &errs); code != 0 {
			t.Errorf("%v: exit code %d: %s", args, code, errs.String())
		}
		if got := out.String() + errs.String(); strings.ContainsAny(got, "\x1b\x07\u009b\u202e") || len(got) > 6000 {
			t.Errorf("%v: %d bytes: %q", args, len(got), got)
		}
	}
	if code, stdout, stderr := call(t, "runs", "show", "--json", "plain"); code != 0 || strings.Count(stdout, "\n") != 1 || strings.ContainsAny(stdout, "\x1b\x07") {
		t.Errorf("code %d, %q, %s", code, stdout, stderr)
	}
}

// At a terminal rm asks; what is not yes is no.
func TestRunsRmAsks(t *testing.T) {
	t.Chdir(t.TempDir())
	hostileRun(t, "a")
	hostileRun(t, "b")
	for _, c := range []struct {
		answer string
		stays  bool
	}{{"", true}, {"n", true}, {"yess", true}, {"Y", false}} {
		v := newTerminal(t)
		if _, err := v.person.WriteString(c.answer + "\n"); err != nil {
			t.Fatal(err)
		}
		var out, errs bytes.Buffer
		if code := execute([]string{"runs", "rm", "a", "b"}, v.stream, &out, &errs); code != 0 {
			t.Errorf("%q: exit code %d", c.answer, code)
		}
		v.stream.Close()
		if !strings.Contains(errs.String(), "remove these 2 run directories, ") || strings.Contains(errs.String(), "nothing was removed") != c.stays {
			t.Errorf("%q: %s", c.answer, errs.String())
		}
		for _, dir := range []string{"a", "b"} {
			_, err := os.Stat(filepath.Join(dir, "config.yaml"))
			_, locked := os.Stat(filepath.Join(dir, "lock"))
			if (err == nil) != c.stays || locked == nil {
				t.Errorf("%q: %s: %v, lock %v", c.answer, dir, err, locked)
			}
		}
	}
}
