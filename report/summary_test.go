package report

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tiny writes a run of two evaluations with the given exact match at the end.
func tiny(t *testing.T, dir, reward string, seed int, exact float64) {
	t.Helper()
	run := filepath.Join(dir, reward, fmt.Sprintf("seed-%d", seed))
	write(t, filepath.Join(run, "config.yaml"), fmt.Sprintf("task: colors\nreward: %s\nseed: %d\nepisodes: 100\n", reward, seed))
	write(t, filepath.Join(run, metricsFile), fmt.Sprintf(
		"{\"step\":0,\"episode\":0,\"eval/held_out/exact_match\":0}\n{\"step\":1,\"episode\":50,\"reward\":0.1,\"objective/entropy\":2}\n{\"step\":2,\"episode\":100,\"reward\":0.2,\"objective/entropy\":1,\"eval/held_out/exact_match\":%g}\n", exact))
	write(t, filepath.Join(run, "timings.jsonl"), "{\"step\":1,\"episode\":50,\"seconds\":1}\n{\"step\":2,\"episode\":100,\"seconds\":1}\n")
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
	s, err := Summarize(dir)
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
	if want := "The interval leaves out zero: the lead holds."; len(s.Verdict) != 1 || !strings.HasSuffix(s.Verdict[0], want) {
		t.Errorf("got verdict %q", s.Verdict)
	}
}

// The keys of summary.json are fixed.
func TestSummaryKeys(t *testing.T) {
	dir := t.TempDir()
	tiny(t, dir, "binary", 1, 0.5)
	s, err := Summarize(dir)
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
		`"falling_share":{"mean":0,"ci95":null,"values":[0]},"longest_stagnation":{"mean":0,"ci95":null,"values":[0]},` +
		`"collapsed_seeds":[],"top_answer":null,"episodes_per_second":50}],"comparisons":[],` +
		`"verdict":["binary answers 50.0% of held-out prompts exactly at the end, 0.0% at the start. There is nothing to compare it with: no other arm beside it."],"warnings":[]}`
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("summary.json (-want +got):\n%s", diff)
	}
}

func TestShortRunsStandInNoEndValue(t *testing.T) {
	dir := t.TempDir()
	tiny(t, dir, "pgsrm", 1, 0.5)
	tiny(t, dir, "pgsrm", 2, 0.7)
	path := filepath.Join(dir, "pgsrm", "seed-2", metricsFile)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(text), "\n")
	write(t, path, lines[0]+lines[1]+`{"step":2,"epi`)
	s, err := Summarize(dir)
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
	s, err := Summarize(dir)
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
	s, err := Summarize(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Verdict[0]; !strings.HasSuffix(got, "no difference is shown, which does not show that there is none.") || s.Comparisons[0].Holds {
		t.Errorf("got verdict %q", got)
	}
	single := t.TempDir()
	tiny(t, single, "binary", 1, 0.4)
	tiny(t, single, "pgsrm", 1, 0.9)
	if s, err = Summarize(single); err != nil {
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
	s, err := Summarize(dir)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := s.Print(&b); err != nil {
		t.Fatal(err)
	}
	want := `colors, 100 episodes, mean and 95% interval over seeds

reward   seeds   exact held-out         exact train   semantic held-out   entropy             KL
pgsrm    2       50.0% [50.0%, 50.0%]   –             –                   1.00 [1.00, 1.00]   –
binary   2       25.0% [25.0%, 25.0%]   –             –                   1.00 [1.00, 1.00]   –

pgsrm answers 50.0% of held-out prompts exactly, binary 25.0%: a difference of +25.0 points (95% interval +25.0 to +25.0), above in 2 and below in 0 of 2 seeds. The interval leaves out zero: the lead holds.
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
