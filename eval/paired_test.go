package eval

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pgsrm/task"
)

// measured are answers to items "0", "1", ... with the exactness and cosine given.
func measured(responses []string, exact, cosine []float64) Measured {
	var m Measured
	for i, r := range responses {
		m.Answers = append(m.Answers, Answer{Item: task.Item{ID: string(rune('0' + i))}, Response: r})
		m.Scores = append(m.Scores, Score{Exact: exact[i], Normalized: math.NaN(), Cosine: cosine[i], Words: float64(len(strings.Fields(r)))})
	}
	return m
}

// find is the difference of a metric.
func find(t *testing.T, all []Difference, metric string) Difference {
	t.Helper()
	for _, d := range all {
		if d.Metric == metric {
			return d
		}
	}
	t.Fatalf("no %s in %+v", metric, all)
	return Difference{}
}

// Three prompts by hand: B is right at two more, the embedder failed once for A.
func TestCompare(t *testing.T) {
	nan := math.NaN()
	a := measured([]string{"a b", "a b", "c"}, []float64{0, 0, 1}, []float64{0.5, nan, 1})
	b := measured([]string{"x", "y", "z"}, []float64{1, 1, 1}, []float64{0.75, 0.5, 0.5})
	all, err := Compare(a, b, 1)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, d := range all {
		names = append(names, d.Metric)
	}
	// no normalised match without a matcher
	if d := cmp.Diff([]string{"exact_match", "semantic", "chrf", "mean_length", "distinct_1", "distinct_2"}, names); d != "" {
		t.Error(d)
	}
	exact := find(t, all, "exact_match")
	if exact.A != 1./3 || exact.B != 1 || math.Abs(exact.Difference-2./3) > 1e-15 || *exact.Prompts != (Prompts{2, 1, 0}) {
		t.Errorf("exact match %+v, prompts %+v", exact, exact.Prompts)
	}
	semantic := find(t, all, "semantic")
	if semantic.A != 0.75 || semantic.B != 0.625 || *semantic.Prompts != (Prompts{1, 0, 1}) || semantic.CI95[0] != -0.5 || semantic.CI95[1] != 0.25 {
		t.Errorf("semantic %+v, prompts %+v, interval %v", semantic, semantic.Prompts, semantic.CI95)
	}
	if d := find(t, all, "mean_length"); d.Prompts != nil || d.CI95[0] != -1 || d.CI95[1] != 0 {
		t.Errorf("longer answers are neither better nor worse: %+v, %v", d, d.CI95)
	}
	if d := find(t, all, "distinct_1"); d.A != 3./5 || d.B != 1 {
		t.Errorf("distinct words %+v", d)
	}
}

// The interval is that of two million bootstrap samples of NumPy, up to the chance of
// ten thousand, and the same each time.
func TestPairedBootstrapAgainstNumPy(t *testing.T) {
	diffs := []float64{0, 0, 1, 0, 0.25, -0.5, 0.75, 0, 0, 1, -0.25, 0.5}
	got := percentiles(diffs, drawPrompts(len(diffs), 1))
	want := [2]float64{-0.020833, 0.5}
	for i := range want {
		if math.Abs(got[i]-want[i]) > 0.012 {
			t.Errorf("got %v, want %v", *got, want)
		}
	}
	if again := percentiles(diffs, drawPrompts(len(diffs), 1)); *again != *got {
		t.Errorf("got %v, then %v", *got, *again)
	}
	first := func(seed uint64) []int32 {
		for draw := range drawPrompts(len(diffs), seed) {
			return draw
		}
		return nil
	}
	if slices.Equal(first(1), first(2)) {
		t.Error("another seed must draw other prompts")
	}
}

// Of intervals of 40 differences some 95% cover the true mean.
func TestPairedBootstrapCovers(t *testing.T) {
	if testing.Short() {
		t.Skip("simulates 200 studies, in one goroutine")
	}
	rng := rand.New(rand.NewPCG(1, 2))
	const sets = 200
	covered := 0
	for s := range sets {
		diffs := make([]float64, 40)
		for i := range diffs {
			diffs[i] = 0.3 + rng.NormFloat64()
		}
		if ci := percentiles(diffs, drawPrompts(len(diffs), uint64(s))); ci[0] <= 0.3 && 0.3 <= ci[1] {
			covered++
		}
	}
	if share := float64(covered) / sets; share < 0.90 || share > 0.99 {
		t.Errorf("covered %.3f, want about 0.95", share)
	}
}

// Leaving answers out by counts is leaving them out.
func TestDistinctWithout(t *testing.T) {
	answers := said("", "a b a", "b c", "a b", "", "d")
	for n := 1; n <= 2; n++ {
		g := countGrams(answers, n)
		for i := range answers {
			rest := append(append([]Answer(nil), answers[:i]...), answers[i+1:]...)
			if got, want := g.distinct(i), distinctN(rest, n); got != want {
				t.Errorf("%d-grams without answer %d: %v, want %v", n, i, got, want)
			}
		}
	}
	d := compareDistinct("distinct_1", answers, said("", "a", "a", "a", "a", "a"), 1)
	if !(d.CI95[0] < d.Difference && d.Difference < d.CI95[1]) || d.Difference != 1./5-4./8 {
		t.Errorf("%+v, interval %v", d, d.CI95)
	}
}

// One prompt has no interval; other prompts cannot be compared.
func TestCompareNeeds(t *testing.T) {
	one := measured([]string{"x"}, []float64{1}, []float64{1})
	all, err := Compare(one, one, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range all {
		if d.CI95 != nil || d.Difference != 0 {
			t.Errorf("%+v", d)
		}
	}
	two := measured([]string{"x", "y"}, []float64{1, 0}, []float64{1, 0})
	if _, err := Compare(one, two, 1); err == nil || err.Error() != "eval: children must have answered the same prompts (1 and 2)" {
		t.Errorf("got %v", err)
	}
	two.Answers[1].Item.ID = "other"
	if _, err := Compare(measured([]string{"x", "y"}, []float64{1, 0}, []float64{1, 0}), two, 1); err == nil {
		t.Error("items of another id")
	}
}
