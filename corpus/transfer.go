package corpus

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"

	"pgsrm/embed"
	"pgsrm/task"
)

// formsOf are the prompt forms of a task, its own first.
func formsOf(name string) []string {
	switch name {
	case "copy":
		return copyForms[:]
	case "sentiment":
		return sadForms[:]
	}
	return lexicalForms(name)
}

// Phrasings is a built-in task with every prompt in the other forms that the corpus has for
// it; each prompt stands in the split of its input.
func Phrasings(name string) (*task.Task, error) {
	t, err := task.Builtin(name)
	if err != nil {
		return nil, err
	}
	var items []task.Item
	for k, form := range formsOf(name)[1:] {
		for _, it := range t.Items {
			it.ID = fmt.Sprintf("%s/form-%d", it.ID, k+1)
			it.Prompt = fmt.Sprintf(form, it.Input)
			items = append(items, it)
		}
	}
	t.Items = items
	return t, nil
}

// How many sentences Subjects draws, and by which random numbers.
const (
	newSentences = 60
	sentenceSeed = 5
)

// Subjects is a built-in task with inputs that it does not have, all held out, with their
// answers: words of the lists of the corpus, sentences of its grammar. Colors has none.
func Subjects(name string) (*task.Task, error) {
	t, err := task.Builtin(name)
	if err != nil {
		return nil, err
	}
	l, err := readLists()
	if err != nil {
		return nil, err
	}
	var all []task.Item
	switch name {
	case "colors":
		return nil, fmt.Errorf("subjects: must be of opposites, categories, copy or sentiment, as colors has no further inputs (got %q)", name)
	case "opposites":
		all = l.moreOpposites()
	case "categories":
		all = l.moreNouns()
	default:
		all = l.sentences(name)
	}
	asked := map[string]bool{}
	for _, it := range t.Items {
		asked[it.Input] = true
	}
	t.Items = nil
	for _, it := range all {
		if asked[it.Input] {
			continue
		}
		asked[it.Input] = true
		it.ID = "new/" + strings.ReplaceAll(it.Input, " ", "-")
		it.Prompt = fmt.Sprintf(formsOf(name)[0], it.Input)
		it.Split = task.HeldOut
		t.Items = append(t.Items, it)
	}
	return t, nil
}

// sentences draws inputs of a sentence task from the grammar.
func (l *lists) sentences(name string) []task.Item {
	r := rand.New(rand.NewPCG(sentenceSeed, 0))
	var out []task.Item
	for range newSentences {
		kind := "pair"
		if name == "copy" {
			kind = "sentence"
		}
		happy, sad := l.grammar.draw(r, kind)
		it := task.Item{Input: strings.Join(happy, " "), Reference: strings.Join(sad, " ")}
		if name == "copy" {
			it.Reference = it.Input
		}
		out = append(out, it)
	}
	return out
}

// Plain returns n documents of plain sentences, without prompts.
func Plain(ctx context.Context, e embed.Embedder, seed uint64, n int) ([]string, error) {
	sim, err := Cosine(ctx, e)
	if err != nil {
		return nil, err
	}
	o := DefaultOptions()
	o.Seed, o.Documents, o.Mix = seed, n, map[string]float64{plain: 1}
	g, err := New(o, sim)
	if err != nil {
		return nil, err
	}
	var out []string
	for d := range g.All() {
		out = append(out, d.Text())
	}
	return out, nil
}
