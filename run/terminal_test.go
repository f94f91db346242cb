package run

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"pgsrm/internal/printable"
)

// someEvents is a run of 100 episodes that ends early.
func someEvents() []Event {
	return []Event{
		Started{Step: 2, Steps: 10, Episode: 20, Episodes: 100, Resumed: true},
		Metrics{Step: 3, Episode: 30, Values: map[string]float64{"reward": 1, "objective/entropy": 2.1, "objective/kl": 0.04}},
		Timing{Step: 3, Episode: 30, Values: map[string]float64{"seconds": 0.5}},
		Warning{Step: 3, Text: "1 of 10 rewards failed"},
		Metrics{Step: 3, Episode: 30, Values: map[string]float64{
			"eval/train/exact_match": 0.25, "eval/train/semantic": 0.5, "eval/held_out/exact_match": 0.125, "eval/held_out/semantic": 0.25,
		}},
		Checkpointed{Step: 3, Path: "x"},
		Ended{Step: 3, Episode: 30, Err: errors.New("stopped")},
	}
}

func TestPlainProgress(t *testing.T) {
	var out bytes.Buffer
	terminal := NewTerminal(&out, false, 0)
	view := terminal.Run("a/seed-1")
	for _, e := range someEvents() {
		if err := view.Event(e); err != nil {
			t.Fatal(err)
		}
	}
	terminal.Wait()
	want := `a/seed-1: resumes at episode 20 of 100
a/seed-1: warning: step 3: 1 of 10 rewards failed
a/seed-1: episode 30 of 100, train exact 25.0% semantic 0.500, held-out exact 12.5% semantic 0.250, reward 1, entropy 2.1, KL 0.04, 20 episodes/s, 4s left
`
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}

func TestBars(t *testing.T) {
	var out bytes.Buffer
	terminal := NewTerminal(&out, true, 0)
	for _, name := range []string{"a", "b"} {
		view := terminal.Run(name)
		for _, e := range someEvents() {
			if err := view.Event(e); err != nil {
				t.Fatal(err)
			}
		}
	}
	terminal.Wait()
	if !strings.Contains(out.String(), " 30%, 4s left, exact 25.0%, held-out 12.5%, like 0.250, reward 1, entropy 2.1, KL 0.04") {
		t.Errorf("bars must show the evaluation (got %q)", out.String())
	}
}

// Where exact match is measured both ways lines have both, and a bar the normalised one.
func TestScoreTexts(t *testing.T) {
	values := map[string]float64{
		"eval/train/exact_match": 0, "eval/train/exact_match_normalized": 0.875, "eval/train/semantic": 0.5,
		"eval/held_out/exact_match": 0, "eval/held_out/exact_match_normalized": 0.75, "eval/held_out/semantic": 0.25,
	}
	if got, want := scoreText(values), "train exact 0.0% (normalised 87.5%) semantic 0.500, held-out exact 0.0% (normalised 75.0%) semantic 0.250"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for width, want := range map[int]string{100: "right 87.5%, held-out 75.0%, like 0.250", 38: "held-out 75.0%, like 0.250", 20: "held-out 75.0%", 0: ""} {
		if got := fitted(scores(values), width); got != want {
			t.Errorf("width %d: got %q, want %q", width, got, want)
		}
	}
}

// Time left is told in the units that matter.
func TestPace(t *testing.T) {
	p := pace{episodes: 1000, begun: 0}
	for seconds, want := range map[float64]string{1: "9s", 60: "9m", 61: "9m9s", 400: "1h0m", 404: "1h1m", 0: ""} {
		p.seconds = seconds
		numbers := p.numbers(100)
		if want == "" && numbers == nil {
			continue
		}
		if len(numbers) != 2 || numbers[1].text != want+" left" {
			t.Errorf("%g seconds: got %v, want %s", seconds, numbers, want)
		}
	}
	if numbers := p.numbers(0); numbers != nil {
		t.Errorf("before the first step: got %v", numbers)
	}
}

// A line of a megabyte, as a parent may answer, is cut, and lines are broken where the
// terminal ends.
func TestTerminalBoundsLines(t *testing.T) {
	var out strings.Builder
	terminal := NewTerminal(&out, false, 80)
	long := strings.Repeat("\x1b[31mlong", 1<<20/9)
	view := terminal.Run(long)
	for _, e := range []Event{Warning{Step: 2, Text: long}, Started{Episodes: 100, Notes: []string{long}}, Ended{Stopped: long, Judged: []string{long}}} {
		if err := view.Event(e); err != nil {
			t.Fatal(err)
		}
	}
	terminal.Println("%s", long)
	if len(out.String()) > 12_000 || strings.Contains(out.String(), "\x1b") {
		t.Errorf("got %d bytes: %.300q", len(out.String()), out.String())
	}
	for line := range strings.Lines(out.String()) {
		if n := printable.Width(strings.TrimSuffix(line, "\n")); n > 80 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}

// What parents and servers say, and the name of a run, cannot command the terminal.
func TestTerminalMakesControlCharactersVisible(t *testing.T) {
	var out strings.Builder
	terminal := NewTerminal(&out, false, 0)
	terminal.Warn("reply \x1b[2J")
	if err := terminal.Run("run\x1b[H").Event(Warning{Step: 2, Text: "answer \u009b2J\u202e"}); err != nil {
		t.Fatal(err)
	}
	want := `warning: reply \x1b[2J` + "\n" + `run\x1b[H: warning: step 2: answer \u009b2J\u202e` + "\n"
	if out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}
