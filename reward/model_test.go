package reward

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pgsrm/embed"
	"pgsrm/task"
)

var errDown = errors.New("server down")

// plane embeds words as points of the plane, not of unit length, and counts its
// calls. "???" has no meaning for it, "down" is a failed call.
type plane struct {
	calls [][]string
	fail  bool // every call fails
}

var points = map[string][]float32{
	"red": {2, 0}, "blue": {0, 3}, "green": {0.6, 0.8}, "pink": {0.8, 0.6}, "anti": {-1, 0},
}

func (p *plane) Identity() embed.Identity { return embed.Identity{Model: "plane", Dim: 2} }

func (p *plane) Embed(ctx context.Context, texts []string) []embed.Result {
	p.calls = append(p.calls, append([]string(nil), texts...))
	out := make([]embed.Result, len(texts))
	for i, text := range texts {
		v, ok := points[text]
		switch {
		case p.fail || text == "down":
			out[i].Err = errDown
		case ok:
			out[i].Vector = v
		default:
			out[i].Err = fmt.Errorf("no known word in %q: %w", text, embed.ErrNoMeaning)
		}
	}
	return out
}

// mixing is a task whose parent answers are red, blue and green.
var (
	mixing  = &task.Task{Name: "mixing", Items: []task.Item{{ID: "1"}, {ID: "2"}, {ID: "3"}, {ID: "4"}, {ID: "5"}}}
	answers = map[string]string{"1": "red", "2": "blue", "3": "green", "4": " Red "}
)

