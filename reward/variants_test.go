package reward

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pgsrm/embed"
	"pgsrm/task"
)

func TestNegated(t *testing.T) {
	for text, want := range map[string]string{
		"cold":                      "not cold",
		"the town is empty":         "the town is not empty",
		"He could not see, and was": "He could see, and was",
		"she never came":            "she came",
		"what it is":                "not what it is", // nothing follows the verb
		"never":                     "not never",
		"18":                        "-18",
		"-3.5":                      "3.5",
		"50%":                       "-50%",
	} {
		if got := negated(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestTruncated(t *testing.T) {
	for text, want := range map[string]string{"the dog runs": "the dog", "a b c d": "a b", "cold": "co", "näh": "n", "7": ""} {
		if got := truncated(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestWrongNumbers(t *testing.T) {
	for text, want := range map[string][]string{
		"18": {"19", "17", "36", "180"}, "-1": {"0", "-2", "-10"}, "0": {"1", "-1"}, "$1,200": {"1201", "1199", "2400", "12000"}, "2.5": nil, "two": nil, "18 eggs": nil, "": nil,
	} {
		if got := wrongNumbers(text); !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// By hand with cosine: the references red, blue, green, one of which each prompt is given
// of another one: red 0 for blue (the third of three, of two, ...), and the nearest is green
// for red (.6) and blue (.8), blue for green (.8).
func TestTryAnswersByHand(t *testing.T) {
	m := mustModel(t, "cosine", &plane{})
	samples := probeSamples(mixing, map[string]string{"1": "red", "2": "blue", "3": "green"})
	got := m.nearestAnswers(t.Context(), samples, m.cal.Answers)
	want := Tried{Kind: kindNearest, Example: "green", Prompts: 3, Reward: 2.2 / 3, ShareOfCorrect: 2.2 / 3, CI95: &[2]float64{.6, .8}}
	if d := cmp.Diff(want, got, close6); d != "" {
		t.Error(d)
	}
	others := m.earn(t.Context(), ofOthers(samples), m.Score(t.Context(), samples)).tried(kindOther)
	if others.Example != "blue" || others.Prompts != 3 || math.Abs(others.Reward-(0+.8+.6)/3) > 1e-6 {
		t.Errorf("got %+v", others)
	}
	if samples[0].Response != "red" {
		t.Error("the samples must stay as they were")
	}
	in := m.tryVariants(t.Context(), samples)
	var kinds []string
	for _, x := range in {
		kinds = append(kinds, x.Kind)
	}
	if !slices.Equal(kinds, []string{kindQuoted, kindTruncated, kindNegated, kindEchoed, kindOther}) {
		t.Errorf("got %q", kinds)
	}
}

// Quoted answers are right where quotes do not count.
func TestQuotedMayBeRight(t *testing.T) {
	on := task.DefaultAnswerOptions()
	on.Normalize = "on"
	for match, right := range map[*task.Matcher]int{nil: 0, on.Matcher(): 1} {
		spec, _ := ParseSpec("exact")
		m, err := New(t.Context(), spec, mixing, nil, nil, match)
		if err != nil {
			t.Fatal(err)
		}
		got := m.tryVariants(t.Context(), []Sample{{Response: "red", Reference: "red"}})[0]
		if got.Kind != kindQuoted || got.Right != right || got.Prompts != 1-right {
			t.Errorf("%d right: got %+v", right, got)
		}
	}
}

// By hand: five answers on a line of angles 0, 1, 2, 3 and 40 degrees, k = 1: the nearest of
// 0 is 1, of 1 is 0 (the first of equals), of 2 is 1, of 3 is 2, of 40 is 3. Occurrences
// 1, 2, 1, 1, 0: mean 1, third moment 0.
func TestHubnessByHand(t *testing.T) {
	c := &Calibration{}
	for _, degrees := range []float64{0, 1, 2, 3, 40} {
		x := degrees * math.Pi / 180
		c.Vectors = append(c.Vectors, Vector{float32(math.Cos(x)), float32(math.Sin(x))})
	}
	c.Answers = []string{"a", "b", "c", "d", "e"}
	h := hubness(c)
	if h.Answers != 5 || h.Nearest != 1 || h.Hub != "b" || h.Occurrences != 2 || math.Abs(h.Skew) > 1e-9 || h.CI95 == nil {
		t.Errorf("got %+v", h)
	}
	c.Answers, c.Vectors = c.Answers[:3], c.Vectors[:3]
	if h := hubness(c); h != nil {
		t.Errorf("three answers: got %+v", h)
	}
}

// The search extends by the token that earns most, ends where nothing earns more, leaves out
// what is right or has the right answer in it, and is the same for a seed.
func TestBestWrongByHand(t *testing.T) {
	m := mustModel(t, "levenshtein", nil)
	samples := []Sample{{Prompt: "p", Response: "abcd", Reference: "abcd"}}
	got := bestWrong(t.Context(), m, samples, Search{Vocabulary: []string{"abcd", "x", "ab", "c", "d ", " abcd", "b"}, Tokens: 100})
	// "ab" has 2 of 4, "abc" 3 of 4, "abcd" is right and "abcc" has no more
	want := &BestWrong{
		Tried:  Tried{Kind: kindWrong, Example: "abc", Prompts: 1, Reward: .75, ShareOfCorrect: .75},
		Scored: 21, Examples: []WrongAnswer{{"p", "abcd", "abc", .75}},
	}
	if d := cmp.Diff(want, got, close6); d != "" {
		t.Error(d)
	}
	o := Search{Vocabulary: strings.Split("abcdefghijklmnop", ""), Tokens: 4, Seed: 3}
	a, b := bestWrong(t.Context(), m, samples, o), bestWrong(t.Context(), m, samples, o)
	if d := cmp.Diff(a, b); d != "" || a.Scored > 16 {
		t.Errorf("%d answers, %s", a.Scored, d)
	}
	if first, second := chooseTokens(o, 0), chooseTokens(o, 1); slices.Equal(first, second) || len(first) != 4 {
		t.Errorf("got %q and %q", first, second)
	}
	if got := bestWrong(t.Context(), m, samples, Search{Vocabulary: o.Vocabulary}); got != nil {
		t.Errorf("no tokens: got %+v", got)
	}
}

// An answer with the right number is not wrong, whatever stands beside it.
func TestWrongOfNumbers(t *testing.T) {
	m := mustModel(t, "exact", nil)
	for response, want := range map[string]bool{"18.0": false, "it is 18": false, "018": false, "19": true, "eighteen": true} {
		if got := m.wrong(Sample{Reference: "18", Response: response}); got != want {
			t.Errorf("%q: got %t", response, got)
		}
	}
}

// Where answers are numbers the probe says that likeness must fail, and takes it back for a
// reward that compares the numbers.
func TestProbeOfNumbers(t *testing.T) {
	e, err := embed.Open("builtin", embed.Options{})
	if err != nil {
		t.Fatal(err)
	}
	k := &task.Task{Name: "sums"}
	for i := range 40 {
		a, b := 3+7*i, 11*i%17
		k.Items = append(k.Items, task.Item{ID: fmt.Sprint(i), Prompt: "How much is " + fmt.Sprint(a) + " and " + fmt.Sprint(b) + "? ", Input: fmt.Sprint(a) + " and " + fmt.Sprint(b), Reference: fmt.Sprint(a + b)})
	}
	for text, want := range map[string]struct{ level, says string }{
		"pgsrm":       {"danger", "likeness must fail here: 100% of the answers are numbers, and to the embedder"},
		"pgsrm-paper": {"danger", "likeness must fail here"},
		"chrf":        {"danger", "likeness must fail here"},
		"numeric":     {"good", "100% of the answers are numbers, and wrong ones earn 0%"},
		"binary":      {"good", "100% of the answers are numbers, and wrong ones earn 0%"},
	} {
		spec, err := ParseSpec(text)
		if err != nil {
			t.Fatal(err)
		}
		r, err := Probe(t.Context(), k, references(k), e, spec, nil, Search{})
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(r.Verdict, want.says) {
			t.Errorf("%s: %s", text, r.Verdict)
		}
		var advice string
		for _, f := range r.Findings {
			if strings.Contains(f.Text, "are numbers") && f.Level != want.level {
				t.Errorf("%s: got %+v, want %s", text, f, want.level)
			}
			advice += f.Advice
		}
		if (want.level == "danger") != strings.Contains(advice, "--reward numeric") {
			t.Errorf("%s: advice %q", text, advice)
		}
	}
}

// Each number of the probe that decides something is a finding with an advice.
func TestFindings(t *testing.T) {
	base := ProbeResult{AUC: .95, AUCWrong: .95}
	for _, c := range []struct {
		change func(*ProbeResult)
		says   string
	}{
		{func(r *ProbeResult) { r.AUCWrong, r.LengthAUC = .91, .92 }, "caution: length alone ranks right over wrong answers as well (AUC 0.92)"},
		{func(r *ProbeResult) {
			r.Hubness = &Hubness{Skew: 3.2, Answers: 90, Nearest: 10, Hub: "no", Occurrences: 70}
		}, `caution: "no" is a hub, among the 10 nearest of 70 of 90 answers (skew 3.2)`},
		{func(r *ProbeResult) {
			r.Answers = []Tried{{Kind: kindNegated, Prompts: 9, ShareOfCorrect: .7, Example: "not hot"}}
		}, `caution: a negated answer, as in "not hot", earns 70%`},
		{func(r *ProbeResult) {
			r.Answers = []Tried{{Kind: kindTruncated, Prompts: 9, ShareOfCorrect: .95, Example: "h"}}
		}, `caution: the first half of an answer, as in "h", earns 95%`},
		{func(r *ProbeResult) {
			r.Answers = []Tried{{Kind: kindEchoed, Prompts: 9, ShareOfCorrect: .5, Example: "p h"}}
		}, `caution: the prompt with the right answer behind it, as in "p h", earns 50%`},
		{func(r *ProbeResult) { r.Answers = []Tried{{Kind: kindNearest, Prompts: 9, ShareOfCorrect: .85}} }, `caution: the best wrong answer of the task earns 85% of a right one`},
		{func(r *ProbeResult) {
			r.BestWrong = &BestWrong{Tried: Tried{ShareOfCorrect: .9}, Examples: []WrongAnswer{{"p", "cold", "chilly", .9}}}
		}, `caution: a search over the child's tokens finds wrong answers that earn 90%, such as "chilly" for "cold"`},
	} {
		r := base
		c.change(&r)
		found := false
		for _, f := range r.findings() {
			if f.Level+": "+f.Text == c.says {
				found = f.Advice != ""
			}
		}
		if !found || !strings.HasPrefix(r.verdict(), "caution: ") {
			t.Errorf("want %s with an advice\ngot  %+v", c.says, r.findings())
		}
	}
	r := base
	r.textsAlone, r.AUC, r.AUCWrong = true, .4, .4
	if got := r.verdict(); !strings.HasPrefix(got, "good: the reward looks at texts alone") {
		t.Errorf("got %s", got)
	}
	r = base
	r.AUCWrong, r.Answers = .7, []Tried{{Kind: kindNearest, Prompts: 9, ShareOfCorrect: .1}}
	if got := r.verdict(); !strings.HasPrefix(got, "good: ") || !strings.Contains(got, "the best wrong one earns 10%") {
		t.Errorf("got %s", got)
	}
}
