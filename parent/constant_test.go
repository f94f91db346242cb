package parent

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgsrm/remote/completions"
	"pgsrm/remote/remotetest"
	"pgsrm/task"
)

// referenced are items with these references in turn; "" is none.
func referenced(n int, references ...string) []task.Item {
	items := many(n)
	for i := range items {
		items[i].Reference = references[i%len(references)]
	}
	return items
}

// ofModel are the answers in turn, as a costly parent gives them.
type ofModel struct{ answers []string }

func (m ofModel) Identity() string            { return "openai:small@http://h/v1" }
func (m ofModel) Request(it task.Item) string { return it.Prompt }

func (m ofModel) Answers(_ context.Context, items []task.Item) []Result {
	out := make([]Result, len(items))
	for i, it := range items {
		var k int
		fmt.Sscan(it.Input, &k)
		out[i].Answer = m.answers[k%len(m.answers)]
	}
	return out
}

// A model that gives one answer to all prompts fails; one that answers alike where
// the task is lopsided, small or unknown does not.
func TestConstantParent(t *testing.T) {
	lopsided := append(slices.Repeat([]string{"ham"}, 19), "spam")
	for _, c := range []struct {
		name    string
		items   []task.Item
		answers []string
		asked   int
		failing bool
	}{
		{"one answer, references differ", referenced(300, "a", "b", "c"), []string{"red"}, 64, true},
		{"but for case and space", referenced(64, "a", "b"), []string{"Red ", "red"}, 64, true},
		{"eight prompts", referenced(8, "a", "b"), []string{"red"}, 8, true},
		{"one of twenty differs", referenced(60, "a", "b"), append(slices.Repeat([]string{"red"}, 19), "blue"), 60, true},
		{"seven prompts", referenced(7, "a", "b"), []string{"red"}, 7, false},
		{"two classes", referenced(64, "yes", "no"), []string{"yes", "no", "yes"}, 64, false},
		{"one of ten differs", referenced(60, "a", "b"), append(slices.Repeat([]string{"red"}, 9), "blue"), 60, false},
		{"lopsided task", referenced(64, lopsided...), []string{"ham"}, 64, false},
		{"seven to one", referenced(8, "a", "a", "a", "a", "a", "a", "a", "b"), []string{"a"}, 8, false},
		{"one right answer", referenced(64, "yes"), []string{"yes"}, 64, false},
		{"no references", many(64), []string{"yes"}, 64, true},
		{"no references, one differs", many(64), append(slices.Repeat([]string{"ham"}, 63), "spam"), 64, false},
		{"no references, few prompts", many(31), []string{"yes"}, 31, false},
		{"the second batch answers", many(128), append(slices.Repeat([]string{"yes"}, 64), slices.Repeat([]string{"no"}, 64)...), 128, false},
		{"the same prompt", slices.Repeat(referenced(1, "a"), 64), []string{"red"}, 64, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			results, err := AskAll(t.Context(), stack(ofModel{c.answers}, Options{}), c.items, 0, func([]Result) error { return nil })
			var constant *constantError
			if errors.As(err, &constant) != c.failing || errors.Is(err, ErrFailing) != c.failing || len(results) != c.asked {
				t.Errorf("got %v and %d results, want failing %v and %d", err, len(results), c.failing, c.asked)
			}
		})
	}
	// what somebody wrote down is his business
	if _, err := AskAll(t.Context(), newMemo(written{}), referenced(64, "a", "b"), 0, func([]Result) error { return nil }); err != nil {
		t.Errorf("a table: got %v", err)
	}
}

// written answers everything alike, as a file can.
type written struct{}

func (written) Identity() string { return "file:" }
func (written) Answers(_ context.Context, items []task.Item) []Result {
	return slices.Repeat([]Result{{Answer: "red"}}, len(items))
}

// A small model behind llama.cpp's server repeats what stands in the place of the
// answer: the instruction shows nothing of that kind, and such answers are refused.
func TestPlaceholdersAreRefused(t *testing.T) {
	if strings.ContainsAny(jsonInstruction, "{}:<>") || strings.Contains(jsonInstruction, "your answer") {
		t.Errorf("the instruction shows a form to fill in: %s", jsonInstruction)
	}
	for content, refuse := range map[string]bool{
		`{"OUTPUT": "your answer"}`:                       true,
		`{"OUTPUT": "<Your Answer>"}`:                     true,
		`{"OUTPUT": "..."}`:                               true,
		`{"OUTPUT": "Give the opposite, be brief."}`:      true,
		`{"OUTPUT": "give the opposite, be BRIEF"}`:       true,
		`{"OUTPUT": "the answer to the request as text"}`: true,
		`{"OUTPUT": "yes"}`:                               false, // a list of answers
		`{"OUTPUT": ")"}`:                                 false,
		`{"OUTPUT": "answer"}`:                            false, // the opposite of a question
		`{"OUTPUT": "output"}`:                            false,
		`{"OUTPUT": "what is 'hot'?"}`:                    false, // a task may ask to repeat
	} {
		s := newChatServer(t)
		s.Always(remotetest.Body(chatBody(content, "stop")))
		c := s.open(t, func(o *ChatOptions) { o.System = "{instruction}\nGive the opposite, be brief.\nyes" })
		r := c.Answers(t.Context(), []task.Item{{ID: "1", Prompt: "what is 'hot'?", Input: "hot"}})[0]
		var no *completions.RefusedError
		if errors.As(r.Err, &no) != refuse || refuse && (no.Reason != placeholderAnswer || c.Counts().Refused[placeholderAnswer] != 1) {
			t.Errorf("%s: got %+v", content, r)
		}
	}
}

// A key that a server spells with escapes, also within the JSON of an answer, is in no
// answer and no error.
func TestAnswersDoNotHoldTheKey(t *testing.T) {
	for _, content := range []string{testKey, `{"OUTPUT":"` + testKey + `"}`, `{"OUTPUT":"\u0073` + testKey[1:] + `"}`} {
		for _, reply := range []string{chatBody(content, "stop"), strings.ReplaceAll(chatBody(content, "stop"), "k-test", `\u006b-test`)} {
			s := newChatServer(t)
			s.Always(remotetest.Body(reply))
			r := s.open(t, nil).Answers(t.Context(), items[:1])[0]
			if r.Err == nil || strings.Contains(r.Answer+r.Err.Error(), testKey[4:]) {
				t.Errorf("%s: got %+v", reply, r)
			}
		}
	}
}
