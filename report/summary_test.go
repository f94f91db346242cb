package report

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"pgsrm/run"
)

// tiny writes a run of two evaluations with the given exact match at the end.
func tiny(t *testing.T, dir, reward string, seed int, exact float64) {
	t.Helper()
	at := filepath.Join(dir, reward, fmt.Sprintf("seed-%d", seed))
	write(t, filepath.Join(at, "config.yaml"), fmt.Sprintf("task: colors\nreward: %s\nseed: %d\nepisodes: 100\n", reward, seed))
	write(t, filepath.Join(at, run.MetricsFile), fmt.Sprintf(
		"{\"step\":0,\"episode\":0,\"eval/held_out/exact_match\":0}\n{\"step\":1,\"episode\":50,\"reward\":0.1,\"objective/entropy\":2}\n{\"step\":2,\"episode\":100,\"reward\":0.2,\"objective/entropy\":1,\"eval/held_out/exact_match\":%g}\n", exact))
	write(t, filepath.Join(at, run.TimingsFile), "{\"step\":1,\"episode\":50,\"seconds\":1}\n{\"step\":2,\"episode\":100,\"seconds\":1}\n")
}

// Worked by hand: differences 0.2, 0.3, 0.4; mean 0.3, s = 0.1, half width
// 4.302653 * 0.1 / sqrt(3) = 0.248415.
func TestSummarizePairsSeeds(t *testing.T) {
	dir := t.TempDir()
	for seed, v := range []float64{0.1, 0.2, 0.3} {
		tiny(t, dir, "binary", seed+1, v)
		tiny(t, dir, "pgsrm", seed+1, v+0.2+0.1*float64(seed))
	}
	tiny(t, dir, "pgsrm", 4, 1) // no twin: in the mean of its arm, in no pair
	s, err := summarize(dir)
	if err != nil {
		t.Fatal(err)
	}
	if s.Task != "colors" || s.Episodes != 100 || len(s.Arms) != 2 || len(s.Comparisons) != 1 {
		t.Fatalf("got %+v", s)
	}
	c := s.Comparisons[0]
	near(t, "difference", c.Difference.Mean, 0.3, 1e-12)
	near(t, "lo", c.Difference.CI95[0], 0.3-0.248414, 1e-5)
	near(t, "hi", c.Difference.CI95[1], 0.3+0.248414, 1e-5)
	if c.Wins != 3 || c.Losses != 0 || !c.Holds || len(c.Seeds) != 3 {
		t.Errorf("got %+v", c)
	}
	arm := s.Arms[0]
	near(t, "mean of four", arm.ExactMatch.HeldOut.Mean, (0.3+0.5+0.7+1)/4, 1e-12)
	near(t, "start", *arm.ExactMatch.HeldOut.Start, 0, 0)
	near(t, "area", arm.Area.HeldOut.Mean, (0.3+0.5+0.7+1)/8, 1e-12)
	near(t, "entropy", arm.Entropy.Mean, 1, 0)
	near(t, "episodes per second", arm.EpisodesPerSecond, 50, 0)
	if arm.ExactMatch.Train != nil || arm.KL != nil {
		t.Error("what was not recorded must be null")
	}
	near(t, "p", *c.P, 0.0351, 1e-4)                                  // t = 0.3 / (0.1 / sqrt(3)) = 5.196 with 2 degrees
	near(t, "effect size", *c.EffectSize, 3/math.Sqrt(math.Pi), 1e-9) // J(2) = Gamma(1) / Gamma(1/2)
	if want := "The lead holds after Holm's correction for 1 comparison (p = 0.035)."; *c.PHolm != *c.P || len(s.Verdict) != 1 || !strings.HasSuffix(s.Verdict[0], want) {
		t.Errorf("got verdict %q", s.Verdict)
	}
}

