package main

import (
	"context"
	"fmt"
	"io"

	"pgsrm/eval"
	"pgsrm/hf"
	"pgsrm/lm"
	"pgsrm/run"
	"pgsrm/task"
)

// examples are the items with the answers to learn, of the task or the file.
func (o *sftOptions) examples(ctx context.Context, g *globalOptions) (*task.Task, []eval.Answer, error) {
	if o.Data != "" {
		t, err := readExamples(ctx, o.Data, g)
		if err != nil {
			return nil, nil, err
		}
		answers, err := o.withReference(ctx, t, t.Items, g)
		return t, answers, err
	}
	t, err := o.openTask()
	if err != nil {
		return nil, nil, err
	}
	byID, err := o.parentAnswers(ctx, t, t.Items, g)
	if err != nil {
		return nil, nil, err
	}
	var answers []eval.Answer
	for _, it := range t.Items {
		if a := byID[it.ID]; a != "" {
			answers = append(answers, eval.Answer{Item: it, Reference: a})
		}
	}
	return t, answers, nil
}

// readExamples reads a JSONL file of prompts and responses as a task.
func readExamples(ctx context.Context, path string, g *globalOptions) (*task.Task, error) {
	f, err := g.openInput(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if path == "-" {
		g.sayReading("JSON lines with prompt and response")
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	t := &task.Task{Name: path, MaxNewTokens: 32}
	lines := readLines(ctx, f)
	for {
		batch, err := nextBatch(ctx, lines, 1)
		if err == io.EOF {
			return t, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		line := batch[0]
		if line.blank() {
			continue
		}
		var row struct {
			Prompt   *string    `json:"prompt"`
			Response *string    `json:"response"`
			Split    task.Split `json:"split"`
		}
		if err := line.decode(&row); err != nil {
			return nil, inputErrorf("%s: %w", path, err)
		}
		if row.Split == "" {
			row.Split = task.Train
		}
		switch {
		case row.Prompt == nil || *row.Prompt == "" || row.Response == nil || *row.Response == "":
			return nil, inputErrorf("%s: line %d: must have the fields prompt and response, neither empty", path, line.Number)
		case row.Split != task.Train && row.Split != task.HeldOut:
			return nil, inputErrorf("%s: line %d: split: must be train or held-out (got %q)", path, line.Number, row.Split)
		}
		t.Items = append(t.Items, task.Item{
			ID: fmt.Sprintf("line-%d", line.Number), Prompt: *row.Prompt, Reference: *row.Response, Split: row.Split,
		})
	}
}

// teachingSequences are the train prompts with what teaches their answers, and EOS;
// the loss begins after the prompt.
func teachingSequences(cfg lm.Config, input *hf.Prompter, answers []eval.Answer, match *task.Matcher) ([]lm.Sequence, error) {
	if cfg.EOS < 0 {
		return nil, inputErrorf("child: must have an end token (eos_token_id) to learn it")
	}
	var seqs []lm.Sequence
	for _, a := range answers {
		if a.Item.Split != task.Train {
			continue
		}
		prompt, err := input.Tokens(a.Item.Prompt)
		if err != nil {
			return nil, inputErrorf("item %s: %w", a.Item.ID, err)
		}
		target, ok := match.Target(a.Reference)
		if !ok {
			return nil, inputErrorf("item %s: answer: must find one in the reference to learn (got %q)", a.Item.ID, a.Reference)
		}
		response := input.Response(task.Joint(a.Item.Prompt), target)
		if err := cfg.Fits(prompt, len(response)-1); err != nil {
			return nil, inputErrorf("item %s: %w", a.Item.ID, err)
		}
		seqs = append(seqs, lm.Sequence{Tokens: append(prompt, response...), From: len(prompt)})
	}
	if len(seqs) == 0 {
		return nil, inputErrorf("sft: must have at least one train prompt with an answer")
	}
	return seqs, nil
}

// shuffledEpochs gives the sequences again and again, each time in a new order.
// What is left in the last batch of an epoch comes from the next one.
func shuffledEpochs(seqs []lm.Sequence, seed uint64) func(i int) (lm.Sequence, error) {
	epoch := -1
	var order []int
	return func(i int) (lm.Sequence, error) {
		if e := i / len(seqs); e != epoch {
			epoch, order = e, run.ShuffleStream(seed, e).Perm(len(seqs))
		}
		return seqs[order[i%len(seqs)]], nil
	}
}
