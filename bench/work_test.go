package bench

import (
	"errors"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"pgsrm/lm"
	"pgsrm/tokenizer"
)

// The gradient of PPO's loss: that of the ratio, none where it is clipped against the advantage; the entropy's everywhere.
func TestStepGradients(t *testing.T) {
	s, _ := tiny()
	w, err := newStepper(s, nil, true)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.forward(); err != nil {
		t.Fatal(err)
	}
	n := float64(s.batch * s.response)
	for k, ratio := range map[float64]map[float64]float64{ // advantage -> ratio -> gradient times n
		1:  {1: -1, 1.1: -1.1, 1.25: 0, 1.5: 0, 0.5: -0.5},
		-2: {1: 2, 1.5: 3, 0.9: 1.8, 0.75: 0, 0.5: 0},
	} {
		for r, want := range ratio {
			w.adv = slices.Repeat([]float64{k}, s.batch)
			w.old = slices.Clone(w.scores.LogProb)
			for i := range w.old {
				w.old[i] -= float32(math.Log(r))
			}
			if err := w.backward(); err != nil {
				t.Fatal(err)
			}
			for i := range w.grads.LogProb {
				if got := float64(w.grads.LogProb[i]) * n; math.Abs(got-want) > 1e-5 {
					t.Fatalf("advantage %v, ratio %v: got %v, want %v", k, r, got, want)
				}
				if got := float64(w.grads.Entropy[i]) * n; math.Abs(got+entropyCoef) > 1e-7 {
					t.Fatalf("entropy: got %v, want %v", got, -entropyCoef)
				}
			}
		}
	}
}

// A step scores each response token with the advantage of its sample and moves the weights; the ratio is one in the first.
func TestStep(t *testing.T) {
	s, _ := tiny()
	w, err := newStepper(s, nil, true)
	if err != nil {
		t.Fatal(err)
	}
	head := w.m.Params()[0]
	before := slices.Clone(head.Value)
	if err := w.step(); err != nil {
		t.Fatal(err)
	}
	if slices.Equal(before, head.Value) || w.opt.Steps != 1 {
		t.Errorf("weights must move (%d steps)", w.opt.Steps)
	}
	for k, target := range w.targets {
		i, at := k/s.response, s.prompt+k%s.response
		if target.Token != w.seqs[i][at] {
			t.Errorf("target %d: got token %d, want %d", k, target.Token, w.seqs[i][at])
		}
		if got, want := float64(w.grads.LogProb[k])*float64(len(w.targets)), -w.adv[i]; math.Abs(got-want) > 1e-5 {
			t.Errorf("target %d: got gradient %v, want %v", k, got, want)
		}
	}
	old := slices.Clone(w.old)
	if err := w.step(); err != nil || !slices.Equal(old, w.old) {
		t.Errorf("old log-probabilities must be those of the first step (%v)", err)
	}
}

func TestFinite(t *testing.T) {
	if err := finite("x", 1); err != nil {
		t.Error(err)
	}
	for _, x := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		if err := finite("norm", x); !hasPrefix(err, "bench: norm must be finite (got ") {
			t.Errorf("got %v", err)
		}
	}
}

// An iteration makes one update; its reward is the share of even tokens.
func TestIteration(t *testing.T) {
	if got := shareOfEven([]int32{2, 3, 4, 6}); got != 0.75 {
		t.Errorf("reward: got %v, want 0.75", got)
	}
	s, _ := tiny()
	for name, g := range map[string]int{"ppo": 1, "grpo": s.group, "rloo": s.group} {
		it, err := newIteration(s, nil, name, g)
		if err != nil {
			t.Fatal(err)
		}
		if !it.needs.Reference {
			t.Errorf("%s: must be held to the reference", name)
		}
		w := it.work()
		for i := range 2 {
			w.prepare()
			if len(it.prompts) != s.batch/g {
				t.Errorf("%s: got %d prompts, want %d", name, len(it.prompts), s.batch/g)
			}
			if err := w.run(); err != nil || it.index != i+1 || it.policy.Optimizer.Steps != i+1 {
				t.Errorf("%s: got %d updates of %d iterations: %v", name, it.policy.Optimizer.Steps, it.index, err)
			}
		}
		if len(w.limit) != len(s.iterationCost(g)) {
			t.Errorf("%s: must have the cost of groups of %d", name, g)
		}
	}
	if _, err := newIteration(s, nil, "nosuch", 1); err == nil {
		t.Error("an unknown algorithm was accepted")
	}
}

