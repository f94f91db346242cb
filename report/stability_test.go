package report

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Below three seeds, and where all seeds differ by the same, nothing is called better or
// worse, neither in words nor in the fields.
func TestNoVerdictWithoutSpread(t *testing.T) {
	verdicts := []string{"better", "worse", "holds", "lead"}
	for name, c := range map[string]struct {
		differences []float64
		want        string
	}{
		"two seeds":  {[]float64{0.25, 0.26}, "Fewer than three seeds: this shows nothing yet."},
		"zero width": {[]float64{0.25, 0.25, 0.25}, "a difference of +25.0 points in each of 3 seeds. An interval of width zero says nothing of how sure this is."},
	} {
		dir := t.TempDir()
		for seed, d := range c.differences {
			tiny(t, dir, "binary", seed+1, 0.25)
			tiny(t, dir, "pgsrm", seed+1, 0.25+d)
		}
		s, err := summarize(dir)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Comparisons[0]; got.Holds || got.P != nil || got.PHolm != nil || got.EffectSize != nil || got.class() != "open" {
			t.Errorf("%s: got %+v", name, got)
		}
		if !strings.HasSuffix(s.Verdict[0], c.want) {
			t.Errorf("%s: got %q", name, s.Verdict[0])
		}
		var b strings.Builder
		if err := s.Print(&b); err != nil {
			t.Fatal(err)
		}
		for _, word := range verdicts {
			if strings.Contains(b.String(), word) || strings.Contains(s.Verdict[0], word) {
				t.Errorf("%s: must not say %q:\n%s\n%s", name, word, b.String(), s.Verdict[0])
			}
		}
	}
}

// All comparisons of a summary are one family: an interval that leaves out zero by itself
// need not hold after the correction.
func TestHolmOverTheSummary(t *testing.T) {
	p := func(v float64) *float64 { return &v }
	all := []Comparison{{P: p(0.03)}, {}, {P: p(0.001)}, {P: p(0.04)}}
	correct(all)
	for i, want := range []*float64{p(0.06), nil, p(0.003), p(0.06)} {
		if !cmp.Equal(all[i].PHolm, want) || all[i].Holds != (i == 2) {
			t.Errorf("%d: got %+v", i, all[i])
		}
	}
	s := Summary{Comparisons: all}
	s.Comparisons[0] = Comparison{Reward: "a", Baseline: "b", Metric: exactTrain, Seeds: []int64{1, 2, 3}, P: p(0.03), PHolm: p(0.06),
		Difference: &Estimate{Mean: 0.1, CI95: &[2]float64{0.05, 0.15}}}
	if got := compareSentence(s, s.Comparisons[0]); !strings.HasSuffix(got, "The interval leaves out zero, but not after Holm's correction for 3 comparisons (p = 0.060): this is not settled.") {
		t.Errorf("got %q", got)
	}
}

// The first arm on training prompts is what the runs were made for: tested by itself, and
// no part of the family.
func TestThePlannedComparison(t *testing.T) {
	p := func(v float64) *float64 { return &v }
	ci := &Estimate{Mean: 0.1, CI95: &[2]float64{0.01, 0.19}}
	all := []Comparison{
		{Reward: "a", Baseline: "b", Metric: exactTrain, Seeds: []int64{1, 2, 3}, P: p(0.04), Difference: ci},
		{Reward: "a", Baseline: "b", Metric: exactHeldOut, Seeds: []int64{1, 2, 3}, P: p(0.04), Difference: ci}, {P: p(0.03)},
	}
	plan(all)
	correct(all)
	if first, second := all[0], all[1]; !first.Planned || !first.Holds || first.PHolm != nil || second.Planned || second.Holds || *second.PHolm != 0.06 {
		t.Errorf("got %+v", all)
	}
	s := Summary{Comparisons: all}
	for i, want := range []string{" The lead holds (p = 0.040, the one comparison that was planned).", "but not after Holm's correction for 2 comparisons (p = 0.060): this is not settled."} {
		if got := compareSentence(s, all[i]); !strings.HasSuffix(got, want) {
			t.Errorf("got %q", got)
		}
	}
	only := []Comparison{{Metric: exactHeldOut, P: p(0.04)}}
	if plan(only); only[0].Planned {
		t.Error("without training prompts nothing was planned")
	}
}