func mustModel(t testing.TB, text string, e embed.Embedder) *Model {
	t.Helper()
	spec, err := ParseSpec(text)
	if err != nil {
		t.Fatal(err)
	}
	m, err := New(t.Context(), spec, mixing, answers, e, nil, stubs(spec)...)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Unit vectors: red (1,0), blue (0,1), green (.6,.8); cosines 0, .6, .8.
// b = 1.4/3; centre (1.6/3, 1.8/3); m = 1.6/3, .6, .8; m0 = 5.8/9; the worst
// cos - m is that of blue for red, 0 - .6.
func TestCalibrationByHand(t *testing.T) {
	c := mustModel(t, "centered", &plane{}).Calibration()
	if d := cmp.Diff([]string{"red", "blue", "green"}, c.Answers); d != "" {
		t.Error(d)
	}
	for name, x := range map[string][2]float64{
		"between": {c.Between, 1.4 / 3}, "domain": {c.Domain, 5.8 / 9}, "floor": {c.Floor, -0.6},
	} {
		if math.Abs(x[0]-x[1]) > 1e-6 {
			t.Errorf("%s: got %v, want %v", name, x[0], x[1])
		}
	}
}

// Every term by hand. The two pairs (response, reference): green for red with
// cos .6, m(c) .8, m(p) 1.6/3; red for green with cos .6, m(c) 1.6/3, m(p) .8.
func TestTermsByHand(t *testing.T) {
	e := math.Exp
	for _, c := range []struct {
		spec             string
		greenRed, redGrn float64
	}{
		{"exact", 0, 0},
		{"cosine", .6, .6},
		{"cosine^2", .36, .36},
		{"shifted", .4096, .4096}, // .8^4
		{"shifted^1", .8, .8},
		{"euclidean", 1 - math.Sqrt(.8), 1 - math.Sqrt(.8)},
		{"calibrated", .25, .25}, // (.6-1.4/3)/(1-1.4/3)
		{"calibrated^2", .0625, .0625},
		{"centered", 0, 1. / 3},            // clip(-.2/..), (.6-1.6/3)/(1-.8)
		{"centered^2", 0, 1. / 9},          //
		{"centered(no_clip)", -.2, .2 / 3}, // .6-.8, .6-1.6/3
		{"contrastive(tau=0.5)", e(1.2) / (e(1.2) + e(1.6) + e(2)), e(1.2) / (e(2) + e(0) + e(1.2))},
		{"domain", 5.8 / 9, 1.6 / 3}, // m0, m(red)
		{"domain(m0=0.7)", .7, 1.6 / 3},
		{"pgsrm", 0, .4 / 9},
		{"pgsrm-1", 0, .5 / 9},
		{"pgsrm-paper", .4096, .4096},
		{"binary", 0, 0},
		{"2*cosine - 0.5*euclidean", 1.2 - .5*(1-math.Sqrt(.8)), 1.2 - .5*(1-math.Sqrt(.8))},
	} {
		got := mustModel(t, c.spec, &plane{}).Score(t.Context(), []Sample{
			{Prompt: "p", Response: "green", Reference: "red"},
			{Prompt: "p", Response: "red", Reference: "green"},
		})
		for i, want := range []float64{c.greenRed, c.redGrn} {
			if got[i].Err != nil || math.Abs(got[i].Reward-want) > 1e-6 {
				t.Errorf("%s, pair %d: got %v, %v, want %v", c.spec, i, got[i].Reward, got[i].Err, want)
			}
		}
	}
}

// The reference itself earns the most of every bounded term, whatever its case.
// moved pays nothing for what the input earns: e(x).e(p) is .8 for green and blue and 0
// for blue and red; m(pink) = .8*1.6/3 + .6*1.8/3 = 2.36/3.
func TestMovedByHand(t *testing.T) {
	m := mustModel(t, "moved", &plane{})
	const pink = 2.36 / 3
	for _, c := range []struct {
		input, response, reference string
		want                       float64
	}{
		{"green", "green", "blue", 0},
		{"green", "pink", "blue", 0},
		{"green", "blue", "blue", 1},
		{"blue", "pink", "red", (0.8 - pink) / (1 - pink)},
		{"", "pink", "red", (0.8 - pink) / (1 - pink)},
		{"???", "pink", "red", (0.8 - pink) / (1 - pink)},
		{" RED", "pink", "red", (0.8 - pink) / (1 - 1.6/3)}, // to be repeated: centered
		{"blue", "???", "red", 0},
	} {
		got := m.Score(t.Context(), []Sample{{Input: c.input, Response: c.response, Reference: c.reference}})[0]
		if got.Err != nil || math.Abs(got.Reward-c.want) > 1e-6 {
			t.Errorf("%+v: got %v, %v", c, got.Reward, got.Err)
		}
	}
	if got := m.Score(t.Context(), []Sample{{Input: "down", Response: "pink", Reference: "red"}})[0]; !errors.Is(got.Err, errDown) {
		t.Errorf("an input that cannot be embedded: got %+v", got)
	}
	if got := mustModel(t, "centered", &plane{}).Score(t.Context(), []Sample{{Input: "down", Response: "pink", Reference: "red"}})[0]; got.Err != nil {
		t.Errorf("centered does not need the input: got %+v", got)
	}
}

func TestReferenceEarnsMost(t *testing.T) {
	for _, kind := range Kinds() {
		switch k, _ := findKind(kind); {
		case k.judge:
			kind += "(openai:m@http://localhost:1)"
		case k.text == requiredText:
			kind += "((?i)green)"
		}
		m := mustModel(t, kind, &plane{})
		best := m.Score(t.Context(), []Sample{{Prompt: "p", Response: " GREEN ", Reference: "green"}})[0]
		if best.Err != nil {
			t.Fatalf("%s: %v", kind, best.Err)
		}
		for word := range points {
			s := m.Score(t.Context(), []Sample{{Prompt: "p", Response: word, Reference: "green"}})[0]
			if s.Reward > best.Reward+1e-9 {
				t.Errorf("%s: %s earns %v, the reference %v", kind, word, s.Reward, best.Reward)
			}
		}
		if kind == "exact" || kind == "cosine" || kind == "shifted" || kind == "centered" || kind == "calibrated" || kind == "euclidean" {
			if math.Abs(best.Reward-1) > 1e-6 {
				t.Errorf("%s: the reference must earn 1 (got %v)", kind, best.Reward)
			}
		}
	}
}

// Promises about failures: (1) a failed call is the error of its sample alone;
// (2) it is asked again; (3) an answer without meaning has the worst value;
// (4) a reference without meaning is an error; (5) empty answers and echoes earn
// 0 without a call.
func TestFailures(t *testing.T) {
	e := &plane{}
	m := mustModel(t, "exact + 0.3*centered(no_clip)", e)
	e.calls = nil
	samples := []Sample{
		{Prompt: "p q", Response: "down", Reference: "red"},
		{Prompt: "p q", Response: "red", Reference: "red"},
		{Prompt: "p q", Response: "???", Reference: "red"},
		{Prompt: "p q", Response: "red", Reference: "???"},
		{Prompt: "p q", Response: " ", Reference: "red"},
		{Prompt: "p  q", Response: "P q red", Reference: "red"},
	}
	for range 2 {
		got := m.Score(t.Context(), samples)
		if !errors.Is(got[0].Err, errDown) || got[0].Reward != 0 || got[0].Terms != nil {
			t.Errorf("failed call: got %+v", got[0])
		}
		if want := 1 + .3*(1-1.6/3); got[1].Err != nil || math.Abs(got[1].Reward-want) > 1e-6 {
			t.Errorf("beside a failed call: got %+v, want %v", got[1], want)
		}
		if got[2].Err != nil || math.Abs(got[2].Reward-.3*-.6) > 1e-6 {
			t.Errorf("no meaning: got %+v, want -0.18", got[2])
		}
		if !errors.Is(got[3].Err, embed.ErrNoMeaning) {
			t.Errorf("reference without meaning: got %+v", got[3])
		}
		for _, s := range got[4:] {
			if s.Err != nil || s.Reward != 0 || !cmp.Equal(s.Terms, []float64{0, 0}) {
				t.Errorf("empty or echo: got %+v, want 0", s)
			}
		}
	}
	if d := cmp.Diff([][]string{{"down", "red", "???"}, {"down", "???"}}, e.calls); d != "" {
		t.Error(d)
	}
}

// An echo is no echo where the reference says the prompt too, and the response
// may quote the prompt later on.
func TestEcho(t *testing.T) {
	m := mustModel(t, "length", nil)
	for _, c := range []struct {
		s    Sample
		want float64
	}{
		{Sample{Prompt: "say it", Response: "Say  it", Reference: "a b"}, 0},
		{Sample{Prompt: "say it", Response: "say it", Reference: "say it"}, 1},
		{Sample{Prompt: "say it", Response: "so say it", Reference: "a b c"}, 1},
		{Sample{Prompt: "", Response: "a", Reference: "a"}, 1},
	} {
		if got := m.Score(t.Context(), []Sample{c.s})[0].Reward; got != c.want {
			t.Errorf("%+v: got %v, want %v", c.s, got, c.want)
		}
	}
}

// A reward without semantic terms never calls an embedder.
func TestExactNeedsNoEmbedder(t *testing.T) {
	m := mustModel(t, "exact + 0.5*chrf", nil)
	got := m.Score(t.Context(), []Sample{{Prompt: "p", Response: "Violet", Reference: "purple", Accepted: []string{"violet"}}})
	if got[0].Terms[0] != 1 || m.Calibration() != nil {
		t.Errorf("got %+v", got)
	}
	e := &plane{}
	mustModel(t, "binary", e).Score(t.Context(), []Sample{{Prompt: "p", Response: "red", Reference: "red"}})
	if len(e.calls) != 0 {
		t.Errorf("must not call the embedder (got %v)", e.calls)
	}
}

// The reward of a sample does not depend on the samples beside it.
func TestScoreAlone(t *testing.T) {
	m := mustModel(t, "exact + 0.3*centered(no_clip) + contrastive + contrastive(tau=1)", &plane{})
	var all []Sample
	for _, c := range []string{"red", "blue", "pink", "anti", "???", "", "down"} {
		for _, p := range []string{"red", "green", "blue"} {
			all = append(all, Sample{Prompt: "p", Response: c, Reference: p})
		}
	}
	batch := m.Score(t.Context(), all)
	for i, s := range all {
		fresh := mustModel(t, "exact + 0.3*centered(no_clip) + contrastive + contrastive(tau=1)", &plane{})
		sameText := cmp.Comparer(func(a, b error) bool { return fmt.Sprint(a) == fmt.Sprint(b) })
		if d := cmp.Diff(fresh.Score(t.Context(), []Sample{s})[0], batch[i], sameText); d != "" {
			t.Errorf("%+v: %s", s, d)
		}
	}
}

// A saved calibration gives the same bits again, without a call.
func TestRestore(t *testing.T) {
	spec, err := ParseSpec("exact + 0.3*centered(no_clip) + 0.1*domain + contrastive + calibrated")
	if err != nil {
		t.Fatal(err)
	}
	e := &plane{}
	m, err := New(t.Context(), spec, mixing, answers, e, nil, stubs(spec)...)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(m.Calibration())
	if err != nil {
		t.Fatal(err)
	}
	var cal Calibration
	if err := json.Unmarshal(b, &cal); err != nil {
		t.Fatal(err)
	}
	e.calls = nil
	back, err := Restore(spec, &cal, e, nil)
	if err != nil || len(e.calls) != 0 {
		t.Fatalf("got %v after %d calls", err, len(e.calls))
	}
	samples := []Sample{{Prompt: "p", Response: "pink", Reference: "red"}, {Prompt: "p", Response: "anti", Reference: "blue"}}
	if d := cmp.Diff(m.Score(t.Context(), samples), back.Score(t.Context(), samples)); d != "" {
		t.Error(d)
	}
	cal.Embedder.Model = "other"
	if _, err := Restore(spec, &cal, e, nil); err == nil {
		t.Error("another embedder must be an error")
	}
	if _, err := Restore(spec, nil, e, nil); err == nil || err.Error() != "reward: "+spec.Name+" needs an embedder and a calibration" {
		t.Errorf("without calibration: got %v", err)
	}
}

func TestCalibrateErrors(t *testing.T) {
	spec, _ := Named("pgsrm")
	for _, c := range []struct {
		name    string
		answers map[string]string
		e       embed.Embedder
		want    string
	}{
		{"no embedder", answers, nil, "reward: pgsrm needs an embedder"},
		{"one answer", map[string]string{"1": "red", "2": "RED"}, &plane{}, "reward: calibration needs two different parent answers with vectors (got 1, and 0 without)"},
		{"all down", map[string]string{"1": "red", "2": "blue"}, &plane{fail: true}, "reward: calibration needs two different parent answers with vectors (got 0, and 2 without): the embedder failed: server down"},
		{"one meaning", map[string]string{"1": "red", "2": "crimson"}, synonyms{}, "reward: parent answers must differ in meaning (their mean cosine is 1)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := New(t.Context(), spec, mixing, c.answers, c.e, nil)
			if err == nil || err.Error() != c.want {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

// synonyms gives every text the same vector.
type synonyms struct{}

func (synonyms) Identity() embed.Identity { return embed.Identity{Model: "synonyms", Dim: 1} }

func (synonyms) Embed(ctx context.Context, texts []string) []embed.Result {
	out := make([]embed.Result, len(texts))
	for i := range out {
		out[i].Vector = []float32{1}
	}
	return out
}

// Parent answers that cannot be embedded are reported and left out.
func TestCalibrationReportsFailures(t *testing.T) {
	spec, _ := Named("centered")
	m, err := New(t.Context(), spec, mixing, map[string]string{"1": "red", "2": "down", "3": "blue"}, &plane{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]Failure{{Answer: "down", Error: "server down"}}, m.Calibration().Failed); d != "" {
		t.Error(d)
	}
}

// A reference outside U (another parent's) keeps every bounded term bounded.
func TestReferenceOutsideU(t *testing.T) {
	m := mustModel(t, "contrastive(tau=0.01)", &plane{})
	got := m.Score(t.Context(), []Sample{{Prompt: "p", Response: "anti", Reference: "anti"}})[0]
	if got.Err != nil || got.Reward != 1 {
		t.Errorf("got %+v, want 1", got)
	}
}

// BenchmarkScore64 is one batch of 64 samples after the first.
func BenchmarkScore64(b *testing.B) {
	spec, _ := ParseSpec("exact + 0.3*centered(no_clip) + contrastive")
	m, err := New(b.Context(), spec, mixing, answers, &plane{}, nil)
	if err != nil {
		b.Fatal(err)
	}
	var samples []Sample
	for i := range 64 {
		samples = append(samples, Sample{
			Prompt:   "Mix the two colors and output only one lowercase color name: red and blue is => ",
			Response: []string{"red", "blue", "green", "pink"}[i%4], Reference: []string{"red", "blue", "green"}[i%3],
		})
	}
	for b.Loop() {
		m.Score(b.Context(), samples)
	}
}
