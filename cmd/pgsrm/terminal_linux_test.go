package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"pgsrm/internal/printable"
	"pgsrm/run"
)

// terminal is a pseudo terminal: what a program has there as its streams, and what a
// person sees and types.
type terminal struct {
	t      *testing.T
	person *os.File
	stream *os.File
}

func newTerminal(t *testing.T) *terminal {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { person.Close() })
	if err := unix.IoctlSetPointerInt(int(person.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(person.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return &terminal{t, person, stream}
}

// seen closes the program's side and returns all that was written there.
func (v *terminal) seen() string {
	v.t.Helper()
	v.stream.Close()
	text, err := io.ReadAll(v.person)
	if err != nil && !errors.Is(err, syscall.EIO) { // Linux's end of a terminal
		v.t.Fatal(err)
	}
	return strings.ReplaceAll(string(text), "\r\n", "\n")
}

// hostile renames the window, clears the screen in both ways and turns text around.
const hostile = "\x1b]0;mine\x07\x1b[2J\u009b2J\u202egnihton"

// shownHostile is what must be seen of it.
const shownHostile = `\x1b]0;mine\x07\x1b[2J\u009b2J\u202egnihton`

// Text of others reaches no terminal as a command to it: not from an answer, an error,
// a warning or the name of a run; on a pipe results stay as they are.
func TestTerminalShowsControlCharacters(t *testing.T) {
	t.Chdir(t.TempDir())
	f := folder{t}
	f.write("answers.csv", "prompt,answer\nhot,\""+hostile+"\"\n")
	f.write("task.jsonl", `{"prompt":"hot"}`+"\n")
	ask := []string{"parent", "--cache", "off", "--task", "task.jsonl", "--parent", "file:answers.csv"}

	v := newTerminal(t)
	if code := execute(ask, strings.NewReader(""), v.stream, v.stream); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if got := v.seen(); !strings.Contains(got, "hot\t"+shownHostile+"\n") && !strings.Contains(got, "hot     "+shownHostile+"\n") {
		t.Errorf("answers on a terminal: %q", got)
	}
	if code, stdout, _ := call(t, ask...); code != 0 || stdout != "hot\t"+hostile+"\n" {
		t.Errorf("answers on a pipe: code %d, %q", code, stdout)
	}

	for _, args := range [][]string{
		{"eval", "--child", hostile},
		{"compare", "--rewards", hostile},
		{"train", "--set", hostile},
	} {
		_, _, stderr := call(t, args...)
		if strings.ContainsAny(stderr, "\x1b\x07\u009b\u202e") || !strings.HasPrefix(stderr, "pgsrm: ") {
			t.Errorf("%q: stderr %q", args, stderr)
		}
	}
	g := quiet(io.Discard)
	var log strings.Builder
	g.Stderr = &log
	if err := g.finish(); err != nil {
		t.Fatal(err)
	}
	g.Log.Warn(hostile, "name", hostile+"\x7f")
	if got := log.String(); strings.ContainsAny(got, "\x1b\x07\u009b\u202e\x7f") || !strings.Contains(got, "WRN "+shownHostile+" name=") {
		t.Errorf("log %q", got)
	}
}

// The device that swallows everything is no terminal.
func TestIsTerminal(t *testing.T) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	v := newTerminal(t)
	defer v.stream.Close()
	if isTerminal(null) || isTerminal(&strings.Builder{}) || !isTerminal(v.stream) {
		t.Error("a terminal, and only that, must be taken for one")
	}
	t.Setenv("TERM", "xterm")
	t.Setenv("NO_COLOR", "")
	if !showsColors(v.stream) || showsColors(null) {
		t.Error("a terminal shows colors")
	}
	t.Setenv("NO_COLOR", "1")
	if showsColors(v.stream) {
		t.Error("NO_COLOR must be heeded")
	}
	t.Setenv("NO_COLOR", "")
	t.Setenv("TERM", "dumb")
	if showsColors(v.stream) {
		t.Error("a dumb terminal has no colors")
	}
}

// A command that reads a terminal says what it waits for, one that reads a file does
// not.
func TestReadingFromTerminalIsSaid(t *testing.T) {
	for _, args := range [][]string{{"generate", "--max-new-tokens", "1"}, {"tokenize"}, {"tokenize", "--decode"}, {"logprobs"}, {"embed"}, {"score", "--task", "opposites"}, {"sft", "--data", "-", "--out", filepath.Join(t.TempDir(), "o")}} {
		v := newTerminal(t)
		if _, err := v.person.WriteString("\x04"); err != nil { // Ctrl-D
			t.Fatal(err)
		}
		var stderr strings.Builder
		execute(append(args, "--cache", "off"), v.stream, io.Discard, &stderr)
		v.stream.Close()
		if !strings.Contains(stderr.String(), "reading from the terminal until Ctrl-D: ") {
			t.Errorf("%q: stderr %q", args, stderr.String())
		}
		if _, _, quiet := call(t, append(args, "--cache", "off")...); strings.Contains(quiet, "reading") {
			t.Errorf("%q: stderr %q", args, quiet)
		}
	}
}

// Progress never takes more columns than the terminal has, and on one of 80 a run shows all
// of it: time left, exact match, likeness, reward, entropy and KL.
func TestProgressFitsTheTerminal(t *testing.T) {
	values := map[string]float64{
		"eval/train/exact_match": 0.25, "eval/train/exact_match_normalized": 0.967, "eval/train/semantic": 0.979,
		"eval/held_out/exact_match": 0.125, "eval/held_out/exact_match_normalized": 0.85, "eval/held_out/semantic": 0.96,
	}
	for _, dumb := range []bool{false, true} {
		for _, width := range []uint16{30, 60, 80, 200} {
			for _, name := range []string{"", "colors/pgsrm-paper/seed-12", strings.Repeat("日本語/", 50)} {
				t.Setenv("NO_COLOR", "")
				t.Setenv("TERM", map[bool]string{true: "dumb", false: "xterm"}[dumb])
				v := newTerminal(t)
				if err := unix.IoctlSetWinsize(int(v.stream.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: width}); err != nil {
					t.Fatal(err)
				}
				terminal := newProgress(&globalOptions{Stderr: v.stream})
				view := terminal.Run(name)
				for _, e := range []run.Event{
					run.Started{Steps: 30, Episodes: 1920},
					run.Metrics{Step: 20, Episode: 1280, Values: map[string]float64{"reward": 0.61234, "objective/entropy": 0.51234, "objective/kl": 3.21234}},
					run.Metrics{Step: 20, Episode: 1280, Values: values},
					run.Timing{Step: 20, Episode: 1280, Values: map[string]float64{"seconds": 23.7}},
					run.Metrics{Step: 20, Episode: 1280, Values: values},
					run.Ended{Step: 20, Episode: 1280, Stopped: "nothing is gained any more " + strings.Repeat("x", 300)},
				} {
					if err := view.Event(e); err != nil {
						t.Fatal(err)
					}
				}
				terminal.Wait()
				got := v.seen()
				plain := regexp.MustCompile("\x1b\\[[0-9;]*[A-Za-z]").ReplaceAllString(got, "")
				for line := range strings.Lines(plain) {
					for drawn := range strings.SplitSeq(strings.TrimSuffix(line, "\n"), "\r") {
						if n := printable.Width(drawn); n > int(width) {
							t.Errorf("width %d, dumb %v: %d columns: %q", width, dumb, n, drawn)
						}
					}
				}
				if want := " 67%, 12s left, held-out 85.0%, like 0.960, reward 0.61, entropy 0.51, KL 3.2"; name == "" && width == 80 && !dumb && !strings.Contains(plain, want) {
					t.Errorf("must show %q: %q", want, plain)
				}
			}
		}
	}
}
