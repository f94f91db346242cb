package eval

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"testing"

	"pgsrm/embed"
	"pgsrm/task"
)

// angles embeds three words; "down" is a failed call, anything else has no meaning.
type angles struct{}

func (angles) Identity() embed.Identity { return embed.Identity{Model: "angles", Dim: 2} }

func (angles) Embed(ctx context.Context, texts []string) []embed.Result {
	known := map[string][]float32{"red": {2, 0}, "blue": {0, 1}, "pink": {3, 4}}
	out := make([]embed.Result, len(texts))
	for i, text := range texts {
		switch v, ok := known[text]; {
		case ok:
			out[i].Vector = v
		case text == "down":
			out[i].Err = errors.New("server down")
		default:
			out[i].Err = embed.ErrNoMeaning
		}
	}
	return out
}

func said(reference string, responses ...string) []Answer {
	var out []Answer
	for _, r := range responses {
		out = append(out, Answer{Item: task.Item{Reference: reference, Accepted: []string{"crimson"}}, Response: r})
	}
	return out
}

// Five answers for "red" by hand: exact 2 of 5 (red, Crimson); cosines 1, 0.6, 0,
// 0 (no meaning), and one failed; words 1+1+1+1+3.
func TestMeasure(t *testing.T) {
	answers := append(said("red", " red", "pink", "blue", "Crimson"), Answer{Reference: "red", Response: "down", Item: task.Item{Reference: "x"}})
	got, err := Measure(t.Context(), answers, angles{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string][2]float64{
		"exact":    {got.ExactMatch, 2. / 5},
		"semantic": {got.Semantic, 1.6 / 4},
		"distinct": {got.Distinct1, 1},
		"pairs":    {got.Distinct2, 0},
		"length":   {got.MeanLength, 1},
	} {
		if math.Abs(c[0]-c[1]) > 1e-12 {
			t.Errorf("%s: got %v, want %v", name, c[0], c[1])
		}
	}
	if got.N != 5 || got.Failed != 1 {
		t.Errorf("counts: %+v", got)
	}
}

// 7 words, 3 distinct (a b c); 5 pairs: a b, b a, a b | c c | none, 3 distinct.
func TestDistinctByHand(t *testing.T) {
	answers := said("", "a B a b", "c  c", "a", "")
	if got := distinctN(answers, 1); got != 3./7 {
		t.Errorf("distinct-1: got %v, want 3/7", got)
	}
	if got := distinctN(answers, 2); got != 3./4 {
		t.Errorf("distinct-2: got %v, want 3/4", got)
	}
	if got := distinctN(answers, 5); got != 0 {
		t.Errorf("distinct-5: got %v, want 0", got)
	}
	if got := MeanLength(answers); got != 7./4 {
		t.Errorf("mean length: got %v, want 7/4", got)
	}
}

// chrF of "abc" for "abd" is 7/18 (see package reward), of the reference 1.
func TestChrF(t *testing.T) {
	if got := ChrF(said("abd", "ABC", "abd")); math.Abs(got-(7./18+1)/2) > 1e-12 {
		t.Errorf("got %v, want %v", got, (7./18+1)/2)
	}
}

// Two tokens of probability 1/2 and 1/8: the geometric mean is 1/4.
func TestPerplexity(t *testing.T) {
	got, err := Perplexity([]float64{math.Log(.5), math.Log(.125)})
	if err != nil || math.Abs(got-4) > 1e-12 {
		t.Errorf("got %v, %v, want 4", got, err)
	}
	if _, err := Perplexity(nil); err == nil {
		t.Error("no token must be an error")
	}
}

func TestMeasureErrors(t *testing.T) {
	for _, c := range []struct {
		answers []Answer
		want    string
	}{
		{nil, "eval: must have at least one answer"},
		{said("red", "down"), "eval: no answer could be embedded: server down"},
		{said("green", "red"), "eval: no answer could be embedded: text has no meaning for the embedder"},
	} {
		if _, err := Measure(t.Context(), c.answers, angles{}, nil); err == nil || err.Error() != c.want {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
}

// The keys of `pgsrm eval --json` are fixed.
func TestKeys(t *testing.T) {
	b, err := json.Marshal(Result{ExactMatch: 1, N: 2})
	want := `{"exact_match":1,"semantic":0,"chrf":0,"distinct_1":0,"distinct_2":0,"mean_length":0,"n":2}`
	if err != nil || string(b) != want {
		t.Errorf("got  %s, %v\nwant %s", b, err, want)
	}
}

// Both exact matches side by side; the cosine and chrF are those of the answers as a
// reward sees them, length and distinct words those of what was said.
func TestMeasureNormalized(t *testing.T) {
	answers := said("red", `"red."`, "red", "so: \"red\"\nand more", "**crimson**", "the blue")
	o := task.DefaultAnswerOptions()
	for name, c := range map[string]struct {
		change                       func()
		strict, normalized, semantic float64
	}{
		"off":     {func() { o.Normalize = "off" }, 1. / 5, 3. / 5, 1. / 5},
		"on":      {func() {}, 1. / 5, 3. / 5, 2. / 5},
		"extract": {func() { o.After, o.FirstLine = "so: ", true }, 0, 1. / 5, 1. / 5},
	} {
		o = task.DefaultAnswerOptions()
		o.Normalize = "on"
		c.change()
		got, err := Measure(t.Context(), answers, angles{}, o.Matcher())
		if err != nil {
			t.Fatal(err)
		}
		if got.Normalized == nil {
			t.Fatalf("%s: no normalised exact match", name)
		}
		for what, x := range map[string][2]float64{
			"strict": {got.ExactMatch, c.strict}, "normalized": {*got.Normalized, c.normalized}, "length": {got.MeanLength, 9. / 5},
			"semantic": {got.Semantic, c.semantic},
		} {
			if math.Abs(x[0]-x[1]) > 1e-12 {
				t.Errorf("%s, %s: got %v, want %v", name, what, x[0], x[1])
			}
		}
	}
	if got, err := Measure(t.Context(), answers, angles{}, nil); err != nil || got.Normalized != nil {
		t.Errorf("without a matcher there is one exact match (got %+v, %v)", got, err)
	}
}