// The keys of summary.json are fixed.
func TestSummaryKeys(t *testing.T) {
	dir := t.TempDir()
	tiny(t, dir, "binary", 1, 0.5)
	s, err := summarize(dir)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"task":"colors","episodes":100,"arms":[{"reward":"binary","seeds":[1],` +
		`"exact_match":{"train":null,"held_out":{"mean":0.5,"ci95":null,"values":[0.5],"start":0}},"semantic":{"train":null,"held_out":null},` +
		`"mean_reward":{"mean":0.2,"ci95":null,"values":[0.2],"start":0.1},"entropy":{"mean":1,"ci95":null,"values":[1],"start":2},"kl":null,"length":null,` +
		`"area":{"train":null,"held_out":{"mean":0.25,"ci95":null,"values":[0.25]}},` +
		`"episodes_to_level":{"train":null,"held_out":[{"level":0.25,"episodes":[100],"median":100},{"level":0.5,"episodes":[100],"median":100},` +
		`{"level":0.75,"episodes":[null],"median":null},{"level":0.9,"episodes":[null],"median":null}]},` +
		`"falling_share":{"mean":0,"ci95":null,"values":[0]},"longest_stagnation":{"mean":0,"ci95":null,"values":[0]},` +
		`"entropy_bounds":{"min":{"mean":1,"ci95":null,"values":[1]},"max":{"mean":2,"ci95":null,"values":[2]}},"kl_bounds":null,` +
		`"reward_distribution":{"start":null,"end":null},"distinct_answers":null,"distinct_references":null,"distinct_within":null,"pairs_within":0,` +
		`"collapsed_seeds":[],"top_answer":null,"by_kl":[],"episodes_per_second":50,"equal_seconds":null}],"comparisons":[],"improvements":[],` +
		`"profiles":{"thresholds":[0,0.05,0.1,0.15,0.2,0.25,0.3,0.35,0.4,0.45,0.5,0.55,0.6,0.65,0.7,0.75,0.8,0.85,0.9,0.95,1],` +
		`"arms":[{"reward":"binary","metric":"eval/held_out/exact_match","runs":1,"share":[1,1,1,1,1,1,1,1,1,1,0,0,0,0,0,0,0,0,0,0,0],"lo":null,"hi":null}]},` +
		`"verdict":["binary answers 50.0% of held-out prompts exactly at the end, 0.0% at the start. There is nothing to compare it with: no other arm beside it."],"warnings":[]}`
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("summary.json (-want +got):\n%s", diff)
	}
}

func TestShortRunsStandInNoEndValue(t *testing.T) {
	dir := t.TempDir()
	tiny(t, dir, "pgsrm", 1, 0.5)
	tiny(t, dir, "pgsrm", 2, 0.7)
	path := filepath.Join(dir, "pgsrm", "seed-2", run.MetricsFile)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(text), "\n")
	write(t, path, lines[0]+lines[1]+`{"step":2,"epi`)
	s, err := summarize(dir)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "mean without the short run", s.Arms[0].ExactMatch.HeldOut.Mean, 0.5, 0)
	if len(s.Warnings) != 3 {
		t.Errorf("must warn of the cut line, the missing episodes and the left out run (got %q)", s.Warnings)
	}
}

