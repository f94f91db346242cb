package main

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"pgsrm/bench"
	"pgsrm/eval"
	"pgsrm/parent"
	"pgsrm/reward"
	"pgsrm/task"
)

// printed is what a function prints as text.
func printed(t *testing.T, f func(g *globalOptions) error) string {
	t.Helper()
	var b bytes.Buffer
	if err := f(quiet(&b)); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestPrintBench(t *testing.T) {
	share, allocs := 0.5, 12.0
	got := printed(t, func(g *globalOptions) error {
		return printBench(g, bench.Result{
			Machine: bench.Machine{CPU: "cpu", Kernel: "go", Threads: 2, Peak: 100, Memory: 20},
			Rows: []bench.Row{
				{Name: "step_A_s", Value: 1.5, Unit: "s", ShareOfLimit: &share, Runs: 5, Allocs: &allocs, AllocBytes: &allocs, Target: 2, Peer: 3},
				{Name: "peak", Value: 2, Unit: "GB", Runs: 1, Note: "alone"},
			},
			Phases: []bench.Phase{
				{Shape: "A", Part: "forward", Name: "matmul", Calls: 24, Seconds: 0.25, ShareOfStep: 0.5, GFLOP: 10, ShareOfLimit: 0.4},
				{Shape: "A", Part: "update", Name: "adamw", Calls: 1, Seconds: 0.5, GB: 5, ShareOfLimit: 0.5},
				{Shape: "A", Part: "backward", Name: "between", Seconds: 0.1},
			},
			Skipped: []bench.Skipped{{Name: "row", Reason: "no folder"}},
		})
	})
	want := `cpu, kernel go, 2 threads: 100 GFLOP/s, 20.0 GB/s

row                    value unit      of limit  runs allocations     bytes   target     peer
step_A_s                 1.5 s             0.50     5          12        12        2        3
peak                       2 GB               -     1           -         -        -        -  alone

phase of a step                   calls       ms  of step  of limit
A forward  matmul                    24      250    0.500      0.40    40 GFLOP/s
A update   adamw                      1      500    0.000      0.50  10.0 GB/s
A backward between                    0      100    0.000         -
row: skipped: no folder
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// Beside the rows of a table stand their peers, where these were measured.
func TestPrintBenchPeers(t *testing.T) {
	ratio := 1.5
	got := printed(t, func(g *globalOptions) error {
		return printBench(g, bench.Result{
			Machine: bench.Machine{CPU: "cpu", Kernel: "go", Threads: 2, Peak: 100, Memory: 20},
			Peers:   &bench.Versions{Python: "3.11.7"},
			Rows: []bench.Row{
				{Name: "step_A_s", Value: 2, Unit: "s", Runs: 10, Target: 2, Peer: 3, PeerIs: "PyTorch: torch 2.13.0", Ratio: &ratio},
				{Name: "encode", Value: 2, Unit: "texts/s", Runs: 5, Note: "random weights", NoPeer: "exit status 1: \x1b[31mno"},
			},
		})
	})
	want := `cpu, kernel go, 2 threads: 100 GFLOP/s, 20.0 GB/s
peers: Python 3.11.7

row                    value unit      of limit  runs allocations     bytes   target     peer   ratio  peer is
step_A_s                   2 s                -    10           -         -        2        3    1.50  PyTorch: torch 2.13.0
encode                     2 texts/s          -     5           -         -        -        -       -  none: exit status 1: \x1b[31mno  random weights
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestPrintEvaluation(t *testing.T) {
	got := printed(t, func(g *globalOptions) error {
		return printEvaluation(g, evaluation{
			Result:  eval.Result{ExactMatch: 0.125, Semantic: 0.5, ChrF: 0.25, Distinct1: 0.75, Distinct2: 1, MeanLength: 1.5, N: 8, Failed: 2},
			PassAtK: []eval.Pass{{K: 1, ExactMatch: 0.25}, {K: 16, ExactMatch: 0.5}},
		})
	})
	want := "exact match     12.5%\nsemantic        0.500\nchrF            0.250\ndistinct words  0.750\ndistinct pairs  1.000\nmean length     1.5 words\nanswers         8\nwithout vector  2\npass@1          25.0%\npass@16         50.0%\n"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	three := 0.75
	got = printed(t, func(g *globalOptions) error {
		return printEvaluation(g, evaluation{Result: eval.Result{ExactMatch: 0.125, Normalized: &three}})
	})
	if want := "exact match     12.5%\nnormalised      75.0%\n"; !strings.HasPrefix(got, want) {
		t.Errorf("got\n%s\nwant\n%s first", got, want)
	}
}

func TestPrintProbe(t *testing.T) {
	r := reward.ProbeResult{Task: "colors", Embedder: "builtin", Reward: "pgsrm", AUC: 0.9, AUCCI95: [2]float64{0.8, 1}, AUCWrong: 0.7, AUCWrongCI95: [2]float64{0.6, 0.8}, Verdict: "caution: a; b", Range: [2]float64{-0.25, 1}, Notes: []string{"memory off"},
		Counts: reward.Counts{Related: 9, Unrelated: 80, Wrong: 70}, LengthAUC: 0.5, LengthAUCCI95: [2]float64{0.4, 0.6}, Findings: []reward.Finding{{Level: "good", Text: "a"}, {Level: "caution", Text: "b", Advice: "change it"}, {Level: "caution", Text: "c", Advice: "change it"}}}
	r.BestConstant.Answer, r.BestConstant.Reward, r.BestConstant.ShareOfCorrect = "red", 0.5, 0.25
	got := printed(t, func(g *globalOptions) error { return printProbe(g, r) })
	want := "task colors, embedder builtin, reward pgsrm\n\n" +
		"related against unrelated        AUC 0.900  95% CI 0.800 to 1.000, 9 pairs against 80\n" +
		"right against wrong of the task  AUC 0.700  95% CI 0.600 to 0.800, 9 pairs against 70\n" +
		"the same by length alone         AUC 0.500  95% CI 0.400 to 0.600\n" +
		"best constant answer             \"red\"      earns 0.500, 25% of what correct answers earn\n" +
		"the input unchanged              none       no prompt has an input that is no right answer\n" +
		"best padded answer               none       every padding leaves the answers right\n" +
		"rewards                          -0.25 to 1\n" +
		"note                             memory off\n\nverdict: caution\n  good      a\n  caution   b\n  caution   c\nwhat to change\n  - change it\n"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	r.Unchanged = &reward.UnchangedInput{Reward: 0.125, ShareOfCorrect: 0.15, Prompts: 8, HalfPaid: 0.5}
	r.BestPadded = &reward.BestPadded{Template: `"X" is`, Reward: 0.45, ShareOfCorrect: 0.5}
	got = printed(t, func(g *globalOptions) error { return printProbe(g, r) })
	want = "the input unchanged              at 8 prompts  earns 0.125, 15%, and half or more at 50% of these prompts\n" +
		"best padded answer               \"X\" is        earns 0.450, 50%, X being the right answer, cut by the limit\n"
	if !strings.Contains(got, want) {
		t.Errorf("got\n%s\nwant in it\n%s", got, want)
	}
	r.Hubness = &reward.Hubness{Skew: 1.5, Answers: 4, Hub: "no", Nearest: 1, Occurrences: 3}
	r.Answers = []reward.Tried{
		{Kind: "negated", Example: "not \n red", Prompts: 8, ShareOfCorrect: 0.5, CI95: &[2]float64{0.25, 0.75}},
		{Kind: "truncated", Example: strings.Repeat("re", 40), Prompts: 1, ShareOfCorrect: 0.125}, {Kind: "quoted", Right: 8}, {Kind: "echoed"},
	}
	r.BestWrong = &reward.BestWrong{Tried: reward.Tried{Kind: "wrong", Example: "x", Prompts: 2, ShareOfCorrect: 1, CI95: &[2]float64{0.5, 1}}, Examples: []reward.WrongAnswer{{Reference: "red", Answer: "x\x1b[m", Reward: 0.25}}}
	r.Numbers = &reward.NearNumbers{Share: 1, Prompts: 3, Reward: 0.25, ShareOfCorrect: 0.5, CI95: &[2]float64{0.4, 0.6}, Cosine: 0.75, CosineCI95: &[2]float64{0.7, 0.8}, Between: 0.25}
	got = printed(t, func(g *globalOptions) error { return printProbe(g, r) })
	for _, want := range []string{
		`skew 1.50      of 4 answers; "no" is among the 1 nearest of 3` + "\n",
		"at 3 prompts   earn 0.250, 50% (40% to 60%); cosine 0.75 (0.70 to 0.80), any two answers 0.25\n",
		"answers that are not right  share of a right one      95% CI       prompts  as in\n",
		"  negated                   50%                       25% to 75%   8        not red\n",
		"  its first half            12%                                    1        " + strings.Repeat("re", 29) + "r…\n",
		"  the right answer in quotes  right at all 8 prompts\n",
		"  best of the search          100%                    50% to 100%  2        x\n",
		"    found                     0.250                   x\\x1b[m     for red\n",
	} {
		if !strings.Contains(strings.Join(strings.Fields(got), " "), strings.Join(strings.Fields(want), " ")) {
			t.Errorf("got\n%s\nwant in it\n%s", got, want)
		}
	}
	if strings.Contains(got, "behind the prompt") {
		t.Errorf("what was not tried: got\n%s", got)
	}
}

func TestPrintPlan(t *testing.T) {
	plan := parent.Plan{Prompts: 10, Requests: 8, Known: 3, TokensSent: 100, TokensReceived: 50, Cost: 0.25, CostMost: 1}
	got := printed(t, func(g *globalOptions) error { return printPlan(g, plan) })
	want := "prompts            10\nrequests           8\n  in the cache     3\ntokens sent        about 100\ntokens received    about 50\ncost               about 0.25, at most 1\n"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// Only answers to prompts with a reference can agree with it.
func TestAgreement(t *testing.T) {
	items := []task.Item{{Reference: "red"}, {Reference: "blue"}, {}, {Reference: "green", Accepted: []string{"lime"}}, {Reference: "black"}}
	results := []parent.Result{{Answer: "red"}, {Answer: "green"}, {Answer: "x"}, {Answer: "lime"}, {Err: errors.New("away")}}
	if got := agreement(items, results, nil); got != "2 of 3 references" {
		t.Errorf("got %s", got)
	}
}

func TestFailures(t *testing.T) {
	first := errors.New("first")
	n, err := failures([]parent.Result{{}, {Err: first}, {}, {Err: errors.New("second")}})
	if n != 2 || err != first {
		t.Errorf("%d, %v", n, err)
	}
}

func TestSplitOutside(t *testing.T) {
	for list, want := range map[string][]string{
		"a":                               {"a"},
		"pgsrm, binary":                   {"pgsrm", "binary"},
		"contrastive(tau=0.1,k=2),binary": {"contrastive(tau=0.1,k=2)", "binary"},
		"f(g(a,b),c) , d":                 {"f(g(a,b),c)", "d"},
		"a,":                              {"a", ""},
		"a[k=1,l=[2,3]],b[m={x,y}]":       {"a[k=1,l=[2,3]]", "b[m={x,y}]"},
		"a[k=1,b":                         {"a[k=1,b"},
		`f("a,(b"),g( 'c)",d' ),h(i,j)`:   {`f("a,(b")`, `g( 'c)",d' )`, "h(i,j)"},
		`f("\",("),g("a,b`:                {`f("\",(")`, `g("a,b`},
		`f(it's, so),g`:                   {`f(it's, so)`, "g"},
	} {
		if got := splitOutside(list, ","); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", list, got, want)
		}
	}
}

func TestCutSettings(t *testing.T) {
	for text, want := range map[string][]string{
		"binary":                             {"binary"},
		"f(a=1) [ k=1, l = 2 ]":              {"f(a=1)", "k=1", "l = 2"},
		"a[k=1;l=[2,3];m={\"x\":1,\"y\":2}]": {"a", "k=1", "l=[2,3]", `m={"x":1,"y":2}`},
		"a[]":                                {"a", ""},
		`f('[0-9]]')`:                        {`f('[0-9]]')`},
		`f('[(')[k=1]`:                       {`f('[(')`, "k=1"},
		`f([0-9])[k=1]`:                      {`f([0-9])`, "k=1"},
		"[k=1]":                              {"", "k=1"},
		"a[k=1":                              nil, "a[k=1]b": nil, "a[k=1][l=2]": nil, "a[k=(1]": nil, "a[k=1)]": nil,
	} {
		base, settings, err := cutSettings(text)
		if got := append([]string{base}, settings...); (err != nil) != (want == nil) || err == nil && !slices.Equal(got, want) {
			t.Errorf("%q: %q, %v, want %q", text, got, err, want)
		}
	}
}

// A child that names no reference has the parent's answer for the truth.
func TestTruth(t *testing.T) {
	answers := map[string]string{"1": "parent's"}
	if got := truth(task.Item{ID: "1", Reference: "own"}, answers); got != "own" {
		t.Errorf("got %q", got)
	}
	if got := truth(task.Item{ID: "1"}, answers); got != "parent's" {
		t.Errorf("got %q", got)
	}
}

func TestPrintSFT(t *testing.T) {
	half, whole := 0.5, 1.0
	out := sftOutput{Out: "o", Updates: 20, Examples: 3, Loss: 0.1234}
	out.ExactMatch.Before.Train, out.ExactMatch.After.Train = &half, &whole
	got := printed(t, out.print)
	if want := "o: 3 examples, 20 updates, loss 0.123 nats per token\n  train     exact match  50.0% before, 100.0% after\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	out.Normalized = &sftChange{Before: sftMatch{Train: &whole}, After: sftMatch{Train: &whole}}
	if want := got + "  train     normalised  100.0% before, 100.0% after\n"; printed(t, out.print) != want {
		t.Errorf("got %q, want %q", printed(t, out.print), want)
	}
	if strings.Contains(got, "held-out") {
		t.Error("a split without prompts is left out")
	}
}
