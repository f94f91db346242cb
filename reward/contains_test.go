package reward

import (
	"testing"

	"pgsrm/task"
)

func TestContainsByHand(t *testing.T) {
	for _, c := range []struct {
		term, response, reference string
		want                      float64
	}{
		{"contains", "It is Cold, I think.", "cold", 1},
		{"contains", "colder", "cold", 0},
		{"contains", "scold; cold", "cold", 1},
		{"contains", "cold2", "cold", 0},
		{"contains", "New\n york", "new York", 1},
		{"contains", "crimson red", "purple", 1}, // crimson is accepted
		{"contains", "答えは冷たいです", "冷たい", 1},
		{"contains", "C++ or Go", "C++", 1},
		{"contains", "e\u0301", "e", 0}, // an accent belongs to its letter
		{"contains", "cold", "!", 0},
		{"contains", "cold!", "!", 1},
		{"contains", "cold", "", 0},
		{"contains(yes, sir)", "Well, yes,  SIR!", "no", 1},
		{"contains(yes, sir)", "yes", "yes", 0},
		{"contains(a)", "ba a", "no", 1},
		{"contains(aa)", "aaaa", "no", 0},
	} {
		got := mustModel(t, c.term, nil).Score(t.Context(), []Sample{{Response: c.response, Reference: c.reference, Accepted: []string{"crimson"}}})[0]
		if got.Err != nil || got.Reward != c.want {
			t.Errorf("%s of %q for %q: got %v, %v, want %v", c.term, c.response, c.reference, got.Reward, got.Err, c.want)
		}
	}
}

// What does not count in an answer does not hide what it contains.
func TestContainsNormalized(t *testing.T) {
	spec, err := ParseSpec(`contains + contains('the "big" cat.')`)
	if err != nil {
		t.Fatal(err)
	}
	m, err := New(t.Context(), spec, mixing, answers, nil, matcher(func(o *task.AnswerOptions) { o.After = "Answer:" }))
	if err != nil {
		t.Fatal(err)
	}
	for response, want := range map[string]float64{
		"Answer: **Red**, as \"ever\"": 1, "red. Answer: blue": 0, "red": 0, "Answer: I saw a **big** cat with 'red' ears": 2,
	} {
		if got := m.Score(t.Context(), []Sample{{Response: response, Reference: `"Red."`}})[0]; got.Reward != want {
			t.Errorf("%q: got %v, want %v", response, got.Reward, want)
		}
	}
}