// What ends below its start is said.
func TestFallBelowTheStart(t *testing.T) {
	arm := &Arm{Label: "a", Runs: []*Run{madeUp(1, exactHeldOut, 0.3, 0.2), madeUp(2, exactHeldOut, 0.3, 0.25)}}
	for i, r := range arm.Runs {
		r.Series[semHeldOut] = madeUp(1, "m", 0.5, 0.4+0.01*float64(i)).Series["m"]
		r.Series[semTrain] = madeUp(1, "m", 0.5, 0.49999).Series["m"] // equal as it is shown
		r.Series[exactTrain] = madeUp(1, "m", 0.5, 0.1).Series["m"]   // the verdict compares it
	}
	s := Summary{Task: "t", Arms: []ArmSummary{arm.summary()}}
	found := s.findings()
	want := finding{"a ends below its start in exact match on held-out prompts (30.0% to 22.5%) and in semantic score on held-out prompts (0.500 to 0.405).", "down"}
	if got := found[len(found)-1]; got != want {
		t.Errorf("got %+v", got)
	}
	if got := s.shortFindings(); !slices.Contains(got, "ends below its start: a held-out (30.0% to 22.5%), semantic held-out (0.500 to\n  0.405)") {
		t.Errorf("got %q", got)
	}
}

// A seed that never reaches a level counts as infinity in the median.
func TestEpisodesToLevel(t *testing.T) {
	arm := &Arm{Runs: []*Run{
		madeUp(1, exactTrain, 0, 0.3, 0.6, 0.8), madeUp(2, exactTrain, 0, 0.1, 0.2, 0.6), madeUp(3, exactTrain, 0, 0.1, 0.2, 0.2),
	}}
	v := func(x float64) *float64 { return &x }
	want := []Level{
		{0.25, []*float64{v(100), v(300), nil}, v(300)}, {0.5, []*float64{v(200), v(300), nil}, v(300)},
		{0.75, []*float64{v(300), nil, nil}, nil}, {0.9, []*float64{nil, nil, nil}, nil},
	}
	if got := arm.levels(); got.HeldOut != nil || !cmp.Equal(got.Train, want) {
		t.Errorf("%s", cmp.Diff(want, got.Train))
	}
	s := Summary{Arms: []ArmSummary{arm.summary(), {}}}
	row := s.levelRow("training", func(l Levels) []Level { return l.Train })
	if row.Title != "Episodes to 50% exact match, training" || row.Cells[0].Value != "300" || row.Cells[1].Value != "" {
		t.Errorf("got %+v", row)
	}
}

// Evaluations stand against the root of the last KL before them.
func TestByKL(t *testing.T) {
	a, b := madeUp(1, exactTrain, 0, 0.2, 0.6), madeUp(2, exactTrain, 0.1, 0.4, 0.8)
	for _, r := range []*Run{a, b} {
		r.Series[metricKL] = []Point{{1, 50, 2}, {2, 90, 3}, {3, 200, 5}}
	}
	b.Series[metricKL][2].Value = 13
	got := (&Arm{Runs: []*Run{a, b}}).byKL()
	if len(got) != 3 || got[0].SqrtKL != 0 || got[0].Episode != 0 || got[2].SqrtKL != 3 {
		t.Fatalf("got %+v", got)
	}
	near(t, "root", got[1].SqrtKL*got[1].SqrtKL, 3, 1e-12)
	near(t, "exact match", got[1].Values[exactTrain], 0.3, 1e-12)
	delete(b.Series, metricKL)
	if got := (&Arm{Runs: []*Run{a, b}}).byKL(); len(got) != 0 {
		t.Errorf("a run without KL: got %+v", got)
	}
}

