package main

import (
	"slices"
	"testing"

	"pgsrm/eval"
	"pgsrm/run"
	"pgsrm/task"
)

// The loss is on the answer and its end token, not on the prompt, and on train prompts
// alone.
func TestTeachingSequences(t *testing.T) {
	m, err := run.OpenChild("builtin:tiny")
	if err != nil {
		t.Fatal(err)
	}
	o := childOptions{Template: run.ChatTemplate{Use: "auto"}}
	input, err := o.prompter(m)
	if err != nil {
		t.Fatal(err)
	}
	seqs, err := teachingSequences(m.Config, input, []eval.Answer{
		{Item: task.Item{ID: "1", Prompt: "hot is ", Split: task.Train}, Reference: "cold"},
		{Item: task.Item{ID: "2", Prompt: "big is ", Split: task.HeldOut}, Reference: "small"},
	}, nil)
	if err != nil || len(seqs) != 1 {
		t.Fatalf("%d sequences, %v", len(seqs), err)
	}
	prompt := m.Tokenizer.Encode("hot is ")
	want := append(append(slices.Clone(prompt), m.Tokenizer.Encode("cold")...), m.Config.EOS)
	if q := seqs[0]; !slices.Equal(q.Tokens, want) || q.From != len(prompt) {
		t.Errorf("got %v from %d, want %v from %d", q.Tokens, q.From, want, len(prompt))
	}
	marker := task.DefaultAnswerOptions()
	marker.After = "Answer:"
	marked, err := teachingSequences(m.Config, input, []eval.Answer{{Item: task.Item{Prompt: "hot is ", Split: task.Train}, Reference: "cold"}}, marker.Matcher())
	if err != nil || m.Tokenizer.Decode(marked[0].Tokens[len(prompt):], true) != "Answer: cold" {
		t.Errorf("the marker is not taught (%v)", err)
	}
	cfg := m.Config
	cfg.EOS = -1
	if _, err := teachingSequences(cfg, input, nil, nil); exitCode(err) != exitInput {
		t.Errorf("a child without end token: error %v", err)
	}
}

// A real model is tuned gently: the rate and the epochs of the embedded child would
// ruin it.
func TestTuningDefaultsFollowTheChild(t *testing.T) {
	for _, c := range []struct {
		child  string
		rank   int
		rate   float64
		epochs int
	}{{"builtin:tiny", 0, 5e-4, 100}, {"builtin:tiny", 8, 5e-4, 100}, {"./model", 0, 5e-5, 3}, {"./model", 8, 5e-4, 3}} {
		o := defaultSFTOptions()
		o.Child, o.LoRA.Rank = c.child, c.rank
		if rate, epochs := o.tuningRate(), o.epochs(5); rate != c.rate || epochs != c.epochs {
			t.Errorf("%s, rank %d: got rate %g, %d epochs, want %g, %d", c.child, c.rank, rate, epochs, c.rate, c.epochs)
		}
	}
}
