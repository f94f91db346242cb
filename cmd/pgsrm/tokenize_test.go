package main

import (
	"context"
	"io"
	"testing"

	"pgsrm/run"
	"pgsrm/task"
)

// Ids outside the vocabulary on either side are mistakes.
func TestDecodeRefusesIDs(t *testing.T) {
	tok, err := run.OpenTokenizer("builtin:tiny")
	if err != nil {
		t.Fatal(err)
	}
	o := tokenizeOptions{Decode: true}
	for _, text := range []string{"[-1]", "[2000]", "[0,-2147483648]"} {
		if got, err := o.convert(tok, inputLine{Number: 1, Text: text}); exitCode(err) != exitInput {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	if got, err := o.convert(tok, inputLine{Number: 1, Text: "[72,429]"}); err != nil || got != "hot" {
		t.Errorf("got %q, %v", got, err)
	}
}

// An item without a reference that the parent does not answer is left out.
func TestWithReference(t *testing.T) {
	dir := t.TempDir()
	folder{t}.write(dir+"/answers.csv", "prompt,answer\nbig,small\n")
	o := sourceOptions{Parent: "file:" + dir + "/answers.csv"}
	items := []task.Item{{ID: "1", Prompt: "hot", Reference: "cold"}, {ID: "2", Prompt: "big"}, {ID: "3", Prompt: "old"}}
	got, err := o.withReference(context.Background(), &task.Task{Name: "own", Items: items}, items, quiet(io.Discard))
	if err != nil || len(got) != 2 || got[0].Reference != "cold" || got[1].Reference != "small" {
		t.Errorf("%+v, %v", got, err)
	}
}
