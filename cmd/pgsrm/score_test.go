package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"testing"

	"pgsrm/reward"
	"pgsrm/task"
)

// FuzzScoreLine: whatever stands in a line, it is a mistake of the user or
// becomes one line of valid JSON that keeps the prompt and has a reward or an error.
func FuzzScoreLine(f *testing.F) {
	for _, line := range []string{
		`{"prompt":"p","response":"r","reference":"r"}`,
		`{"prompt":"p","response":"r","id":[1,{"a":"<&>"}],"reward":2,"terms":{},"error":null}`,
		`{"Prompt":"p","RESPONSE":"r","prompt":"q","response":"s","Reward":1}`,
		`{"prompt":"\ud800","response":"\u2028","reference":null}`,
		`{}`, `[]`, `null`, `{"prompt":"p"}`, `{"prompt":"p","response":"r"} x`,
	} {
		f.Add(line)
	}
	s := &answerScorer{items: map[string]task.Item{}, answers: map[string]string{}, terms: []string{"exact"}}
	f.Fuzz(func(t *testing.T, text string) {
		l, err := s.read(inputLine{Number: 1, Text: text})
		if err != nil {
			if exitCode(err) != exitInput {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		if l.score.Err == nil {
			l.score = reward.Score{Reward: 0.5, Terms: []float64{1}}
		}
		var b bytes.Buffer
		w := bufio.NewWriter(&b)
		if err := l.write(w, s.terms); err != nil {
			t.Fatal(err)
		}
		w.Flush()
		var out map[string]json.RawMessage
		var prompt string
		if err := json.Unmarshal(b.Bytes(), &out); err != nil || bytes.Count(b.Bytes(), []byte{'\n'}) != 1 {
			t.Fatalf("%q: %q: %v", text, b.String(), err)
		}
		if err := json.Unmarshal(out["prompt"], &prompt); err != nil || prompt != l.sample.Prompt || (out["reward"] == nil) == (out["error"] == nil) {
			t.Fatalf("%q: %q", text, b.String())
		}
	})
}

// Other accepted answers of a prompt count beside the task's own reference alone.
func TestScoreAccepted(t *testing.T) {
	it := task.Item{ID: "1", Prompt: "p", Reference: "red", Accepted: []string{"crimson"}}
	s := &answerScorer{items: map[string]task.Item{"p": it}, answers: map[string]string{"1": "red"}}
	for text, want := range map[string]int{
		`{"prompt":"p","response":"x"}`:                     1,
		`{"prompt":"p","response":"x","reference":"red"}`:   1,
		`{"prompt":"p","response":"x","reference":"blue"}`:  0,
		`{"prompt":"other","response":"x","reference":"r"}`: 0,
	} {
		l, err := s.read(inputLine{Number: 1, Text: text})
		if err != nil || l.score.Err != nil || len(l.sample.Accepted) != want {
			t.Errorf("%s: accepted %q, %v", text, l.sample.Accepted, err)
		}
	}
	l, err := s.read(inputLine{Number: 1, Text: `{"prompt":"other","response":"x"}`})
	if err != nil || l.score.Err == nil {
		t.Errorf("a prompt without a reference: %v, %v", err, l.score.Err)
	}
}
