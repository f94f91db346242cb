package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"pgsrm/hf"
	"pgsrm/lm"
	"pgsrm/run"
)

// testChild is the child of the scripts.
func testChild(t *testing.T, o *generateOptions) *sampler {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "tiny")
	if err := writeChild(dir); err != nil {
		t.Fatal(err)
	}
	m, err := run.OpenChild(dir)
	if err != nil {
		t.Fatal(err)
	}
	input, err := m.Prompter("", hf.DefaultTemplateOptions())
	if err != nil {
		t.Fatal(err)
	}
	return &sampler{m: m, input: input, state: m.NewState(false), opt: *o}
}

// TestSamplerIsGenerate holds that sampling token by token gives the very
// numbers of lm.Generate over whole answers.
func TestSamplerIsGenerate(t *testing.T) {
	o := generateOptions{Samples: 3, Seed: 9, Sample: lm.SampleOptions{Temperature: 0.8, TopK: 50, TopP: 0.95, MaxNewTokens: 12}}
	d := testChild(t, &o)
	prompts := []string{"The opposite of 'hot' is ", "cold"}
	answers, err := d.begin(0, prompts, 0, d.opt.Samples)
	if err != nil {
		t.Fatal(err)
	}
	for d.running(answers) {
		if err := d.step(answers); err != nil {
			t.Fatal(err)
		}
	}
	encoded := [][]int32{d.m.Tokenizer.Encode(prompts[0]), d.m.Tokenizer.Encode(prompts[1])}
	want, err := d.m.Generate(d.m.NewState(false), encoded, o.Samples, o.Sample, func(p, g int) *rand.Rand {
		return run.SampleStream(o.Seed, p, g)
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, w := range want {
		a := answers[i]
		if !slices.Equal(a.Tokens, w.Tokens) || !slices.Equal(a.LogProbs, w.LogProbs) || a.Finish != w.Finish {
			t.Errorf("answer %d: %v %v %s, want %v %v %s", i, a.Tokens, a.LogProbs, a.Finish, w.Tokens, w.LogProbs, w.Finish)
		}
		if a.Text != d.m.Tokenizer.Decode(w.Tokens, true) {
			t.Errorf("answer %d: text %q", i, a.Text)
		}
	}
}

// TestTokensNeedNoTokenizer holds that the ids of a prompt are answered as the prompt
// is, also by a child whose folder has no tokenizer.
func TestTokensNeedNoTokenizer(t *testing.T) {
	const prompt = "The opposite of 'hot' is "
	o := generateOptions{Samples: 2, Seed: 9, Sample: lm.SampleOptions{Temperature: 1, TopP: 1, MaxNewTokens: 6}}
	draw := func(d *sampler, prompt string) []*sampled {
		answers, err := d.begin(0, []string{prompt}, 0, o.Samples)
		for err == nil && d.running(answers) {
			err = d.step(answers)
		}
		if err != nil {
			t.Fatal(err)
		}
		return answers
	}
	d := testChild(t, &o)
	ids, err := json.Marshal(d.m.Tokenizer.Encode(prompt))
	if err != nil {
		t.Fatal(err)
	}
	want := draw(d, prompt)
	dir := filepath.Join(t.TempDir(), "bare")
	if err := errors.Join(d.m.Save(dir), os.Remove(filepath.Join(dir, "tokenizer.json"))); err != nil {
		t.Fatal(err)
	}
	m, err := run.OpenBareChild(dir)
	if err != nil {
		t.Fatal(err)
	}
	o.Tokens = true
	for i, a := range draw(&sampler{m: m, state: m.NewState(false), opt: o}, string(ids)) {
		w := want[i]
		if a.Text != "" || !slices.Equal(a.Tokens, w.Tokens) || !slices.Equal(a.LogProbs, w.LogProbs) || a.Finish != w.Finish {
			t.Errorf("answer %d: %+v, want %+v", i, a, w)
		}
	}
}

// TestStop holds that an answer ends before the first stop text, with the token
// that completed it as its last.
func TestStop(t *testing.T) {
	o := generateOptions{Samples: 1, Seed: 9, Sample: lm.SampleOptions{Temperature: 1, MaxNewTokens: 12}}
	d := testChild(t, &o)
	draw := func(stop ...string) *sampled {
		d.opt.Stop = stop
		answers, err := d.begin(0, []string{"hot"}, 0, d.opt.Samples)
		if err != nil {
			t.Fatal(err)
		}
		for d.running(answers) {
			if err := d.step(answers); err != nil {
				t.Fatal(err)
			}
		}
		return answers[0]
	}
	whole := draw()
	third := d.m.Tokenizer.Decode(whole.Tokens[2:3], true)
	got := draw("no such text", third)
	if got.Finish != "stop" || len(got.Tokens) > 3 || got.Text+third != d.m.Tokenizer.Decode(got.Tokens, true) {
		t.Errorf("stopped at %q: %q, %v, %s", third, got.Text, got.Tokens, got.Finish)
	}
}

func TestSettled(t *testing.T) {
	for _, c := range []struct {
		text string
		stop []string
		want string
	}{
		{"abc", nil, "abc"},
		{"abc\uFFFD", nil, "abc"},
		{"abc", []string{"cd"}, "ab"},
		{"abc", []string{"bcd", "cd"}, "a"},
		{"abc", []string{"x"}, "abc"},
		{"", []string{"x"}, ""},
	} {
		if got := settled(c.text, c.stop); got != c.want {
			t.Errorf("settled(%q, %q) = %q, want %q", c.text, c.stop, got, c.want)
		}
	}
}

// More samples of a prompt than are drawn together are those that would be drawn at
// once, in order, and no more stand in memory than that.
func TestManySamplesAreDrawnInParts(t *testing.T) {
	o := generateOptions{Samples: generateBatch + 6, Seed: 3, Sample: lm.SampleOptions{Temperature: 1, TopP: 1, MaxNewTokens: 2}}
	d := testChild(t, &o)
	answers, err := d.begin(0, []string{"hot"}, 0, o.Samples)
	if err != nil {
		t.Fatal(err)
	}
	for d.running(answers) {
		if err := d.step(answers); err != nil {
			t.Fatal(err)
		}
	}
	var want, got bytes.Buffer
	if err := (jsonPrinter{bufio.NewWriter(&want)}).done(answers); err != nil {
		t.Fatal(err)
	}
	g := quiet(io.Discard)
	g.JSON = true
	w := bufio.NewWriter(&got)
	if err := generatePrompts(context.Background(), d, g, w, 0, []string{"hot"}); err != nil {
		t.Fatal(err)
	}
	if got.String() != want.String() {
		t.Errorf("got\n%swant\n%s", got.String(), want.String())
	}
	rest, err := d.begin(4, []string{"hot", "cold"}, 64, 70)
	if err != nil || len(rest) != 12 || rest[6].Prompt != "cold" {
		t.Errorf("%d answers, %v", len(rest), err)
	}
}