func TestStabilityOfAnArm(t *testing.T) {
	r := madeUp(1, metricEntropy, 3, 1, 2)
	reward := func(v float64) *float64 { return &v }
	for i := range 5 {
		r.Final = append(r.Final, Answer{Response: []string{"red", "Red", "blue", "red", "red"}[i], Reference: fmt.Sprint(i), Reward: reward(float64(i))})
		r.First = append(r.First, Answer{Response: fmt.Sprint(i), Reference: fmt.Sprint(i)})
	}
	s := (&Arm{Label: "a", Runs: []*Run{r}}).summary()
	if s.EntropyBounds.Min.Mean != 1 || s.EntropyBounds.Max.Mean != 3 || s.KLBounds != nil {
		t.Errorf("bounds: got %+v, %+v", s.EntropyBounds, s.KLBounds)
	}
	if s.DistinctAnswers.Mean != 0.4 || *s.DistinctAnswers.Start != 1 || *s.DistinctReferences != 1 {
		t.Errorf("distinct: got %+v, %v", s.DistinctAnswers, *s.DistinctReferences)
	}
	if s.RewardDistribution.Start != nil {
		t.Errorf("answers without reward: got %+v", s.RewardDistribution.Start)
	}
	d := s.RewardDistribution.End
	if d.N != 5 || d.Quantiles[0] != 0 || d.Quantiles[2] != 1 || d.Quantiles[3] != 2 || d.Quantiles[6] != 4 {
		t.Errorf("rewards: got %+v", d)
	}
	want := map[string]string{
		"Least entropy": "1.00", "Largest entropy": "3.00", "Distinct answers": "40.0%", "Distinct references": "100.0%",
		"Reward of greedy answers": "2.000 (0.200 to 3.800)", "Collapsed seeds": "0 of 1",
	}
	got := map[string]string{}
	for _, row := range (Summary{Arms: []ArmSummary{s}}).stability() {
		got[row.Title] = row.Cells[0].Value
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Pairs are those of one prompt in one step, greedy answers left out; a run without one does
// not count.
func TestDistinctWithin(t *testing.T) {
	sampled := func(step int, prompt string, responses ...string) (out []Answer) {
		for _, text := range responses {
			out = append(out, Answer{Step: step, Episode: 10 * step, PromptID: prompt, Response: text})
		}
		return out
	}
	all := slices.Concat(sampled(1, "a", "x", "y", "X "), sampled(5, "a", "x"), sampled(6, "a", "x", "x", "y"), sampled(6, "b", "z"), sampled(10, "b", "z", "z"))
	all = append(all, Answer{Step: 10, Episode: 100, PromptID: "b", Response: "q", Greedy: true})
	early, late := pairsWithin(all, 100)
	if early != (Pairs{2, 3}) || late != (Pairs{2, 4}) {
		t.Fatalf("got %v and %v", early, late)
	}
	a := &Arm{Runs: []*Run{madeUp(1, exactTrain, 0, 1), madeUp(2, exactTrain, 0, 1), madeUp(3, exactTrain, 0, 1)}}
	a.Runs[0].Early, a.Runs[0].Late = early, late
	a.Runs[1].Late = Pairs{4, 4}
	e, pairs := a.distinctWithin()
	if e == nil || e.Mean != 0.75 || len(e.Values) != 2 || pairs != 8 || math.Abs(*e.Start-2.0/3) > 1e-12 {
		t.Errorf("got %+v of %d pairs", e, pairs)
	}
	if e, pairs := (&Arm{Runs: a.Runs[2:]}).distinctWithin(); e != nil || pairs != 0 {
		t.Errorf("no pair: got %+v", e)
	}
}

// Two tasks are two strata; what one task alone has is left out.
func TestOverall(t *testing.T) {
	group := func(task string, lead float64) *Group {
		a, b := &Arm{Label: "pgsrm"}, &Arm{Label: "binary"}
		for seed := int64(1); seed <= 3; seed++ {
			v := 0.1 * float64(seed)
			a.Runs, b.Runs = append(a.Runs, madeUp(seed, exactTrain, 0, v+lead)), append(b.Runs, madeUp(seed, exactTrain, 0, v))
		}
		return &Group{Task: task, Arms: []*Arm{a, b}}
	}
	d := &Data{Groups: []*Group{group("colors", 0.15), group("copy", 0.5)}}
	d.Groups[0].Arms = append(d.Groups[0].Arms, &Arm{Label: "exact", Runs: []*Run{madeUp(1, exactTrain, 0, 0.5)}})
	got := d.Overall()
	if !slices.Equal(got.Tasks, []string{"colors", "copy"}) || len(got.Improvements) != 1 || len(got.Profiles.Arms) != 2 {
		t.Fatalf("got %+v", got)
	}
	m := got.Improvements[0]
	if m.Reward != "pgsrm" || m.Other != "binary" || !slices.Equal(m.Tasks, got.Tasks) || len(m.Seeds) != 6 || m.Mean {
		t.Errorf("got %+v", m)
	}
	near(t, "difference", m.Difference.Value, 0.325, 1e-12) // of six, one at either end is left out
	near(t, "probability", m.Probability.Value, (8.0/9+1)/2, 1e-12)
	if p := got.Profiles.Arms[0]; p.Reward != "pgsrm" || p.Runs != 6 || p.Share[10] != 0.5 || p.Lo[0] != 1 {
		t.Errorf("got %+v", p)
	}
}

// Several tasks together stand first on the page and last on a terminal, and their profiles
// are a figure of their own.
func TestOverallIsShown(t *testing.T) {
	dir := t.TempDir()
	for seed := 1; seed <= 4; seed++ {
		for _, task := range []string{"colors", "copy"} {
			for reward, v := range map[string]float64{"binary": 0.1 * float64(seed), "pgsrm": 0.1*float64(seed) + 0.25} {
				at := filepath.Join(dir, task, reward, fmt.Sprintf("seed-%d", seed))
				tiny(t, filepath.Join(dir, task), reward, seed, v)
				write(t, filepath.Join(at, "config.yaml"), fmt.Sprintf("task: %s\nreward: %s\nseed: %d\nepisodes: 100\n", task, reward, seed))
			}
		}
	}
	d, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := d.Overall().Print(&b); err != nil {
		t.Fatal(err)
	}
	want := `2 tasks together, interquartile means over runs and 95% bootstrap intervals
            first  other  difference              improves
pgsrm vs binary
  held-out  50.0%  25.0%  +25.0 (+25.0 to +25.0)  94% (84 to 100)
`
	if b.String() != want {
		t.Errorf("got\n%s", b.String())
	}
	page, err := d.html()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`<h1 id="overall">All tasks together</h1>`, `<td class="num" data-label="tasks">2</td><td class="num" data-label="pairs">8</td>`, `data-label="pgsrm">50.0%</td>`, "Runs that end above: Exact match, held-out prompts"} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the page must hold %s", want)
		}
	}
	names, err := d.WriteFigures(t.TempDir(), "png")
	if err != nil || !slices.Contains(names, "profiles-copy.png") || !slices.Contains(names, "profiles.png") {
		t.Errorf("got %q, %v", names, err)
	}
	if len(d.Groups) != 2 {
		t.Fatalf("got %d tasks", len(d.Groups))
	}
	d.Groups = d.Groups[:1]
	b.Reset()
	if err := d.Overall().Print(&b); err != nil || b.String() != "" {
		t.Errorf("one task: got %q, %v", b.String(), err)
	}
}

