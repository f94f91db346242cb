package report

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgsrm/reward"
)

// The page has all numbers, makes no request, and texts of a task stay text.
func TestWriteProbe(t *testing.T) {
	hostile := `<script>alert(1)</script>`
	r := reward.ProbeResult{
		Task: "sums", Reward: hostile, Embedder: "builtin", AUC: .9, AUCCI95: [2]float64{.85, .94}, AUCWrong: .62, LengthAUC: .5, Pairs: "input",
		Counts:  reward.Counts{Related: 40, Unrelated: 300, Wrong: 1500, Prompts: 40},
		Hubness: &reward.Hubness{Skew: 1.25, CI95: &[2]float64{.5, 2}, Answers: 40, Nearest: 10, Hub: hostile, Occurrences: 21},
		Answers: []reward.Tried{
			{Kind: "negated", Example: "-18", Prompts: 40, ShareOfCorrect: .385, CI95: &[2]float64{.37, .4}},
			{Kind: "quoted", Right: 40}, {Kind: "padded"},
		},
		BestWrong:  &reward.BestWrong{Tried: reward.Tried{Kind: "wrong", Prompts: 20, ShareOfCorrect: 1.2, CI95: &[2]float64{-.5, 1.3}}, Examples: []reward.WrongAnswer{{Prompt: "p", Reference: "18", Answer: hostile, Reward: .4}}},
		Numbers:    &reward.NearNumbers{Share: 1, Prompts: 40, Cosine: .75, Between: .57, ShareOfCorrect: .115},
		Confusions: []reward.Confusion{{A: "10", B: "-10", Cosine: 1}},
		Findings:   []reward.Finding{{Level: "good", Text: "fine"}, {Level: "danger", Text: "likeness must fail", Advice: "numeric"}, {Level: "caution", Text: "again", Advice: "numeric"}},
		Verdict:    "danger: likeness must fail",
		Matrix:     reward.Matrix{Texts: []string{"a", hostile}, Answers: []string{"1", "2"}, Cosines: [][]float64{{1, -.2}, {-.001, .5}}},
	}
	path := filepath.Join(t.TempDir(), "probe.html")
	if err := WriteProbe(path, r); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	for _, want := range []string{
		`<span class="level danger">danger</span>`, "40 pairs against 1500", `data-name="share">38.5%</td>`, "37.0% to 40.0%", `data-name="share">right</td>`, "1.250", "cosine <b>0.750</b>", "any two answers 0.570",
		`class="s10 right" title="a / 1: 1.000">1.00</td>`, `<td class="s0" title="a / 2: −0.200">−0.20</td>`, `>0.00</td>`, `left:0%;right:calc(100% - 100%)`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page must hold %s", want)
		}
	}
	if strings.Count(page, "<li>numeric</li>") != 1 {
		t.Error("an advice must stand once")
	}
	for _, bad := range []string{"<script", "http://", "https://", "src=", "%!"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page must not hold %s", bad)
		}
	}
	if err := WriteProbe(filepath.Join(path, "x"), r); err == nil {
		t.Error("a file below a file: no error")
	}
}