// Random sequences share nothing, prompts all but their last tokens, and every row sees the same ones.
func TestInputs(t *testing.T) {
	s, _ := tiny()
	seqs := s.random(newRand(1), 50, 7)
	first := map[int32]bool{}
	for _, q := range seqs {
		if first[q[0]] = true; len(q) != 7 || slices.Max(q) >= int32(s.vocab) {
			t.Errorf("got %v", q)
		}
	}
	if len(seqs) != 50 || len(first) != 50 {
		t.Errorf("got %d sequences with %d beginnings, want 50", len(seqs), len(first))
	}
	prompts := s.prompts(newRand(1), 20)
	shared := s.prompt - s.ownTokens
	own := map[int32]bool{}
	for _, q := range prompts {
		if len(q) != s.prompt || !slices.Equal(q[:shared], prompts[0][:shared]) {
			t.Errorf("got %v, want the beginning of %v", q, prompts[0])
		}
		own[q[shared]] = true
	}
	if len(own) < 5 {
		t.Error("prompts must differ after what they share")
	}
	if x := normal(3, 10_000); !slices.Equal(x, normal(3, 10_000)) || slices.Equal(x, normal(4, 10_000)) || math.Abs(deviation(x)-0.02) > 0.001 {
		t.Errorf("random numbers: got deviation %v, want 0.02", deviation(x))
	}
}

func deviation(x []float32) float64 {
	var sum float64
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum / float64(len(x)))
}

// A word of the texts is one token, beside those that BERT puts around a text.
func TestTexts(t *testing.T) {
	e := encoderShape{1, 16, 2, 40}
	text, err := e.tokenizer()
	if err != nil {
		t.Fatal(err)
	}
	tok, err := tokenizer.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	list := texts(newRand(4), 30, 12)
	if len(list) != 30 || list[0] == list[1] {
		t.Errorf("got %d texts: %q", len(list), list[:2])
	}
	for _, text := range list {
		ids := tok.EncodeSpecial(text)
		if n := len(strings.Fields(text)); n != 12 || len(ids) != 12+around || slices.Contains(ids, 1) {
			t.Errorf("%q: got %d words, tokens %v", text, n, ids)
		}
	}
}