// Profiles are steps with a band; against the distance stand the arms that have a KL.
func TestPlanes(t *testing.T) {
	s := Summary{Profiles: Profiles{Thresholds: []float64{0, 0.5, 1}, Arms: []Profile{
		{Reward: "a", Metric: exactTrain, Runs: 2, Share: []float64{1, 0.5, 0}, Lo: []float64{1, 0, 0}, Hi: []float64{1, 1, 0}},
		{Reward: "b", Metric: exactTrain, Runs: 1, Share: []float64{1, 0, 0}},
	}}, Arms: []ArmSummary{{Reward: "a", ByKL: []KLPoint{
		{SqrtKL: 0, Values: map[string]float64{exactTrain: 0.1}}, {SqrtKL: 2, Values: map[string]float64{exactTrain: 0.4}},
	}}, {Reward: "b"}}}
	got, more := s.planes(map[string]int{"a": 3})
	if len(got) != 2 || len(more) != 0 {
		t.Fatalf("got %d and %d charts", len(got), len(more))
	}
	if want := "Runs that end above: Exact match, training prompts, over the threshold: a from 100.0% to 0.0%."; got[0].Describe != want {
		t.Errorf("got %q", got[0].Describe)
	}
	if want := "Exact match, training prompts by distance, over the square root of nats: a from 10.0% to 40.0%."; got[1].Describe != want {
		t.Errorf("got %q", got[1].Describe)
	}
	l := got[0].Drawing.layers[1]
	if l.slot != 3 || len(l.marks) != 2 || !l.marks[0].closed || len(l.marks[0].points) != 10 || len(l.marks[1].points) != 5 {
		t.Errorf("got %+v", l)
	}
}
