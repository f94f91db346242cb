package reward

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

var approx = cmpopts.EquateApprox(0, 1e-6)

// group are answers to one prompt whose reference is "red": one right, two wrong
// ones of cosines .6 (green) and 0 (blue), and one that says nothing.
func group(id string) []Sample {
	var out []Sample
	for _, r := range []string{"red", "green", "blue", ""} {
		out = append(out, Sample{Prompt: "p", Response: r, Reference: "red", ID: id, Group: 1})
	}
	return out
}

func rewards(scores []Score) []float64 {
	out := make([]float64, len(scores))
	for i, s := range scores {
		out[i] = s.Reward
	}
	return out
}

// Every operation by hand on cosines 1, .6, 0 and, for nothing said, 0.
func TestOperationsByHand(t *testing.T) {
	sd := math.Sqrt((.6*.6+.2*.2+.4*.4+.4*.4)/3) + 1e-4 // mean .4
	sigmoid := func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
	for text, want := range map[string][]float64{
		"cosine - 0.5*exact":                      {.5, .6, 0, 0},
		"-cosine":                                 {-1, -.6, 0, 0},
		"min(cosine, 0.5)":                        {.5, .5, 0, 0},
		"max(exact, 0.5*cosine, 0.1)":             {1, .3, .1, 0},
		"clip(2*cosine - 0.5, 0, 0.6)":            {.6, .6, 0, 0},
		"(cosine)^2*0.5":                          {.5, .18, 0, 0},
		"pow(cosine, 2)":                          {1, .36, 0, 0},
		"where(cosine > 0.5, 1, -1)":              {1, 1, -1, -1},
		"where(cosine >= 0.6, 2, exact)":          {2, 2, 0, 0},
		"where(exact < 1, cosine, 3)":             {3, .6, 0, 0},
		"rank(cosine)":                            {1, 2. / 3, .5 / 3, 0}, // the void answer has its rank, and earns at most 0
		"minmax(0.5*cosine)":                      {1, .6, 0, 0},
		"zscore(cosine)":                          {.6 / sd, .2 / sd, -.4 / sd, -.4 / sd},
		"strata(cosine)":                          {1, .1, -.1, -.1},
		"strata(cosine, alpha=0.5, beta=0.2)":     {1, .5, -.5, -.5},
		"saturate(cosine, center=0.5, scale=0.1)": {sigmoid(5), sigmoid(1), sigmoid(-5), 0},
		"exact + 0*progress":                      nil,
		"exact + novel":                           {1, 0, 0, 0}, // outside training nothing is new
		"exact - repeats":                         {1, 0, 0, 0},
		"fade(cosine)":                            {1, .6, 0, 0},
		"exact + linear(0.5, 0)*cosine":           {1.5, .3, 0, 0},
		"exact + success":                         {1, 0, 0, 0},
		"ended*cosine":                            {1, .6, 0, 0},
	} {
		spec, err := ParseSpec(text)
		if want == nil {
			if err == nil {
				t.Errorf("%s: must be refused", text)
			}
			continue
		}
		m := mustModel(t, text, &plane{})
		got := rewards(m.Score(t.Context(), group("1")))
		if d := cmp.Diff(want, got, approx); d != "" {
			t.Errorf("%s: %s", text, d)
		}
		lo, hi := spec.Range()
		for _, x := range got {
			if x < min(0, lo)-1e-9 || x > hi+1e-9 {
				t.Errorf("%s: %v is outside %v..%v", text, x, lo, hi)
			}
		}
	}
}

func TestShapingOfLength(t *testing.T) {
	m := mustModel(t, "brevity", nil)
	for _, c := range []struct {
		response string
		want     float64
	}{{"red", 1}, {"the red one", 1. / 3}, {"!", 0}} {
		if got := m.Score(t.Context(), []Sample{{Response: c.response, Reference: "red"}})[0].Reward; math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%q: got %v, want %v", c.response, got, c.want)
		}
	}
	if got := mustModel(t, "ended", nil).Score(t.Context(), []Sample{{Response: "red", Reference: "red", Cut: true}})[0].Reward; got != 0 {
		t.Errorf("cut: got %v", got)
	}
}

func TestOverlapByHand(t *testing.T) {
	m := mustModel(t, "overlap", nil)
	for _, c := range []struct {
		input, reference string
		want             float64
	}{{"I am happy", "i am sad", 2. / 3}, {"hot", "cold", 0}, {"", "cold", 0}, {"one two", "One two.", 1}} {
		if got := m.Score(t.Context(), []Sample{{Response: "x", Input: c.input, Reference: c.reference}})[0].Reward; math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%q, %q: got %v, want %v", c.input, c.reference, got, c.want)
		}
	}
}

