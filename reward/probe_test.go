package reward

import (
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"pgsrm/embed"
	"pgsrm/task"
)

// By hand: positives .9 and .5, negatives .1 .9 and .2 .6. The positive .9 is
// above three and level with one of four, .5 above two: (3.5+2)/8 = .6875. The
// cluster sums differ from their expectation by +-.1875 and -+.125, so the
// variance is 2*(.0703125/4 + .03125/16 - 2*.046875/8) = 1/64, as if 13.75 pairs
// were independent; Wilson's interval of .6875 in 13.75 is .4261 to .8670.
func TestAUCByHand(t *testing.T) {
	a, ci := auc([]cluster{{pos: []float64{.9}, neg: []float64{.1, .9}}, {pos: []float64{.5}, neg: []float64{.2, .6}}})
	if math.Abs(a-.6875) > 1e-12 || math.Abs(ci[0]-.426119) > 1e-5 || math.Abs(ci[1]-.866991) > 1e-5 {
		t.Errorf("got %v %v", a, ci)
	}
}

func TestAUCEdges(t *testing.T) {
	one, ci := auc([]cluster{{pos: []float64{2}, neg: []float64{1}}, {pos: []float64{3}, neg: []float64{0}}})
	if one != 1 || ci[1] != 1 || ci[0] > .4 || ci[0] < .3 { // two prompts prove little: Wilson 2 of 2
		t.Errorf("perfect: got %v %v", one, ci)
	}
	half, _ := auc([]cluster{{pos: []float64{1, 1}, neg: []float64{1, 1, 1}}})
	if half != .5 {
		t.Errorf("all level: got %v", half)
	}
	if none, _ := auc([]cluster{{pos: []float64{1}}}); !math.IsNaN(none) {
		t.Errorf("no negatives: got %v", none)
	}
}

// The area is the count over all pairs, whatever the order of the clusters.
func TestAUCCountsPairs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		level := rapid.Map(rapid.IntRange(0, 6), func(i int) float64 { return float64(i) })
		clusters := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) cluster {
			return cluster{rapid.SliceOfN(level, 0, 4).Draw(t, "pos"), rapid.SliceOfN(level, 0, 4).Draw(t, "neg")}
		}), 1, 6).Draw(t, "clusters")
		var wins, pairs float64
		for _, a := range clusters {
			for _, x := range a.pos {
				for _, b := range clusters {
					for _, y := range b.neg {
						pairs++
						switch {
						case x > y:
							wins++
						case x == y:
							wins += .5
						}
					}
				}
			}
		}
		a, ci := auc(clusters)
		if pairs == 0 {
			if !math.IsNaN(a) {
				t.Fatalf("no pairs: got %v", a)
			}
			return
		}
		if math.Abs(a-wins/pairs) > 1e-9 || !(0 <= ci[0] && ci[0] <= a+1e-9 && a <= ci[1]+1e-9 && ci[1] <= 1) {
			t.Fatalf("got %v %v, want %v", a, ci, wins/pairs)
		}
	})
}

// references are the answers of the built-in parent.
func references(t *task.Task) map[string]string {
	out := map[string]string{}
	for _, it := range t.Items {
		out[it.ID] = it.Reference
	}
	return out
}

// With the built-in embedder every task's related answers stand out from
// unrelated ones, and the reward named pgsrm has no profitable constant answer.
func TestProbeBuiltin(t *testing.T) {
	if testing.Short() {
		t.Skip("five tasks; TestProbeWithMarker probes one")
	}
	e, err := embed.Open("builtin", embed.Options{})
	if err != nil {
		t.Fatal(err)
	}
	checkProbes(t, e, map[string]float64{"colors": .9, "opposites": .9, "categories": .9, "copy": .9, "sentiment": .9})
}

// MiniLM knows colors less well: the figure is what was measured, less a margin.
func TestProbeMiniLM(t *testing.T) {
	dir := os.Getenv("PGSRM_MINILM")
	if dir == "" {
		t.Skip("PGSRM_MINILM is not set: the probe with all-MiniLM-L6-v2 was not tested")
	}
	e, err := embed.Open(dir, embed.Options{})
	if err != nil {
		t.Fatal(err)
	}
	checkProbes(t, e, map[string]float64{"colors": .85, "opposites": .95, "categories": .95, "copy": .95, "sentiment": .95})
}

func checkProbes(t *testing.T, e embed.Embedder, least map[string]float64) {
	t.Helper()
	spec, err := Named("pgsrm")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range task.Names() {
		k, err := task.Builtin(name)
		if err != nil {
			t.Fatal(err)
		}
		r, err := Probe(t.Context(), k, references(k), e, spec, nil, Search{})
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: AUC %.3f [%.3f, %.3f], against wrong answers %.3f, constant %q %.2f", name, r.AUC, r.AUCCI95[0], r.AUCCI95[1], r.AUCWrong, r.BestConstant.Answer, r.BestConstant.ShareOfCorrect)
		if r.AUC < least[name] || r.AUCCI95[0] > r.AUC || r.AUCCI95[1] < r.AUC {
			t.Errorf("%s: AUC must be at least %v (got %v %v)", name, least[name], r.AUC, r.AUCCI95)
		}
		word := "good: "
		if r.AUC < goodAUC { // colors with MiniLM
			word = "caution: "
		}
		if !strings.HasPrefix(r.Verdict, word) {
			t.Errorf("%s: %s", name, r.Verdict)
		}
		if r.BestConstant.ShareOfCorrect > safeShare || len(r.Confusions) != probeConfusions || len(r.Failed) > 0 {
			t.Errorf("%s: got %+v", name, r)
		}
	}
}

