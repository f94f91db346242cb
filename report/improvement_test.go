package report

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// The statistics of rliable; its bootstrap has other draws, so that the ends of intervals
// may differ by some standard errors of a quantile, which are fractions of their width.
func TestImprovementIsThatOfRliable(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "golden.json"))
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Name            string
		X, Y            []float64
		IQM, Difference float64
		OtherIQM        float64    `json:"other_iqm"`
		DifferenceCI95  [2]float64 `json:"difference_ci95"`
		Probability     float64
		ProbabilityCI95 [2]float64 `json:"probability_ci95"`
	}
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) < 9 {
		t.Fatalf("got %d cases", len(cases))
	}
	for _, c := range cases {
		x, y := slices.Clone(c.X), slices.Clone(c.Y)
		got := improvement(x, y)
		near(t, c.Name+": IQM", got.IQM, c.IQM, 1e-12)
		near(t, c.Name+": IQM of the other", got.OtherIQM, c.OtherIQM, 1e-12)
		near(t, c.Name+": difference", got.Difference.Value, c.Difference, 1e-12)
		near(t, c.Name+": probability", got.Probability.Value, c.Probability, 1e-12)
		for i := range 2 {
			near(t, c.Name+": interval of the difference", got.Difference.CI95[i], c.DifferenceCI95[i], 0.03*(c.DifferenceCI95[1]-c.DifferenceCI95[0]))
			near(t, c.Name+": interval of the probability", got.Probability.CI95[i], c.ProbabilityCI95[i], 0.05*(c.ProbabilityCI95[1]-c.ProbabilityCI95[0]))
		}
		if got.Mean != (len(x) < 4) {
			t.Errorf("%s: iqm_is_mean is %v", c.Name, got.Mean)
		}
		if !slices.Equal(x, c.X) || !slices.Equal(y, c.Y) {
			t.Errorf("%s: the values must be left as they are", c.Name)
		}
	}
}

func TestImprovementOfOneSeed(t *testing.T) {
	got := improvement([]float64{0.5}, []float64{0.25})
	if got.Difference != (Resampled{Value: 0.25}) || got.Probability != (Resampled{Value: 1}) || !got.Mean {
		t.Errorf("got %+v", got)
	}
}

// Worked by hand: of three seeds the interquartile mean is the mean, of five it leaves
// out the ends; of the 9 pairs of seeds 7 are above, 1 is the same and 1 below.
func TestImprovementByHand(t *testing.T) {
	near(t, "three", interquartileMean([]float64{9, 0, 3}), 4, 0)
	near(t, "four", interquartileMean([]float64{9, 1, 0, 3}), 2, 0)
	near(t, "five", interquartileMean([]float64{100, 1, 2, 3, -50}), 2, 0)
	got := improvement([]float64{4, 2, 5}, []float64{1, 2, 3})
	near(t, "probability", got.Probability.Value, 7.5/9, 1e-15)
}

// With the arms exchanged difference and probability are reflected, and the same values
// give the same bits.
func TestImprovementIsAntisymmetric(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 9).Draw(t, "n")
		value := rapid.SliceOfN(rapid.Float64Range(0, 1), n, n)
		x, y := value.Draw(t, "x"), value.Draw(t, "y")
		a, b, again := improvement(x, y), improvement(y, x), improvement(x, y)
		if math.Abs(a.Difference.Value+b.Difference.Value) > 1e-12 || math.Abs(a.Probability.Value+b.Probability.Value-1) > 1e-12 {
			t.Fatalf("got %+v and %+v", a, b)
		}
		if n == 1 {
			return
		}
		if *a.Difference.CI95 != *again.Difference.CI95 || *a.Probability.CI95 != *again.Probability.CI95 {
			t.Fatalf("got %+v and %+v", a, again)
		}
		lo, hi := a.Probability.CI95[0], a.Probability.CI95[1]
		if lo < 0 || hi > 1 || math.Abs(a.Difference.CI95[0]+b.Difference.CI95[1]) > 1e-9 {
			t.Fatalf("got %+v and %+v", a, b)
		}
	})
}

// The first arm of the summary stands against each other one.
func TestImprovementsOfTheFirstArm(t *testing.T) {
	dir := t.TempDir()
	for seed := 1; seed <= 4; seed++ {
		tiny(t, dir, "binary", seed, 0.1*float64(seed))
		tiny(t, dir, "pgsrm", seed, 0.1*float64(seed)+0.25)
		tiny(t, dir, "exact", seed, 0.5)
	}
	s, err := summarize(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Improvements) != 2 || s.Improvements[0].Other != "exact" || s.Improvements[1].Other != "binary" {
		t.Fatalf("got %+v", s.Improvements)
	}
	m := s.Improvements[1]
	if m.Reward != "pgsrm" || m.Metric != exactHeldOut || len(m.Seeds) != 4 || m.Mean {
		t.Errorf("got %+v", m)
	}
	near(t, "IQM", m.IQM, 0.5, 1e-12)
	near(t, "IQM of the other", m.OtherIQM, 0.25, 1e-12)
	near(t, "difference", m.Difference.Value, 0.25, 1e-12)
	near(t, "lo", m.Difference.CI95[0], 0.25, 1e-12)
	near(t, "probability", m.Probability.Value, 15.0/16, 1e-12) // 0.35 of pgsrm is below 0.4 of binary
}

func TestImprovementRows(t *testing.T) {
	ci := &[2]float64{-0.05, 0.25}
	s := Summary{Improvements: []Improvement{
		{Reward: "a", Other: "b", Metric: exactTrain, Seeds: []int64{1, 2}, Mean: true, IQM: 0.5, OtherIQM: 0.25, Difference: Resampled{0.25, ci}, Probability: Resampled{0.75, &[2]float64{0.5, 1}}},
		{Reward: "a", Other: "c", Metric: semHeldOut, Seeds: []int64{1}, IQM: 0.5, OtherIQM: 0.625, Difference: Resampled{Value: -0.125}, Probability: Resampled{Value: 0}},
	}}
	want := []improvementRow{
		{First: "a", Other: "b", Title: "Exact match, training prompts", Seeds: 2, Mean: true, IQM: "50.0%", OtherIQM: "25.0%", Difference: "+25.0 points (−5.0 to +25.0)", Probability: "75.0% (50.0% to 100.0%)"},
		{First: "a", Other: "c", Title: "Semantic score, held-out prompts", Seeds: 1, IQM: "0.500", OtherIQM: "0.625", Difference: "−0.125", Probability: "0.0%"},
	}
	if diff := cmp.Diff(want, s.improvementRows()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	dir := t.TempDir()
	for seed := 1; seed <= 2; seed++ {
		tiny(t, dir, "binary", seed, 0.25)
		tiny(t, dir, "pgsrm", seed, 0.5)
	}
	data, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	page, err := data.html()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"<h2 class=\"section\">Over seeds</h2>", `<td class="num">2 (mean)</td><td class="num">50.0%</td><td class="num">25.0%</td>`} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the page must hold %s", want)
		}
	}
}
