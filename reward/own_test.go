package reward

import (
	"context"
	"errors"
	"math"
	"strings"
	"sync"
	"testing"

	"pgsrm/config"
	"pgsrm/custom"
	"pgsrm/embed"
	"pgsrm/judge"
	"pgsrm/task"
)

// stub is a function of the user's own: 1 for the reference, else a share of the length,
// nothing for "null" and an error for "ill".
type stub struct {
	mu    sync.Mutex
	asked []custom.Sample
}

func (s *stub) Score(_ context.Context, samples []custom.Sample) []custom.Result {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, samples...)
	out := make([]custom.Result, len(samples))
	for i, one := range samples {
		switch {
		case one.Response == "null":
			out[i].Err = custom.ErrNone
		case one.Response == "ill":
			out[i].Err = errDown
		case strings.EqualFold(strings.TrimSpace(one.Response), strings.TrimSpace(one.Reference)):
			out[i].Reward = 1
		default:
			out[i].Reward = float64(min(len(one.Response), 9)) / 10
		}
	}
	return out
}

// stubs answer the terms of the user's own.
func stubs(spec Spec) Scorers {
	out := make(Scorers, len(spec.own()))
	for i := range out {
		out[i] = &stub{}
	}
	return out
}

// Terms of the user's own are asked about the samples as they are, but for those that say
// nothing; each failure is that of its sample; each has a column by its kind.
func TestTermsOfOnesOwn(t *testing.T) {
	m := mustModel(t, `exact + 0.5*exec(a b) + 0.25*exec("c") - custom`, &plane{})
	scores := m.Score(t.Context(), []Sample{
		{Prompt: "p", Response: " Red ", Reference: "red", Columns: []byte(`{"k":1}`)},
		{Prompt: "p", Response: "", Reference: "red"},
		{Prompt: "p", Response: "null", Reference: "red"},
		{Prompt: "p", Response: "ill", Reference: "red"},
		{Prompt: "p", Response: "green", Reference: "red"},
	})
	for i, want := range []float64{0.75, 0, 0, 0, -0.125} {
		if failed := i == 2 || i == 3; (scores[i].Err != nil) != failed || !failed && math.Abs(scores[i].Reward-want) > 1e-12 {
			t.Errorf("sample %d: got %v, %v, want %v", i, scores[i].Reward, scores[i].Err, want)
		}
	}
	if err := scores[2].Err; !errors.Is(err, custom.ErrNone) || !errors.Is(err, ErrOwn) || err.Error() != "reward: exec: the function gave no reward (null)" {
		t.Errorf("got %v", err)
	}
	if got := strings.Join(m.Spec().Columns(), " "); got != "exact exec exec_2 custom" {
		t.Errorf("columns: got %s", got)
	}
	if got := scores[4].Terms; got[1] != 0.5 || got[2] != 0.5 || got[3] != 0.5 {
		t.Errorf("terms: got %v", got)
	}
	if asked := m.own[0].(*stub).asked; len(asked) != 4 || asked[0].Response != " Red " || string(asked[0].Columns) != `{"k":1}` {
		t.Errorf("asked: %+v", asked)
	}
	lo, hi := m.Spec().Range()
	if lo != -1750 || hi != 1751 {
		t.Errorf("range: got %v to %v", lo, hi)
	}
}

// What an answer earns from a function of the user's own fades like any other credit.
func TestFadeOfOnesOwn(t *testing.T) {
	m := mustModel(t, "fade(custom, k=1)", &plane{})
	samples := []Sample{{ID: "1", Response: "pink", Reference: "red"}, {ID: "1", Response: "null", Reference: "red"}}
	for step, want := range []float64{0.4, 0.2, 0.4 / 3} {
		scores := m.ScoreStep(t.Context(), samples, 0)
		if math.Abs(scores[0].Reward-want) > 1e-12 || scores[1].Err == nil {
			t.Errorf("step %d: got %+v, want %v", step, scores, want)
		}
		m.Remember(samples, scores)
	}
}

func TestOpenScorers(t *testing.T) {
	o := ScorerOptions{Custom: custom.DefaultSettings(), Judge: judge.DefaultSettings()}
	for _, c := range []struct {
		text  string
		given custom.Scorer
		want  string
	}{
		{"exec(no-such-program-here)", nil, `reward: exec: must begin with a program that can be found and run (got "no-such-program-here")`},
		{"exact + http(ftp://h)", nil, "reward: http: must be http(URL), the URL beginning with http:// or https://"},
		{"custom", nil, "reward: the term custom is for programs in Go, which give a Scorer to the run; a command is exec(CMD), a server http(URL) (got custom)"},
		{"exact", &stub{}, "reward: must have the term custom where a Scorer is given to the run (got exact)"},
	} {
		spec, err := ParseSpec(c.text)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = spec.OpenScorers(c.given, o); err == nil || err.Error() != c.want || !errors.Is(err, config.ErrBad) {
			t.Errorf("%s: got %v, want %s", c.text, err, c.want)
		}
	}
	spec, err := ParseSpec("http(http://127.0.0.1:1/a) + custom*http(http://127.0.0.1:1/b)")
	if err != nil {
		t.Fatal(err)
	}
	scorers, err := spec.OpenScorers(&stub{}, o)
	if err != nil || len(scorers) != 3 || len(spec.Commands()) != 0 || !spec.Remote() {
		t.Errorf("got %v, %v", scorers, err)
	}
	scorers.Close()
	if _, err := New(t.Context(), spec, mixing, answers, nil, nil); err == nil || err.Error() != "reward: must have a scorer for each of 3 terms of the user's own (got 0)" {
		t.Errorf("got %v", err)
	}
}

// The probe asks for a bounded number of answers, and not again and again where all fail.
func TestProbeOfOnesOwn(t *testing.T) {
	colors, err := task.Builtin("opposites")
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]string{}
	for _, it := range colors.Items {
		said[it.ID] = it.Reference
	}
	e, err := embed.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	spec, err := ParseSpec("clip(custom, 0, 1)")
	if err != nil {
		t.Fatal(err)
	}
	s := &stub{}
	r, err := Probe(t.Context(), colors, said, e, spec, nil, Search{}, s)
	if err != nil || len(s.asked) > OwnAnswers || len(s.asked) < OwnAnswers/2 || r.Range != [2]float64{0, 1} || !strings.Contains(strings.Join(r.Notes, "\n"), "at most 30 prompts and 100 constant answers") {
		t.Errorf("asked for %d answers: %+v, %v", len(s.asked), r, err)
	}
	ill := &illAfter{n: 1}
	if _, err := Probe(t.Context(), colors, said, e, spec, nil, Search{}, ill); !errors.Is(err, errDown) || ill.calls != 2 {
		t.Errorf("after %d calls: %v", ill.calls, err)
	}
}

// illAfter fails all but the first n calls.
type illAfter struct {
	n, calls int
	stub
}

func (s *illAfter) Score(ctx context.Context, samples []custom.Sample) []custom.Result {
	out := s.stub.Score(ctx, samples)
	if s.calls++; s.calls > s.n {
		for i := range out {
			out[i].Err = errDown
		}
	}
	return out
}
