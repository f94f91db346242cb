package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
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
	s := &answerScorer{terms: []string{"exact"}}
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
	s := &answerScorer{known: reward.NewReferences(&task.Task{Items: []task.Item{it}}, map[string]string{"1": "red"}, nil)}
	for text, want := range map[string]int{
		`{"prompt":"p","response":"x"}`:                                          1,
		`{"prompt":"p","response":"x","reference":"red"}`:                        1,
		`{"prompt":"p","response":"x","reference":"blue"}`:                       0,
		`{"prompt":"other","response":"x","reference":"r"}`:                      0,
		`{"prompt":"p","response":"x","accepted":["ruby"]}`:                      2,
		`{"prompt":"other","response":"x","reference":"r","accepted":["s","t"]}`: 2,
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
	if _, err := s.read(inputLine{Number: 1, Text: `{"prompt":"p","response":"x","accepted":true}`}); err == nil {
		t.Error("accepted that is no list was read")
	}
}

// Answers to one prompt are compared with each other however many batches they fill, and
// the next group does not count among them.
func TestScoreGroups(t *testing.T) {
	t.Setenv("PGSRM_CACHE", "off")
	score := func(lines ...string) (rewards []float64, last string, code int) {
		var stdout, stderr strings.Builder
		code = execute([]string{"score", "--task", "opposites", "--reward", "minmax(length)"}, strings.NewReader(strings.Join(lines, "\n")), &stdout, &stderr)
		for line := range strings.Lines(stdout.String()) {
			var out struct{ Reward float64 }
			if err := json.Unmarshal([]byte(line), &out); err != nil {
				t.Fatal(err)
			}
			rewards = append(rewards, out.Reward)
		}
		return rewards, strings.TrimSpace(stderr.String()), code
	}
	line := func(prompt string, words int) string {
		return fmt.Sprintf(`{"prompt":%q,"response":%q,"reference":"a"}`, prompt, strings.Repeat("a ", words))
	}
	group := func(n int) []string { // the first answer has the right length, the last is the longest
		lines := []string{line("p", 1)}
		for range n - 2 {
			lines = append(lines, line("p", 2))
		}
		return append(lines, line("p", 4))
	}
	// 1, 1/2 and 1/4 of the right length: the least becomes 0, the most 1
	rewards, stderr, code := score(append(group(maxScoreGroup), line("q", 2), line("p", 4))...)
	if code != 0 || stderr != "" || len(rewards) != maxScoreGroup+2 {
		t.Fatalf("exit code %d, %d rewards, %s", code, len(rewards), stderr)
	}
	for i, want := range map[int]float64{0: 1, 1: 1. / 3, maxScoreGroup - 2: 1. / 3, maxScoreGroup - 1: 0, maxScoreGroup: .5, maxScoreGroup + 1: .5} {
		if rewards[i] != want {
			t.Errorf("line %d: got %v, want %v", i+1, rewards[i], want)
		}
	}
	rewards, stderr, code = score(append([]string{line("q", 1)}, group(maxScoreGroup+1)...)...)
	if want := "pgsrm: line 1026: a group must have at most 1024 answers"; code != exitInput || stderr != want || len(rewards) != 1 {
		t.Errorf("exit code %d, %d rewards, %s", code, len(rewards), stderr)
	}
}
