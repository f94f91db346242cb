package main

import (
	"context"

	"pgsrm/eval"
	"pgsrm/hf"
	"pgsrm/lm"
	"pgsrm/run"
	"pgsrm/task"
)

// examples are the items with the answers to learn, of the task or the file.
func (o *sftOptions) examples(ctx context.Context, g *globalOptions) (*task.Task, []eval.Answer, error) {
	if o.Examples != "" {
		data := o.Data
		if data.KeepRepeats = true; o.heldOut == nil || !o.heldOut.Changed {
			data.HeldOut = 0
		}
		t, err := o.loadTask(ctx, o.Examples, data, g)
		if err != nil {
			return nil, nil, err
		}
		t.MaxNewTokens = 32
		var answers []eval.Answer
		for _, it := range t.Items {
			if it.Reference == "" {
				return nil, nil, inputErrorf("%s: item %s: must have an answer to learn: a field reference, completion, response or answer", o.Examples, it.ID)
			}
			answers = append(answers, eval.Answer{Item: it, Reference: it.Reference})
		}
		return t, answers, nil
	}
	t, err := o.openTask(ctx, g)
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
		prompt, err := input.Item(a.Item)
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
