package main

import (
	"slices"
	"testing"

	"github.com/spf13/pflag"

	"pgsrm/run"
)

// A line has one of the forms, whole; its tokens are those that training would see.
func TestLogprobsTokens(t *testing.T) {
	m, err := run.OpenChild("builtin:tiny")
	if err != nil {
		t.Fatal(err)
	}
	o := childOptions{Template: run.ChatTemplate{Use: "auto"}}
	input, err := o.prompter(m)
	if err != nil {
		t.Fatal(err)
	}
	tok := m.Tokenizer
	for text, want := range map[string][]int32{
		`{"tokens":[5,6]}`:                     {5, 6},
		`{"text":"red and"}`:                   tok.Encode("red and"),
		`{"prompt":"hot is ","response":"co"}`: append(append(tok.Encode("hot is "), tok.Encode("co")...), m.Config.EOS),
	} {
		got, err := logprobsTokens(inputLine{Number: 1, Text: text}, m.Config, tok, input)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{
		`{}`, `{"prompt":"a"}`, `{"response":"b"}`, `{"prompt":"a","response":"b","text":"c"}`, `{"text":"a","tokens":[1]}`,
		`{"tokens":[-1]}`, `{"tokens":[2000]}`, `{"tokens":[1.5]}`, `{"text":1}`,
	} {
		if got, err := logprobsTokens(inputLine{Number: 1, Text: text}, m.Config, tok, input); exitCode(err) != exitInput {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
}

// A resumed run may be named by its folder alone.
func TestOnlyOut(t *testing.T) {
	for want, lines := range map[bool][][]string{
		true:  {{}, {"--out", "x"}},
		false: {{"--out", "x", "--seed", "2"}, {"--set", "seed=2"}, {"--config", "f"}},
	} {
		for _, args := range lines {
			var o configOptions
			f := pflag.NewFlagSet("train", pflag.ContinueOnError)
			o.AddFlags(f)
			if err := f.Parse(args); err != nil {
				t.Fatal(err)
			}
			if got := o.only("out"); got != want {
				t.Errorf("%q: %v", args, got)
			}
		}
	}
}
