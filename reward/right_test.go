package reward

import (
	"testing"

	"pgsrm/task"
)

// A score says whether the response is right, whatever the terms are: not where it is
// void or has no reward.
func TestScoreSaysWhatIsRight(t *testing.T) {
	strict, quoted := []bool{true, true, false, false, false, false}, []bool{true, true, true, false, false, false}
	samples := []Sample{
		{Prompt: "say a colour", Response: " Red ", Reference: "red"}, {Prompt: "say a colour", Response: "pink", Reference: "red", Accepted: []string{"Pink"}},
		{Prompt: "say a colour", Response: `"red".`, Reference: "red"}, {Prompt: "say a colour", Response: "blue", Reference: "red"},
		{Prompt: "blue", Response: "blue", Reference: "red", Accepted: []string{"blue"}}, {Prompt: "say a colour", Response: "down", Reference: "down"},
	}
	for _, c := range []struct {
		spec  string
		match *task.Matcher
		want  []bool
	}{
		{"cosine", nil, strict}, {"cosine", matcher(func(*task.AnswerOptions) {}), quoted},
		{"0.5*exact+0.5*cosine", nil, strict}, {"exact+cosine-repetition", matcher(func(*task.AnswerOptions) {}), quoted},
	} {
		spec, err := ParseSpec(c.spec)
		if err != nil {
			t.Fatal(err)
		}
		m, err := New(t.Context(), spec, mixing, answers, &plane{}, c.match)
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range m.Score(t.Context(), samples) {
			if s.Right != c.want[i] {
				t.Errorf("%s, %q: right is %v, want %v", c.spec, samples[i].Response, s.Right, c.want[i])
			}
		}
	}
}