// csls by hand: of three references all are near. r(red) = m(red) = 1.6/3, r(green) = .8;
// green for red: (1.2 - .8 - 1.6/3)/(2 - 3.2/3) < 0; pink (.8, .6) for red, r = 2.36/3.
func TestCSLSByHand(t *testing.T) {
	m := mustModel(t, "csls", &plane{})
	got := rewards(m.Score(t.Context(), []Sample{
		{Response: "red", Reference: "red"}, {Response: "green", Reference: "red"}, {Response: "pink", Reference: "red"}}))
	if d := cmp.Diff([]float64{1, 0, (1.6 - 2.36/3 - 1.6/3) / (2 - 3.2/3)}, got, approx); d != "" {
		t.Error(d)
	}
}

// nearer by hand: input blue, reference red, their cosine 0; pink has .8 with red, .6 with
// blue and m = 2.36/3 with all; green .6, .8.
func TestNearerByHand(t *testing.T) {
	m := mustModel(t, "nearer", &plane{})
	got := rewards(m.Score(t.Context(), []Sample{
		{Input: "blue", Response: "pink", Reference: "red"},
		{Input: "blue", Response: "green", Reference: "red"},
		{Input: "pink", Response: "pink", Reference: "green"}, // the unchanged input
		{Input: "pink", Response: "green", Reference: "green"},
		{Input: "red", Response: "pink", Reference: "red"}, // to be repeated: centered
	}))
	if d := cmp.Diff([]float64{(.8 - 2.36/3) / (1 - 1.6/3), 0, 0, 1, (.8 - 2.36/3) / (1 - 1.6/3)}, got, approx); d != "" {
		t.Error(d)
	}
}

// What a run has seen: wrong answers fade by the number of times that they were given,
// right ones do not; two of four prompts' answers right is a success of 1/4.
func TestMemoryByHand(t *testing.T) {
	m := mustModel(t, "fade(cosine, k=2) + novel + success + progress", &plane{})
	step := group("1")
	var got []Score
	for n := range 3 {
		got = m.ScoreStep(t.Context(), step, float64(n)/4)
		m.Remember(step, got)
	}
	// Third step: each was given twice; fade 1/2; novel 1/sqrt(3); success 1/4; progress 1/2.
	rest := 1/math.Sqrt(3) + .25 + .5
	if d := cmp.Diff([]float64{1 + rest, .3 + rest, rest, 0}, rewards(got), approx); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]float64{.6, 1 / math.Sqrt(3), .25, .5, .5}, got[1].Terms, approx); d != "" {
		t.Errorf("terms, in the order of %v: %s", m.Spec().Columns(), d)
	}
	if d := cmp.Diff([]string{"cosine", "novel", "success", "progress", "fade"}, m.Spec().Columns()); d != "" {
		t.Error(d)
	}
	// Outside training, and for another prompt, nothing was seen.
	if d := cmp.Diff([]float64{1, .6, 0, 0}, rewards(m.Score(t.Context(), step)), approx); d != "" {
		t.Errorf("memory off: %s", d)
	}
	if d := cmp.Diff([]float64{2, 1.6, 1, 0}, rewards(m.ScoreStep(t.Context(), group("2"), 0)), approx); d != "" {
		t.Errorf("another prompt: %s", d)
	}
}

// Counts halve every half visits, and close answers share one.
func TestMemoryDecaysAndSpreads(t *testing.T) {
	m := mustModel(t, "fade(cosine, k=1, half=1)", &plane{})
	green := []Sample{{Response: "green", Reference: "red", ID: "1"}}
	for range 3 {
		m.Remember(green, m.ScoreStep(t.Context(), green, 0))
	}
	// 1, then 1/2+1, then 3/4+1 = 1.75 at the last visit
	if got := m.ScoreStep(t.Context(), green, 0)[0].Reward; math.Abs(got-.6/2.75) > 1e-6 {
		t.Errorf("half=1: got %v, want %v", got, .6/2.75)
	}
	m = mustModel(t, "fade(cosine, k=1, near=0.9)", &plane{})
	m.Remember(green, m.ScoreStep(t.Context(), green, 0))
	pink := []Sample{{Response: "pink", Reference: "red", ID: "1"}, {Response: "blue", Reference: "red", ID: "1"}}
	if d := cmp.Diff([]float64{.4, 0}, rewards(m.ScoreStep(t.Context(), pink, 0)), approx); d != "" { // green.pink = .96
		t.Errorf("near=0.9: %s", d)
	}
}