func TestCollapse(t *testing.T) {
	dir := t.TempDir()
	writeFixture(t, dir, 2)
	s, err := summarize(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, arm := range s.Arms {
		want := 0
		if arm.Reward == "pgsrm-paper" {
			want = 2
		}
		if len(arm.CollapsedSeeds) != want {
			t.Errorf("%s: got collapsed seeds %v, want %d", arm.Reward, arm.CollapsedSeeds, want)
		}
	}
	if last := s.Verdict[len(s.Verdict)-1]; !strings.HasPrefix(last, "pgsrm-paper collapsed in 2 of 2 seeds") || !strings.Contains(last, "“brown”") {
		t.Errorf("got verdict %q", last)
	}
	// References of one text are no collapse.
	r := &Run{}
	for range 10 {
		r.Final = append(r.Final, Answer{Response: "animal", Reference: "animal"})
	}
	if r.collapsed() {
		t.Error("right answers to prompts with one reference are no collapse")
	}
	for i := range 10 {
		r.First = append(r.First, Answer{Response: "", Reference: fmt.Sprint(i)})
	}
	r.Final = r.First
	if r.collapsed() {
		t.Error("a constant answer from the start is no collapse")
	}
	r.Final = nil
	for i := range 10 {
		r.Final = append(r.Final, Answer{Response: "brown", Reference: fmt.Sprint(i)})
	}
	if !r.collapsed() {
		t.Error("another constant answer than at the start is a collapse")
	}
}

func TestVerdictOfWhatIsNotSettled(t *testing.T) {
	dir := t.TempDir()
	for seed, d := range []float64{-0.1, 0.1, 0.05} {
		tiny(t, dir, "binary", seed+1, 0.4)
		tiny(t, dir, "pgsrm", seed+1, 0.4+d)
	}
	s, err := summarize(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Verdict[0]; !strings.HasSuffix(got, "no difference is shown, which does not show that there is none.") || s.Comparisons[0].Holds {
		t.Errorf("got verdict %q", got)
	}
	single := t.TempDir()
	tiny(t, single, "binary", 1, 0.4)
	tiny(t, single, "pgsrm", 1, 0.9)
	if s, err = summarize(single); err != nil {
		t.Fatal(err)
	}
	if got := s.Verdict[0]; !strings.HasSuffix(got, "One seed alone: there is no interval, and this shows nothing yet.") {
		t.Errorf("got verdict %q", got)
	}
}

func TestPrint(t *testing.T) {
	dir := t.TempDir()
	for seed := 1; seed <= 2; seed++ {
		tiny(t, dir, "binary", seed, 0.25)
		tiny(t, dir, "pgsrm", seed, 0.5)
	}
	s, err := summarize(dir)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := s.Print(&b); err != nil {
		t.Fatal(err)
	}
	want := `colors, 100 episodes, mean and 95% interval over 2 seeds
reward  exact train  exact held-out      semantic held-out
pgsrm   –            50.0% [50.0, 50.0]  –
binary  –            25.0% [25.0, 25.0]  –
pgsrm vs binary, held-out: +25.0 points (+25.0 to +25.0), too few seeds
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What the default comparison prints fits a terminal of 80 columns and about twelve
// lines, whatever it found and however long the names and numbers are.
func TestPrintFitsTheTerminal(t *testing.T) {
	wide := func(mean float64) *Estimate {
		return &Estimate{Mean: mean, CI95: &[2]float64{mean - 1, mean + 1}}
	}
	sure := &Estimate{Mean: 1, CI95: &[2]float64{1, 1}} // 100.0% [100.0, 100.0]
	s := Summary{Task: "colors", Episodes: 12800, Warnings: []string{
		"runs/colors/binary/seed-1 and 8 more: before training the child already gives “scarlet” to 70.0% of the prompts", "two", "three", "four",
	}}
	names := []string{"pgsrm", "0.5*exact + 0.25*centered(no_clip) + contrastive(tau=0.1)", "binary"}
	for _, name := range names {
		s.Arms = append(s.Arms, ArmSummary{
			Reward: name, Seeds: []int64{1, 2, 3}, CollapsedSeeds: []int64{1, 2, 3}, TopAnswer: &Top{Share: 1},
			ExactMatch: Splits{sure, sure}, Normalized: &Splits{sure, sure}, Semantic: Splits{wide(-1), wide(-1)},
		})
	}
	for _, name := range names[:2] {
		for _, metric := range compared {
			s.Comparisons = append(s.Comparisons, Comparison{Reward: name, Baseline: "binary", Metric: metric, Seeds: []int64{1, 2, 3}, Difference: wide(-0.5)})
		}
	}
	var b strings.Builder
	if err := s.Print(&b); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	for _, line := range lines {
		if n := utf8.RuneCountInString(line); n > 80 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	if len(lines) > 16+len(names) {
		t.Errorf("%d lines:\n%s", len(lines), b.String())
	}
	for _, want := range []string{
		"pgsrm vs binary, train, norm.: −50.0 points (−150.0 to +50.0), not settled\n", "\nand 2 more warnings in the report\n",
		"\nseeds that collapsed to one answer: pgsrm 3 of 3, 0.5*exa…au=0.1) 3 of 3, binary\n  3 of 3\n",
		"\n0.5*exact + 0.25*centered(no_clip) + contrastive(tau=0.1)\n              100.0% [100.0, 100.0]  100.0% [100.0, 100.0]  −1.000\n",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("must hold %q:\n%s", want, b.String())
		}
	}
}

// Where runs have a normalised exact match it is the headline, and stands beside the
// strict one in the summary, the table and on the terminal.
func TestNormalizedExactMatch(t *testing.T) {
	dir := t.TempDir()
	for reward, right := range map[string]float64{"binary": 0, "pgsrm": 0.75} {
		at := filepath.Join(dir, reward, "seed-1")
		write(t, filepath.Join(at, "config.yaml"), fmt.Sprintf("task: colors\nreward: %s\nseed: 1\nepisodes: 100\n", reward))
		write(t, filepath.Join(at, run.MetricsFile), fmt.Sprintf(`{"step":0,"episode":0,"eval/train/exact_match":0,"eval/train/exact_match_normalized":0.25}
{"step":2,"episode":100,"eval/train/exact_match":0,"eval/train/exact_match_normalized":%g}
`, right))
		write(t, filepath.Join(at, run.CompletionsFile), `{"step":2,"episode":100,"prompt_id":"a","prompt":"p","reference":"cold","response":"\"Cold.\"","finish":"eos","greedy":true,"split":"train","exact_match":false,"exact_match_normalized":true}`+"\n")
	}
	s, err := summarize(dir)
	if err != nil {
		t.Fatal(err)
	}
	arm := s.Arms[0]
	if arm.Reward != "pgsrm" || arm.ExactMatch.Train.Mean != 0 || arm.Normalized == nil || arm.Normalized.Train.Mean != 0.75 || arm.Area.Train.Mean != 0.5 {
		t.Errorf("got %+v", arm)
	}
	if want := "pgsrm answers 75.0% of training prompts exactly after normalisation, binary 0.0%."; len(s.Verdict) != 1 || !strings.HasPrefix(s.Verdict[0], want) {
		t.Errorf("got verdict %q", s.Verdict)
	}
	var b strings.Builder
	if err := s.Print(&b); err != nil {
		t.Fatal(err)
	}
	if want := "pgsrm         0.0%         –               –\n  normalised  75.0%        –\n"; !strings.Contains(b.String(), want) {
		t.Errorf("must hold %q:\n%s", want, b.String())
	}
	rows := s.table()
	if rows[0].Title != "Exact match, normalised, training" || rows[0].Cells[0].Value != "75.0%" || rows[1].Title != "Exact match, training" || rows[1].Cells[0].Value != "0.0%" {
		t.Errorf("got rows %+v", rows[:2])
	}
	data, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if a := data.Groups[0].Arms[1].Runs[0].Final; len(a) != 1 || !a[0].Exact() {
		t.Errorf("the answer is right after normalising (got %+v)", a)
	}
	if v := data.Groups[0].view(0, data.slots(), answerPrompts); v.Cards[0].Value != "75.0%" || len(v.Finals) != 2 || len(v.More) != 0 {
		t.Errorf("got cards %+v, %d end values, %d further charts", v.Cards, len(v.Finals), len(v.More))
	}
	if got := data.Groups[0].curveTiles(data.slots()); len(got) != 0 {
		t.Errorf("the figure has held-out curves alone (got %d)", len(got))
	}
}

// Every class of a comparison has its word.
func TestShortComparison(t *testing.T) {
	three := []int64{1, 2, 3}
	for _, c := range []struct {
		c    Comparison
		want string
	}{
		{Comparison{Reward: "a", Baseline: "b", Metric: exactTrain, Seeds: []int64{1}, Difference: &Estimate{Mean: 0.1}},
			"a vs b, train: +10.0 points, too few seeds"},
		{Comparison{Reward: "a", Baseline: "b", Metric: exactTrain, Seeds: []int64{1, 2}, Difference: &Estimate{Mean: 0.1, CI95: &[2]float64{0.05, 0.15}}},
			"a vs b, train: +10.0 points (+5.0 to +15.0), too few seeds"},
		{Comparison{Reward: "a", Baseline: "b", Metric: exactTrain, Seeds: three, Difference: &Estimate{Mean: 0.1, CI95: &[2]float64{0.1, 0.1 + 1e-12}}},
			"a vs b, train: +10.0 points (+10.0 to +10.0), no spread"},
		{Comparison{Reward: "a", Baseline: "b", Metric: exactHeldOut, Seeds: three, Holds: true, Difference: &Estimate{Mean: 0.1, CI95: &[2]float64{0.05, 0.15}}},
			"a vs b, held-out: +10.0 points (+5.0 to +15.0), better"},
		{Comparison{Reward: "a", Baseline: "b", Metric: semHeldOut, Seeds: three, Holds: true, Difference: &Estimate{Mean: -0.1, CI95: &[2]float64{-0.15, -0.05}}},
			"a vs b, semantic held-out: −0.100 (−0.150 to −0.050), worse"},
		{Comparison{Reward: "a", Baseline: "b", Metric: semTrain, Seeds: three, Difference: &Estimate{Mean: 0, CI95: &[2]float64{-0.1, 0.1}}},
			"a vs b, semantic train: 0.000 (−0.100 to +0.100), not settled"},
	} {
		if got := c.c.short(); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestSeedsText(t *testing.T) {
	for want, arms := range map[string][]ArmSummary{
		"no seeds": nil, "1 seed": {{Seeds: []int64{7}}}, "1 to 3 seeds": {{Seeds: []int64{1}}, {Seeds: []int64{1, 2, 3}}},
	} {
		if got := (Summary{Arms: arms}).seedsText(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// summarize computes summary.json of one task's runs at or below dir.
func summarize(dir string) (Summary, error) {
	data, err := Load(dir)
	if err != nil {
		return Summary{}, err
	}
	if len(data.Groups) != 1 {
		return Summary{}, fmt.Errorf("report: %s must hold runs of one task (got %d tasks)", dir, len(data.Groups))
	}
	return data.Groups[0].Summary(), nil
}
