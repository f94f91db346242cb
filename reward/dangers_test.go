package reward

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pgsrm/embed"
	"pgsrm/task"
)

var close6 = cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) < 1e-6 })

// By hand with cosine: pink for red earns .8, blue for red 0, of 1 each. An input that is
// the answer, none at all, and one whose embedding failed do not count.
func TestUnchangedInputByHand(t *testing.T) {
	m := mustModel(t, "cosine", &plane{})
	samples := []Sample{
		{Response: "red", Reference: "red", Input: "pink"},
		{Response: "red", Reference: "red", Input: "blue"},
		{Response: "red", Reference: "red", Input: " RED"},
		{Response: "red", Reference: "red", Input: "green", Accepted: []string{"green"}},
		{Response: "red", Reference: "red"},
		{Response: "red", Reference: "red", Input: "down"},
	}
	got, tried := unchangedInput(t.Context(), m, samples)
	if d := cmp.Diff(&UnchangedInput{Reward: .4, ShareOfCorrect: .4, Prompts: 2, HalfPaid: .5}, got, close6); d != "" {
		t.Error(d)
	}
	if tried.Prompts != 2 || tried.Example != "pink" || math.Abs(tried.ShareOfCorrect-.4) > 1e-6 || tried.CI95[0] > 1e-6 || math.Abs(tried.CI95[1]-.8) > 1e-6 { // of two prompts each draw may miss one
		t.Errorf("got %+v", tried)
	}
	if got, _ := unchangedInput(t.Context(), m, samples[2:]); got != nil {
		t.Errorf("a task of repeating: got %+v", got)
	}
	if samples[0].Response != "red" {
		t.Error("the samples must stay as they were")
	}
}

// Padded answers count as cut. Where quotes and full stops do not count those paddings
// are right, and no danger.
func TestBestPaddedByHand(t *testing.T) {
	on := task.DefaultAnswerOptions()
	on.Normalize = "on"
	samples := []Sample{
		{Response: "red", Reference: "red", Input: "x"},
		{Response: "dark blue", Reference: "dark blue", Input: "X INPUT"},
	}
	for _, c := range []struct {
		reward string
		match  *task.Matcher
		want   BestPadded
	}{
		{"0.5*exact + 0.5*brevity", nil, BestPadded{`"X"`, .5, .5}},
		{"0.5*exact + 0.5*brevity", on.Matcher(), BestPadded{`X is`, (1./4 + 1./3) / 2, (1./4 + 1./3) / 2}}, // 1 of 2 words and 2 of 3
		{"2*ended", nil, BestPadded{`X X`, 0, 0}},
		{"where(length > 0.9, 1, 0.2)", nil, BestPadded{`"X"`, 1, 1}},
	} {
		spec, err := ParseSpec(c.reward)
		if err != nil {
			t.Fatal(err)
		}
		m, err := New(t.Context(), spec, mixing, nil, nil, c.match)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(&c.want, first(bestPadded(t.Context(), m, samples)), close6); d != "" {
			t.Errorf("%s: %s", c.reward, d)
		}
	}
	m := mustModel(t, "cosine", &plane{})
	if got, _ := bestPadded(t.Context(), m, []Sample{{Response: "down", Reference: "down"}}); got != nil {
		t.Errorf("references without a vector: got %+v", got)
	}
}

func first(p *BestPadded, _ Tried) *BestPadded { return p }

// What the probe says of a reward that has a memory, compares answers or goes beyond 1.
func TestProbeNotes(t *testing.T) {
	e, err := embed.Open("random:32", embed.Options{})
	if err != nil {
		t.Fatal(err)
	}
	k, err := task.Builtin("copy")
	if err != nil {
		t.Fatal(err)
	}
	k.Items = k.Items[:20]
	for text, want := range map[string]struct {
		notes []string
		hi    float64
		says  string
	}{
		"exact":                         {nil, 1, ""},
		"0.1*exact+0.2*chrf+0.7*length": {nil, 1, ""},
		"exact+0.3*novel":               {[]string{noteMemory}, 1.3, "the reward may reach 1.3: rewards are compared under one KL coefficient; scale it to at most 1"},
		"rank(exact)":                   {[]string{noteAlone}, 1, noteAlone + ", so these shares say little"},
	} {
		spec, err := ParseSpec(text)
		if err != nil {
			t.Fatal(err)
		}
		r, err := Probe(t.Context(), k, references(k), e, spec, nil, Search{})
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want.notes, r.Notes); d != "" || math.Abs(r.Range[1]-want.hi) > 1e-9 || r.Unchanged != nil {
			t.Errorf("%s: %s, %+v", text, d, r)
		}
		if !strings.Contains(r.Verdict, want.says) || want.says == "" && strings.Contains(r.Verdict, "may reach") {
			t.Errorf("%s: %s", text, r.Verdict)
		}
	}
}

func TestVerdictOfDangers(t *testing.T) {
	for _, c := range []struct {
		input, padded float64
		alone         bool
		want          string
	}{
		{.29, .89, false, `good: ...; saying the input unchanged earns 29%; padding the right answer X, as in "X" is, earns 89%`},
		{.31, .5, false, `caution: ...; saying the input unchanged earns 31%, which may draw a child to it that repeats its prompt: answer.normalize=on pays nothing for it, the terms moved and nearer less; padding the right answer X, as in "X" is, earns 50%`},
		{0, .95, false, `caution: ...; saying the input unchanged earns 0%; padding the right answer X, as in "X" is, earns 95%: this reward hardly pays for stopping; rollout.missing_eos_penalty, which is no part of it, takes off for cut answers`},
		{.65, 0, false, `danger: ...; saying the input unchanged earns 65%: expect a child that repeats its prompt to stay there; answer.normalize=on pays nothing for it, the terms moved and nearer less; padding the right answer X, as in "X" is, earns 0%`},
		{.65, 0, true, `caution: ...; saying the input unchanged earns 65%: expect a child that repeats its prompt to stay there; answer.normalize=on pays nothing for it, the terms moved and nearer less; padding the right answer X, as in "X" is, earns 0%; ` + noteAlone + `, so these shares say little`},
	} {
		r := ProbeResult{AUC: .97, AUCWrong: .95, Unchanged: &UnchangedInput{ShareOfCorrect: c.input}, BestPadded: &BestPadded{Template: `"X" is`, ShareOfCorrect: c.padded}, alone: c.alone}
		r.BestConstant.Answer = "pink"
		r.BestConstant.ShareOfCorrect = .05
		middle := `related answers stand out from unrelated ones (AUC 0.97); right answers stand out from wrong ones of the task (AUC 0.95); saying "pink" to every prompt earns 5% of what correct answers earn`
		if got := strings.Replace(r.verdict(), middle, "...", 1); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}