// The memory read back gives the same bits.
func TestMemoryReadsBack(t *testing.T) {
	const text = "exact + fade(centered, k=3, half=7, near=0.95) + 0.1*novel + 0.1*success"
	m := mustModel(t, text, &plane{})
	words := []string{"red", "green", "blue", "pink", "???", "\xff<>&"}
	rapid.Check(t, func(t *rapid.T) {
		var step []Sample
		for range rapid.IntRange(1, 8).Draw(t, "n") {
			step = append(step, Sample{
				Response:  rapid.SampledFrom(words).Draw(t, "response"),
				Reference: rapid.SampledFrom(words[:3]).Draw(t, "reference"), ID: rapid.SampledFrom([]string{"a", "b", ""}).Draw(t, "id"),
			})
		}
		m.Remember(step, m.ScoreStep(t.Context(), step, 0))
		var saved bytes.Buffer
		if err := m.WriteMemory(&saved); err != nil {
			t.Fatal(err)
		}
		text1 := saved.String()
		again := mustModel2(t, text)
		if err := again.ReadMemory(&saved); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(m.ScoreStep(t.Context(), step, .5), again.ScoreStep(t.Context(), step, .5)); d != "" {
			t.Fatal(d)
		}
		again.Remember(step, again.ScoreStep(t.Context(), step, 0))
		m.Remember(step, m.ScoreStep(t.Context(), step, 0))
		var a, b bytes.Buffer
		_, _ = m.WriteMemory(&a), again.WriteMemory(&b)
		if a.String() != b.String() || a.String() == text1 && len(step) > 0 && hasID(step) {
			t.Fatalf("after one more step:\n%s\n%s", a.String(), b.String())
		}
	})
}

func hasID(step []Sample) bool {
	for _, s := range step {
		if s.ID != "" {
			return true
		}
	}
	return false
}

func mustModel2(t *rapid.T, text string) *Model {
	spec, err := ParseSpec(text)
	if err != nil {
		t.Fatal(err)
	}
	m, err := New(t.Context(), spec, mixing, answers, &plane{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestBadMemory(t *testing.T) {
	m := mustModel(t, "fade(exact)", nil)
	for in, want := range map[string]string{
		`{`:                                          "prompt 1: unexpected EOF",
		`{"id":"a","visits":1,"x":1}`:                `prompt 1: json: unknown field "x"`,
		`{"id":"","visits":1}`:                       `prompt 1: id must be given, and once (got "")`,
		`{"id":"a","visits":0}`:                      "prompt 1: visits must be at least 1 and success between 0 and 1 (got 0 and 0)",
		`{"id":"a","visits":1,"answers":[null]}`:     "prompt 1: answers must be texts of at most 1024 bytes, each once",
		`{"id":"a","visits":1}{"id":"a","visits":1}`: `prompt 2: id must be given, and once (got "a")`,
		`{"id":"a","visits":1,"answers":[{"text":"x","count":1,"fresh":2,"last":1}]}`: `prompt 1: answer "x": count must be at least 1, fresh at most that, last a visit (got 1, 2, 1)`,
	} {
		if err := m.ReadMemory(strings.NewReader(in)); err == nil || err.Error() != "reward: memory: "+want {
			t.Errorf("%s: got %v, want %s", in, err, want)
		}
	}
}

// A full memory forgets the rarest answer.
func TestMemoryIsBounded(t *testing.T) {
	m := newMemory(0)
	m.visit("a", 0)
	for i := range maxAnswers + 10 {
		m.add("a", fmt.Sprint(i))
		m.add("a", fmt.Sprint(i%2))
	}
	if n := len(m.prompts["a"].Answers); n != maxAnswers || m.answers != n {
		t.Errorf("got %d answers, counted %d", n, m.answers)
	}
	if m.times("a", "0") < 100 || m.times("a", fmt.Sprint(maxAnswers+9)) != 1 || m.times("a", "2") != 0 {
		t.Error("must forget the oldest of the rare answers")
	}
	m.add("a", strings.Repeat("x", 5000))
	if m.times("a", strings.Repeat("x", 6000)) != 1 {
		t.Error("of a long answer the beginning counts")
	}
}

// No expression that is accepted gives a number that is not finite or outside its range.
func FuzzExpression(f *testing.F) {
	for _, s := range []string{"pgsrm", "exact+0.3*centered(no_clip)", "where(success>0.5,exact,fade(moved,k=4))", "strata(max(exact,0.1*rank(csls)))",
		"saturate(1e6*euclidean,scale=0.001)", "pow(repetition,3)", "zscore(zscore(chrf))", `contains("red\u00e9")`, `contains(red (x))*contains`, `clip(exec(python3 f.py a), 0, 1) - fade(custom)*http("http://h/r")`, "(1000*exact)^3", "contrastive(tau=1e-6)"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		spec, err := ParseSpec(in)
		if err != nil {
			return
		}
		if err := spec.Validate(); err != nil {
			t.Fatalf("%q: must be valid: %v", in, err)
		}
		again, err := ParseSpec(spec.Formula)
		if err != nil || again.Formula != spec.Formula {
			t.Fatalf("%q: %q reads back as %q, %v", in, spec.Formula, again.Formula, err)
		}
		lo, hi := spec.Range()
		m := mustModel(t, in, &plane{})
		for range 2 {
			scores := m.ScoreStep(t.Context(), group("1"), 0.5)
			for _, s := range scores {
				if s.Err != nil || !(s.Reward >= math.Min(lo, 0)-1e-6 && s.Reward <= math.Max(hi, 0)+1e-6*math.Abs(hi)+1e-6) {
					t.Fatalf("%q: got %v, %v, outside %v..%v", in, s.Reward, s.Err, lo, hi)
				}
			}
			m.Remember(group("1"), scores)
		}
	})
}
