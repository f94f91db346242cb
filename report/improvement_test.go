package report

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pgsrm/stats"
)

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
		{Reward: "a", Other: "b", Metric: exactTrain, Seeds: []int64{1, 2}, Improvement: stats.Improvement{
			Mean: true, IQM: 0.5, OtherIQM: 0.25, Difference: stats.Resampled{Value: 0.25, CI95: ci}, Probability: stats.Resampled{Value: 0.75, CI95: &[2]float64{0.5, 1}}}},
		{Reward: "a", Other: "c", Metric: semHeldOut, Seeds: []int64{1}, Improvement: stats.Improvement{
			IQM: 0.5, OtherIQM: 0.625, Difference: stats.Resampled{Value: -0.125}, Probability: stats.Resampled{Value: 0}}},
	}}
	want := []improvementRow{
		{First: "a", Other: "b", Title: "Exact match, training prompts", Seeds: 2, Mean: true, IQM: "50.0%", OtherIQM: "25.0%", Difference: "+25.0 points (−5.0 to +25.0)", Probability: "75.0% (50.0% to 100.0%)"},
		{First: "a", Other: "c", Title: "Semantic score, held-out prompts", Seeds: 1, IQM: "0.500", OtherIQM: "0.625", Difference: "−0.125", Probability: "0.0%"},
	}
	if diff := cmp.Diff(want, improvementRows(s.Improvements)); diff != "" {
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
	for _, want := range []string{"<h2 class=\"section\">Over seeds</h2>", `<td class="num" data-label="seeds">2 (mean)</td>`, `>50.0%</td><td class="num" data-label="other">25.0%</td>`} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the page must hold %s", want)
		}
	}
}
