package run

import (
	"bytes"
	"errors"
	"strings"
	"testing"
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
	terminal := NewTerminal(&out, false)
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
	terminal := NewTerminal(&out, true)
	for _, name := range []string{"a", "b"} {
		view := terminal.Run(name)
		for _, e := range someEvents() {
			if err := view.Event(e); err != nil {
				t.Fatal(err)
			}
		}
	}
	terminal.Wait()
	if !strings.Contains(out.String(), "exact 25.0%, held-out 12.5%, like 0.250  reward 1, entropy 2.1, KL 0.04") {
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
	if got, want := shortScore(values), "right 87.5%, held-out 75.0%, like 0.250"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// What parents and servers say, and the name of a run, cannot command the terminal.
func TestTerminalMakesControlCharactersVisible(t *testing.T) {
	var out strings.Builder
	terminal := NewTerminal(&out, false)
	terminal.Warn("reply \x1b[2J")
	if err := terminal.Run("run\x1b[H").Event(Warning{Step: 2, Text: "answer \u009b2J\u202e"}); err != nil {
		t.Fatal(err)
	}
	want := `warning: reply \x1b[2J` + "\n" + `run\x1b[H: warning: step 2: answer \u009b2J\u202e` + "\n"
	if out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}