// A constant answer by hand: with cosine, red earns 1, 0 and .6 for the answers
// red, blue, green, blue 0, 1, .8, and green .6, .8, 1, the most: .8.
func TestBestConstantByHand(t *testing.T) {
	m := mustModel(t, "cosine", &plane{})
	samples := probeSamples(mixing, map[string]string{"1": "red", "2": "blue", "3": "green"})
	got, err := bestConstant(t.Context(), samples, m, m.cal)
	if err != nil || got.Answer != "green" || math.Abs(got.Reward-.8) > 1e-6 || math.Abs(got.ShareOfCorrect-.8) > 1e-6 {
		t.Errorf("got %+v, %v, want green, 0.8", got, err)
	}
	want := []Confusion{{"blue", "green", .8}, {"red", "green", .6}, {"red", "blue", 0}}
	near := cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) < 1e-6 })
	if d := cmp.Diff(want, confusions(m.cal), near); d != "" {
		t.Error(d)
	}
}

// The pairs are accepted answers where there are enough, else inputs, else prompts.
func TestRelatedPairs(t *testing.T) {
	var items []task.Item
	for _, id := range strings.Split("abcdefghijkl", "") {
		items = append(items, task.Item{ID: id, Prompt: "p " + id, Input: "i " + id, Accepted: []string{"also " + id, "REF " + id}})
	}
	answers := map[string]string{}
	for _, it := range items {
		answers[it.ID] = "ref " + it.ID
	}
	for _, want := range []string{"accepted", "input", "prompt"} {
		pairs, kind := relatedPairs(&task.Task{Items: items}, answers)
		if kind != want || len(pairs) != len(items) || pairs[0].reference != "ref a" {
			t.Errorf("%s: got %s, %+v", want, kind, pairs)
		}
		for i := range items {
			switch want {
			case "accepted":
				items[i].Accepted = nil
			case "input":
				items[i].Input = " "
			}
		}
	}
}

func TestProbeErrors(t *testing.T) {
	spec, _ := Named("binary")
	if _, err := Probe(t.Context(), mixing, answers, nil, spec, nil, Search{}); err == nil || err.Error() != "reward: probe needs an embedder" {
		t.Errorf("no embedder: got %v", err)
	}
	_, err := Probe(t.Context(), mixing, answers, &plane{}, spec, nil, Search{})
	if want := `reward: probe of task "mixing" needs related and unrelated answers with vectors (got 0 pairs)`; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("no pairs: got %v, want %s", err, want)
	}
}

func TestVerdict(t *testing.T) {
	for _, c := range []struct {
		auc, wrong, share float64
		failed            int
		want              string
	}{
		{.97, .95, .05, 0, `good: related answers stand out from unrelated ones (AUC 0.97); right answers stand out from wrong ones of the task (AUC 0.95); saying "pink" to every prompt earns 5% of what correct answers earn`},
		{.97, .6, .05, 2, `caution: related answers stand out from unrelated ones (AUC 0.97); the embedder hardly tells right from wrong answers of the task (AUC 0.60), so exact matches must carry the fine signal; saying "pink" to every prompt earns 5% of what correct answers earn; 2 parent answers have no vector`},
		{.8, .8, .47, 0, `danger: related answers stand out only partly from unrelated ones (AUC 0.80); right answers stand out only partly from wrong ones of the task (AUC 0.80); saying "pink" to every prompt earns 47% of what correct answers earn: expect a collapse to one answer`},
		{.5, .95, .2, 0, `danger: the embedder hardly tells related from unrelated answers (AUC 0.50); right answers stand out from wrong ones of the task (AUC 0.95); saying "pink" to every prompt earns 20% of what correct answers earn, which may draw the child to it`},
	} {
		r := ProbeResult{AUC: c.auc, AUCWrong: c.wrong, BestConstant: BestConstant{Answer: "pink", ShareOfCorrect: c.share}, Failed: make([]Failure, c.failed)}
		if got := r.verdict(); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

// The keys of `pgsrm probe --json` are fixed.
func TestProbeKeys(t *testing.T) {
	b, err := json.Marshal(ProbeResult{})
	want := `{"task":"","embedder":"","reward":"","auc":0,"auc_ci95":[0,0],"auc_wrong":0,"auc_wrong_ci95":[0,0],"pairs":"","best_constant":{"answer":"","reward":0,"share_of_correct":0},"unchanged_input":null,"best_padded":null,"range":[0,0],"confusions":null,"counts":{"related":0,"unrelated":0,"wrong":0,"prompts":0},"length_auc":0,"length_auc_ci95":[0,0],"hubness":null,"answers":null,"best_wrong":null,"near_numbers":null,"findings":null,"verdict":""}`
	if err != nil || string(b) != want {
		t.Errorf("got  %s, %v\nwant %s", b, err, want)
	}
}

// A constant answer is an answer, also where the answers of responses and
// references follow a marker.
func TestBestConstantOfExtractedAnswers(t *testing.T) {
	spec, err := ParseSpec("exact")
	if err != nil {
		t.Fatal(err)
	}
	o := task.DefaultAnswerOptions()
	o.After = "####"
	m, err := New(t.Context(), spec, &task.Task{}, nil, nil, o.Matcher())
	if err != nil {
		t.Fatal(err)
	}
	samples := []Sample{{Reference: "1 + 1 #### 2"}, {Reference: "4 - 2 #### 2"}, {Reference: "#### 3"}, {Reference: "4"}}
	best, err := m.BestConstant(t.Context(), samples, []string{"3", "2", "5"})
	if err != nil || best.Answer != "2" || best.Reward != 0.5 || best.Correct != 1 || best.ShareOfCorrect != 0.5 {
		t.Errorf("got %+v, %v", best, err)
	}
}
