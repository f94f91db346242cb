package eval

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"pgsrm/task"
)

// Worked by hand: of three answers to each of two prompts one and two are right, so that
// two drawn of three have a right one with chances 1 - C(2,2)/C(3,2) = 2/3 and 1.
func TestPassAtK(t *testing.T) {
	var answers []Answer
	for _, text := range []string{"hot", "cold", "warm", "up", "up", "down"} {
		reference := "cold"
		if len(answers) > 2 {
			reference = "up"
		}
		answers = append(answers, Answer{Item: task.Item{ID: reference}, Reference: reference, Response: text})
	}
	want := []Pass{{K: 1, ExactMatch: 0.5}, {K: 2, ExactMatch: 5.0 / 6}, {K: 3, ExactMatch: 1}}
	if diff := cmp.Diff(want, PassAtK(answers, 3, nil), equateFloats); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := PassAtK(answers[:1], 1, nil); len(got) != 1 || got[0].K != 1 || got[0].ExactMatch != 0 {
		t.Errorf("one sample: got %+v", got)
	}
}

var equateFloats = cmp.Comparer(func(a, b float64) bool { return a-b < 1e-12 && b-a < 1e-12 })
