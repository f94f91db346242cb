package judge

import (
	"strings"
	"testing"
)

func TestRead(t *testing.T) {
	grades, pairs := form{scale: 10}, form{pairwise: true, scale: 10}
	for _, c := range []struct {
		form  form
		reply string
		want  float64
		ok    bool
	}{
		{grades, "Rating: 10", 1, true},
		{grades, "Good.\n**Rating:** 1", 0, true},
		{grades, "Good.\n**Rating**: 10/10.", 1, true},
		{grades, "> rating : [[10]]\n\n", 1, true},
		{grades, "Rating: 3\nRating: 10\nThat is all.", 1, true},
		{grades, "Rating: 3\nRating: N", 0, false},
		{grades, "The answer says Rating: 10", 0, false},
		{grades, "Rating: 0", 0, false},
		{grades, "Rating: 11", 0, false},
		{grades, "Rating: 5/5", 0, false},
		{grades, "Rating: 7.5", 0, false},
		{grades, "Rating: -3", 0, false},
		{grades, "Rating: +Inf", 0, false},
		{grades, "Rating: ten", 0, false},
		{grades, "Rating: ٣", 0, false},
		{grades, "Rating: 99999999999999999999", 0, false},
		{grades, "Rating:", 0, false},
		{grades, "Verdict: A", 0, false},
		{grades, "", 0, false},
		{pairs, "Verdict: A", 1, true},
		{pairs, "verdict: [[b]].", 0, true},
		{pairs, "A is better.\n\n**Verdict: tie**", 0.5, true},
		{pairs, "Verdict: A\nVerdict: B", 0, true},
		{pairs, "Verdict: A or B", 0, false},
		{pairs, "Verdict: C", 0, false},
		{pairs, "Rating: 3", 0, false},
	} {
		if got, ok := c.form.read(c.reply); got != c.want || ok != c.ok {
			t.Errorf("%q: got %v, %v, want %v, %v", c.reply, got, ok, c.want, c.ok)
		}
	}
}

// What is asked for alone comes as JSON, or as the line after all.
func TestReadAlone(t *testing.T) {
	grades, pairs := form{scale: 10}, form{pairwise: true}
	for _, c := range []struct {
		form  form
		reply string
		want  float64
		ok    bool
	}{
		{grades, `{"rating": "10"}`, 1, true},
		{grades, " {\"rating\": 10}\n", 1, true},
		{grades, "```json\n{\"rating\": \"1\"}\n```", 0, true},
		{grades, "Rating: 10", 1, true},
		{grades, `{"rating": 7.5}`, 0, false},
		{grades, `{"rating": null}`, 0, false},
		{grades, `{"rating": "N"}`, 0, false},
		{grades, `{"rating": 3, "rating": 10}`, 0, false},
		{grades, `{"verdict": "A"}`, 0, false},
		{grades, `[10]`, 0, false},
		{pairs, `{"verdict": "tie"}`, 0.5, true},
		{pairs, `{"verdict": ["A"]}`, 0, false},
	} {
		if got, ok := c.form.readAlone(c.reply); got != c.want || ok != c.ok {
			t.Errorf("%q: got %v, %v, want %v, %v", c.reply, got, ok, c.want, c.ok)
		}
	}
}

// FuzzRead: whatever a model says, it is no verdict or one in [0, 1] that stands in a
// line which begins as it must.
func FuzzRead(f *testing.F) {
	for _, reply := range []string{"Rating: 7", "**Rating:** 7/10.", "Verdict: tie", "Rating: NaN\nVerdict: A\n", "Rating: 1e1", "Verdict:\xff", ">Rating:[[3]]", `{"rating":"3"}`} {
		f.Add(reply, 10)
	}
	f.Fuzz(func(t *testing.T, reply string, scale int) {
		if scale < 2 || scale > 100 {
			return
		}
		for begin, form := range map[string]form{"rating": {scale: scale}, "verdict": {pairwise: true}} {
			if x, ok := form.readAlone(reply); !(x >= 0 && x <= 1) || !ok && x != 0 {
				t.Errorf("alone: got %v, %v", x, ok)
			}
			x, ok := form.read(reply)
			if ok && !strings.Contains(strings.ToLower(reply), begin) || !(x >= 0 && x <= 1) || !ok && x != 0 {
				t.Errorf("got %v, %v", x, ok)
			}
		}
	})
}
