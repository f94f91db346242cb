package reward

import (
	"math"
	"testing"

	"pgsrm/embed"
	"pgsrm/task"
)

func matcher(change func(*task.AnswerOptions)) *task.Matcher {
	o := task.DefaultAnswerOptions()
	o.Normalize = "on"
	change(&o)
	return o.Matcher()
}

// What does not count changes no term: an answer in quotes earns to the bit what it
// earns without, right or wrong.
func TestNormalizedAnswersEarnTheSame(t *testing.T) {
	spec, err := ParseSpec("exact + calibrated + centered + contrastive + domain + chrf + length + repetition + copy_penalty")
	if err != nil {
		t.Fatal(err)
	}
	quoted := map[string]string{"1": `"red."`, "2": "**blue**", "3": "green!", "4": "red"}
	m, err := New(t.Context(), spec, mixing, quoted, &plane{}, matcher(func(*task.AnswerOptions) {}))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := New(t.Context(), spec, mixing, map[string]string{"1": "red", "2": "blue", "3": "green", "4": "red"}, &plane{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if a, b := m.Calibration().Between, plain.Calibration().Between; a != b || len(m.Calibration().Answers) != 3 {
		t.Errorf("between is %v, want %v; answers %q", a, b, m.Calibration().Answers)
	}
	for _, answer := range []string{"blue", "pink", "???", "blue blue"} {
		want := plain.Score(t.Context(), []Sample{{Prompt: "mix", Response: answer, Reference: "blue"}})[0]
		for _, form := range []string{answer, `"` + answer + `"`, "“" + answer + "”", "**" + answer + "**", "- " + answer, "```\n" + answer + "\n```\n"} {
			got := m.Score(t.Context(), []Sample{{Prompt: "mix", Response: form, Reference: `"blue".`}})[0]
			if got.Err != nil || got.Reward != want.Reward {
				t.Errorf("%q earns %v (%v), want %v (%v)", form, got.Reward, got.Terms, want.Reward, want.Terms)
			}
		}
	}
}

// An answer that is right but for what does not count earns all that a right one does.
func TestNormalizedRightEarnsAll(t *testing.T) {
	spec, err := Named("pgsrm-1")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		match *task.Matcher
		want  float64
	}{"on": {matcher(func(*task.AnswerOptions) {}), 1}, "off": {matcher(func(o *task.AnswerOptions) { o.Normalize = "off" }), 0}, "nil": {nil, 0}} {
		m, err := New(t.Context(), spec, mixing, answers, &plane{}, c.match)
		if err != nil {
			t.Fatal(err)
		}
		for _, response := range []string{`"Red."`, "the red", "**A red**!"} {
			if got := m.Score(t.Context(), []Sample{{Response: response, Reference: "red"}})[0]; got.Err != nil || math.Abs(got.Reward-c.want) > 1e-6 {
				t.Errorf("%s: %q earns %v, want %v", name, response, got.Reward, c.want)
			}
		}
	}
}

// The rewards see the answer alone; a response without one earns nothing.
func TestExtractedAnswers(t *testing.T) {
	spec, err := ParseSpec("exact + 0.5*cosine + 0.25*length")
	if err != nil {
		t.Fatal(err)
	}
	m, err := New(t.Context(), spec, mixing, answers, &plane{}, matcher(func(o *task.AnswerOptions) { o.After, o.FirstLine = "Answer:", true }))
	if err != nil {
		t.Fatal(err)
	}
	for response, want := range map[string]float64{
		"blue is cold. Answer: red\nand more": 1.75, "Answer:\n\nblue": 0.25, "red": 0, "Answer:": 0, "Answer: blue Answer: red": 1.75,
	} {
		if got := m.Score(t.Context(), []Sample{{Response: response, Reference: "red"}})[0]; got.Err != nil || math.Abs(got.Reward-want) > 1e-6 {
			t.Errorf("%q earns %v (%v), want %v", response, got.Reward, got.Terms, want)
		}
	}
}

// Quotes do not hide that the prompt is said again, and a short prompt is no echo of
// a word that begins like it.
func TestNormalizedEcho(t *testing.T) {
	match := matcher(func(*task.AnswerOptions) {})
	for _, c := range []struct {
		prompt, input, response, reference string
		want                               bool
	}{
		{"The opposite of 'hot' is ", "", `"The opposite of 'hot' is cold."`, "cold", true},
		{"What belongs to: 'dog'?", "", "What belongs to: 'dog'? animal", "animal", true},
		{"Hot?", "", "Hotel", "cold", false},
		{"Hot?", "", `"Hot"`, "cold", true},
		{"Hot?", "", "", "cold", true},
		{"What is 'tiger'?", "tiger", `"Tiger" is`, "animal", true},
		{"What is 'tiger'?", "tiger", "The tiger", "animal", true},
		{"What is 'tiger'?", "tiger", "The word 'tiger'", "animal", true},
		{"What is 'tiger'?", "tiger", "Tigers", "animal", false},
		{"What is 'tiger'?", "tiger", "animal", "animal", false},
		{"Make it sad: 'i love my job'", "i love my job", "I love my job.", "i lost my job", true},
		{"Make it sad: 'i love my job'", "i love my job", "I hate my job.", "i lost my job", false},
		{"Copy: 'i love my job'", "i love my job", "I love my job.", "i love my job", false},
		{"Plural: 'tiger'", "tiger", "tiger cubs", "tiger cub", false},
		{"Plural: 'tiger'", "!", "tiger!", "tigers", false},
	} {
		s := Sample{Prompt: c.prompt, Input: c.input, Response: match.Text(c.response), Reference: c.reference}
		if got := void(s, match); got != c.want {
			t.Errorf("void of %q after %q is %t", c.response, c.prompt, got)
		}
	}
	right := Sample{Prompt: "Plural: 'tiger'", Input: "tiger", Response: "tiger cubs", Reference: "cubs", Accepted: []string{"Tiger cubs."}}
	if void(right, match) {
		t.Error("an accepted answer that begins with the input is no echo")
	}
}

// An answer may say the input where the options allow it, and where nothing is normalised.
func TestInputAllowed(t *testing.T) {
	s := Sample{Prompt: "What is 'tiger'?", Input: "tiger", Response: "tiger", Reference: "animal"}
	for name, match := range map[string]*task.Matcher{
		"allowed": matcher(func(o *task.AnswerOptions) { o.AllowInput = true }),
		"strict":  matcher(func(o *task.AnswerOptions) { o.Normalize = "off" }),
		"none":    nil,
	} {
		if void(s, match) {
			t.Errorf("%s: the input earns nothing", name)
		}
	}
}

// A probe's constants are answers: they need no marker.
func TestProbeWithMarker(t *testing.T) {
	if testing.Short() {
		t.Skip("one goroutine; other probes run under the race detector")
	}
	k, err := task.Builtin("opposites")
	if err != nil {
		t.Fatal(err)
	}
	e, err := embed.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	spec, err := Named("pgsrm")
	if err != nil {
		t.Fatal(err)
	}
	want, err := Probe(t.Context(), k, references(k), e, spec, nil, Search{})
	if err != nil {
		t.Fatal(err)
	}
	said := references(k)
	for id, a := range said {
		said[id] = "so it is\nAnswer: " + a
	}
	got, err := Probe(t.Context(), k, said, e, spec, matcher(func(o *task.AnswerOptions) { o.After, o.Normalize = "Answer:", "off" }), Search{})
	if err != nil {
		t.Fatal(err)
	}
	if got.BestConstant != want.BestConstant || got.AUC != want.AUC {
		t.Errorf("got %+v, want %+v", got.BestConstant, want.BestConstant)
	}
}

// strict alone asks for the letter, as far as the paper does.
func TestStrictByHand(t *testing.T) {
	spec, err := ParseSpec("0.8*exact + 0.2*strict")
	if err != nil {
		t.Fatal(err)
	}
	m, err := New(t.Context(), spec, mixing, answers, nil, matcher(func(*task.AnswerOptions) {}))
	if err != nil {
		t.Fatal(err)
	}
	for response, want := range map[string]float64{"Red ": 1, `"red".`: .8, "a red": .8, "blue": 0, "crimson": 1, `"crimson"`: .8} {
		got := m.Score(t.Context(), []Sample{{Response: response, Reference: "red", Accepted: []string{"crimson"}}})[0]
		if math.Abs(got.Reward-want) > 1e-9 || got.Right != (want > 0) {
			t.Errorf("%q: got %+v, want %v", response, got, want)
		}
	}
}