// Every batch has its cost, the last one that of the texts that are left; each token attends to its whole text.
func TestEncodeCost(t *testing.T) {
	s := shape{layers: 2, width: 10}
	got := s.encodeCost(encoding{texts: 10, words: 3, batch: 4})
	var want []cost
	for _, n := range []float64{4, 4, 2} {
		tokens := n * (3 + around)
		want = append(want, cost{flops: 2*2400*tokens + 4*10*2*tokens*(3+around)})
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// One encoder serves all rows; a folder of the user is not said to have random weights.
func TestOpenEncoder(t *testing.T) {
	s, _ := newFake(t, Options{Repeat: 1}, 0)
	sh := encoderShape{1, 16, 2, 40}
	e, err := s.openEncoder(sh)
	if err != nil || e.note != "random weights" || e.shape.layers != 1 || e.shape.width != 16 {
		t.Fatalf("got %+v, %v", e, err)
	}
	if again, _ := s.openEncoder(sh); again != e {
		t.Error("the encoder must be made once")
	}
	if w := e.work(encoding{5, 2, 2}); w.note != e.note || len(w.limit) != 3 || w.run() != nil {
		t.Errorf("got %+v", w)
	}
	dir := t.TempDir() + "/encoder"
	if err := sh.save(dir); err != nil {
		t.Fatal(err)
	}
	other, _ := newFake(t, Options{Encoder: dir}, 0)
	if e, err := other.openEncoder(encoderShape{}); err != nil || e.note != "" || e.shape.width != 16 {
		t.Errorf("a folder: got %+v, %v", e, err)
	}
	missing, _ := newFake(t, Options{Encoder: dir + "/none"}, 0)
	if _, err := missing.openEncoder(sh); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no folder: got %v", err)
	}
}

// The program is called by its own name; what it prints on stderr is in the error.
func TestCall(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s, _ := newFake(t, Options{Repeat: 1}, 0)
	var reason skip
	if _, err := s.call(t.Context(), "version"); !errors.As(err, &reason) {
		t.Errorf("without a program: got %v", err)
	}
	s.Self = []string{self, "-first"}
	t.Setenv(helper, "talks")
	if out, err := s.call(t.Context(), "version"); out != "so much" || err != nil {
		t.Errorf("got %q, %v", out, err)
	}
	sh, _ := tiny()
	if _, err := memory("peak_memory_B_gb", steps(sh), sh.trainingBytes()).measure(t.Context(), s); err == nil || err.Error() != `output must be a number (got "so much")` {
		t.Errorf("got %v", err)
	}
	t.Setenv(helper, "fails")
	if _, err := s.call(t.Context(), "bench", "--here"); err == nil || err.Error() != "bench --here: exit status 4: out of order" {
		t.Errorf("got %v", err)
	}
}

// The limit of memory is weights, gradients and two moments.
func TestMemoryRow(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(helper, "1")
	s, _ := newFake(t, Options{}, 0)
	s.Self = []string{self}
	sh, _ := tiny()
	row, err := memory("peak_memory_B_gb", steps(sh), sh.trainingBytes()).measure(t.Context(), s)
	m, _ := lm.New(sh.config())
	want := 16 * float64(m.NumParams()) / 1e9
	if err != nil || row.Runs != 1 || !near(*row.Limit, want) || !near(*row.ShareOfLimit, want/row.Value) || row.Best != row.Value {
		t.Errorf("got %+v, %v, want limit %v", row, err, want)
	}
	if _, err := PeakMemory("step_A_s", 1); err == nil || err.Error() != `bench: row must measure memory (got "step_A_s")` {
		t.Errorf("got %v", err)
	}
}

// Rows come in the order of the table whatever the order of names, an error names its row, and what cannot be measured is said.
func TestMeasureRows(t *testing.T) {
	plan := tinyPlan()
	if got := namesOf(plan.chosen([]string{"start_s", "step_B_s", "step_A_s"})); !slices.Equal(got, []string{"step_A_s", "step_B_s", "start_s"}) {
		t.Errorf("got %q", got)
	}
	if got := plan.chosen(nil); len(got) != len(plan.rows) {
		t.Errorf("got %d rows, want all", len(got))
	}
	res, err := run(t.Context(), Options{Repeat: 1, Threads: 1, Only: []string{"start_s", "gemm_mlp_gflops"}, Phases: true}, plan)
	if err != nil || len(res.Rows) != 1 || len(res.Phases) != 0 || !slices.Equal(res.Skipped, []Skipped{{"start_s", "needs a process of its own"}}) {
		t.Errorf("got %+v, %v", res, err)
	}
	if r := res.Rows[0]; r.Name != "gemm_mlp_gflops" || r.Unit != "GFLOP/s" || r.Target != 300 || r.Peer != 315 {
		t.Errorf("got %+v", r)
	}
	if _, err := run(t.Context(), Options{Repeat: 1, Threads: 1, Encoder: "none", Only: []string{"encode_2w_per_s"}}, plan); !hasPrefix(err, "encode_2w_per_s: ") {
		t.Errorf("got %v", err)
	}
}
