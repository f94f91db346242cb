package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgsrm/run"
	"pgsrm/task"
)

// quiet are global options for a run function called in process.
func quiet(stdout io.Writer) *globalOptions {
	return &globalOptions{
		Threads: 1, Cache: "off",
		Stdin: strings.NewReader(""), Stdout: stdout, Stderr: io.Discard, Log: slog.New(slog.DiscardHandler),
	}
}

// A child of any legal size can be loaded again and has the size that was asked for.
func TestPretrainedChildLoads(t *testing.T) {
	text := filepath.Join(t.TempDir(), "lines.txt")
	folder{t}.write(text, "red and blue is purple\nyellow and blue is green\n")
	for _, c := range []struct {
		layers, width, heads, vocab, positions int
		dtype                                  string
	}{
		{1, 1, 1, 257, 1, "F32"},
		{1, 1, 1, 257, 2, "BF16"},
		{2, 17, 1, 258, 3, "F32"},
		{1, 5, 5, 300, 7, "BF16"},
		{3, 6, 2, 261, 64, "F32"},
		{1, 33, 11, 1000, 129, "BF16"},
		{1, 130, 1, 257, 5, "F32"},
	} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			o := defaultPretrainOptions()
			o.Out, o.Text, o.DType = filepath.Join(t.TempDir(), "child"), text, c.dtype
			o.Layers, o.Width, o.Heads, o.Vocab, o.Positions = c.layers, c.width, c.heads, c.vocab, c.positions
			o.Train.Steps, o.Train.Batch = 2, 3
			if err := runPretrain(context.Background(), o, quiet(io.Discard)); err != nil {
				t.Fatal(err)
			}
			m, err := run.OpenChild(o.Out)
			if err != nil {
				t.Fatal(err)
			}
			got := m.Config
			if got.Layers != c.layers || got.Width != c.width || got.Heads != c.heads || got.Positions != c.positions || got.Vocab > c.vocab {
				t.Errorf("config %+v", got)
			}
		})
	}
}

// Generated documents are encoded in their two pieces with the end token, clipped to
// the context and one token more; texts of the user come in a new order each time.
func TestPretrainSequences(t *testing.T) {
	m, err := run.OpenChild("builtin:tiny")
	if err != nil {
		t.Fatal(err)
	}
	cfg := m.Config
	docs := documents{at: func(i int) (string, string) { return fmt.Sprintf("number %d is ", i), "odd" }}
	next, _, err := docs.sequences(m.Tokenizer, cfg, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range []int{0, 7} {
		q, err := next(i)
		want := append(append(m.Tokenizer.Encode(fmt.Sprintf("number %d is ", i)), m.Tokenizer.Encode("odd")...), cfg.EOS)
		if err != nil || !slices.Equal(q.Tokens, want) || q.From != 1 {
			t.Errorf("document %d: %+v, want %v (%v)", i, q, want, err)
		}
	}
	cfg.Positions = 3
	if next, _, err = docs.sequences(m.Tokenizer, cfg, 1); err != nil {
		t.Fatal(err)
	}
	if q, _ := next(0); len(q.Tokens) != 4 {
		t.Errorf("a context of 3 learns from 4 tokens (got %d)", len(q.Tokens))
	}
	docs.texts = []string{"a"}
	cfg.EOS = -1
	if _, _, err := docs.sequences(m.Tokenizer, cfg, 1); err == nil {
		t.Error("texts of one token must be refused")
	}
}

// --base-rate is the share of right answers of all tasks; left alone it is the recipe's.
func TestPretrainCorpus(t *testing.T) {
	if testing.Short() {
		t.Skip("one goroutine, which the race detector has nothing to say of")
	}
	g := quiet(io.Discard)
	answers := func(rate float64) (right int) {
		o := defaultPretrainOptions()
		o.BaseRate = rate
		o.Corpus.Facts = 0
		docs, err := o.documents(context.Background(), g)
		if err != nil {
			t.Fatal(err)
		}
		tasks, err := task.Builtin("opposites")
		if err != nil {
			t.Fatal(err)
		}
		known := map[string]string{}
		for _, it := range tasks.Items {
			known[strings.TrimSpace(it.Prompt)] = it.Reference
		}
		for i := range 4000 {
			prompt, answer := docs.at(i)
			if want, ok := known[strings.TrimSpace(prompt)]; ok && strings.TrimSpace(answer) == want {
				right++
			}
		}
		return right
	}
	never, recipe, always := answers(0), answers(ofRecipe), answers(1)
	if never != 0 || recipe > always/10 || always < 50 {
		t.Errorf("right answers: %d at rate 0, %d by the recipe, %d at rate 1", never, recipe, always)
	}
	o := defaultPretrainOptions()
	o.Embedder = "nosuch"
	if _, err := o.documents(context.Background(), g); exitCode(err) != exitInput {
		t.Errorf("embedder: error %v", err)
	}
}
