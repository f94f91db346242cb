package rl

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgsrm/lm"
)

var testPrompts = [][]int32{{3, 4, 5, 6}, {3, 4, 5, 7}, {3, 4, 8}, {9}} // [P], prefixes shared

func testModel(t *testing.T) *lm.Model {
	cfg := lm.GPT2(2, 16, 2, 13, 16)
	cfg.EOS = 0
	m, err := lm.NewRandom(cfg, 5)
	if err != nil {
		t.Fatal(err)
	}
	m.ValueHead(false)
	return m
}

func roll(t *testing.T, m *lm.Model, opt lm.SampleOptions, g int, seed uint64) Rollout {
	s := m.NewState(true)
	gens, err := m.Generate(s, testPrompts, g, opt, func(p, k int) *rand.Rand {
		return rand.New(rand.NewPCG(seed, uint64(p*g+k)))
	})
	if err != nil {
		t.Fatal(err)
	}
	return Rollout{State: s, Prompts: testPrompts, G: g, Generations: gens, Temperature: opt.Temperature}
}

func eachSampler(t *testing.T, f func(t *testing.T, opt lm.SampleOptions)) {
	for name, opt := range map[string]lm.SampleOptions{
		"whole vocabulary": {Temperature: 1, MaxNewTokens: 5},
		"temperature":      {Temperature: 0.7, MaxNewTokens: 5},
		"top-k":            {Temperature: 1, TopK: 4, MaxNewTokens: 5},
		"top-p":            {Temperature: 1.3, TopP: 0.7, MaxNewTokens: 5},
	} {
		t.Run(name, func(t *testing.T) { f(t, opt) })
	}
}

func gradients(m *lm.Model) []float32 {
	var out []float32
	for _, p := range m.Params() {
		g := make([]float32, p.K*p.N)
		p.GetGrad(g, false)
		out = append(out, g...)
	}
	return out
}

// The rollout's rows and a tree packed anew give the same bits forward, and the
// same gradient but for the order of sums, for all samples and for some of them.
func TestRolloutRowsAreTheTrainingForward(t *testing.T) {
	eachSampler(t, func(t *testing.T, opt lm.SampleOptions) {
		m := testModel(t)
		p := &ModelPolicy{Model: m, Optimizer: lm.NewAdamW()}
		some := []int{11, 0, 3, 4, 7, 8, 9, 10} // two thirds, in any order
		few := []int{10, 2, 5}
		for _, chosen := range [][]int{{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, some, few} {
			samples, err := p.Begin(roll(t, m, opt, 3, 1))
			if err != nil {
				t.Fatal(err)
			}
			e := p.Forward(chosen)
			if want := len(chosen) > 3; p.reused != want {
				t.Fatalf("%d samples: reused %v, want %v", len(chosen), p.reused, want)
			}
			var old, values []float32
			for _, i := range chosen {
				old, values = append(old, samples[i].LogProbs...), append(values, samples[i].Values...)
			}
			if !slices.Equal(e.LogProbs, old) || !slices.Equal(e.Values, values) {
				t.Fatalf("%d samples: evaluation is not the sampler's, bit for bit", len(chosen))
			}
			e = Eval{LogProbs: slices.Clone(e.LogProbs), Entropy: slices.Clone(e.Entropy), Values: slices.Clone(e.Values)}
			g := Grad{}
			rng := rand.New(rand.NewPCG(2, 2))
			for range e.LogProbs {
				g.LogProbs, g.Entropy, g.Values = append(g.LogProbs, rng.Float32()-0.5), append(g.Entropy, rng.Float32()-0.5), append(g.Values, rng.Float32()-0.5)
			}
			p.Backward(g)
			first := gradients(m)
			m.ZeroGrad()

			p.fresh = false // as after a step, but with the same weights
			again := p.Forward(chosen)
			if p.reused || !slices.Equal(again.LogProbs, e.LogProbs) || !slices.Equal(again.Entropy, e.Entropy) || !slices.Equal(again.Values, e.Values) {
				t.Fatalf("%d samples: packed anew, other bits", len(chosen))
			}
			p.Backward(g)
			for k, want := range gradients(m) {
				if math.Abs(float64(first[k]-want)) > 1e-5*(1+math.Abs(float64(want))) {
					t.Fatalf("%d samples: gradient %d is %v, packed anew %v", len(chosen), k, first[k], want)
				}
			}
			m.ZeroGrad()
		}
	})
}

// A tree that is packed anew takes the place of the rollout's, so that there is one State with activations.
func TestOneStateForTraining(t *testing.T) {
	m := testModel(t)
	r := roll(t, m, lm.SampleOptions{Temperature: 1, MaxNewTokens: 5}, 3, 1)
	p := &ModelPolicy{Model: m, Optimizer: lm.NewAdamW()}
	if _, err := p.Begin(r); err != nil {
		t.Fatal(err)
	}
	want := m.NewState(true)
	r.build(want, nil, []int{10, 2})
	all := r.State.Rows()
	p.Forward([]int{10, 2})
	if got := r.State.Rows(); got != want.Rows() || got >= all {
		t.Errorf("got %d rows of the rollout's %d, want the %d of two responses", got, all, want.Rows())
	}
}

// A tree that is too large to keep gives the same numbers, rollout after rollout.
func TestReferenceWithoutTree(t *testing.T) {
	m := testModel(t)
	kept, once := NewReference(m.Clone()), NewReference(m.Clone())
	once.limit = 1
	for seed := range uint64(3) {
		r := roll(t, m, lm.SampleOptions{Temperature: 0.9, MaxNewTokens: 5}, 3, seed)
		a, b := make([]Sample, len(r.Generations)), make([]Sample, len(r.Generations))
		for i := range a {
			a[i].Tokens, b[i].Tokens = r.Generations[i].Tokens, r.Generations[i].Tokens
		}
		a[1].Dropped, b[1].Dropped = true, true
		if err := errors.Join(kept.Score(r, a), once.Score(r, b)); err != nil {
			t.Fatal(err)
		}
		for i := range a {
			if !slices.Equal(a[i].RefLogProbs, b[i].RefLogProbs) || (a[i].RefLogProbs == nil) != a[i].Dropped {
				t.Errorf("rollout %d, sample %d: got %v, want %v", seed, i, b[i].RefLogProbs, a[i].RefLogProbs)
			}
		}
		if kept.state.Rows() == 0 || once.state.Rows() != 0 {
			t.Errorf("trees of %d and %d rows, want one that is kept and none", kept.state.Rows(), once.state.Rows())
		}
	}
}

// The first KL to a copy of the model is exactly 0, with truncation and
// temperature too; dropped samples are not scored.
func TestFirstKLIsZero(t *testing.T) {
	eachSampler(t, func(t *testing.T, opt lm.SampleOptions) {
		m := testModel(t)
		ref := m.Clone()
		r := roll(t, m, opt, 2, 1)
		p := &ModelPolicy{Model: m, Optimizer: lm.NewAdamW()}
		samples, err := p.Begin(r)
		if err != nil {
			t.Fatal(err)
		}
		samples[3].Dropped = true
		if err := NewReference(ref).Score(r, samples); err != nil {
			t.Fatal(err)
		}
		for i, s := range samples {
			if s.Dropped && s.RefLogProbs != nil || !s.Dropped && !slices.Equal(s.RefLogProbs, s.LogProbs) {
				t.Errorf("sample %d: reference %v, sampler %v", i, s.RefLogProbs, s.LogProbs)
			}
		}
	})
}

func TestBadRollouts(t *testing.T) {
	ok := lm.Generation{Tokens: []int32{1}}
	for want, r := range map[string]Rollout{
		"rl: rollout must hold 1*2 generations (got 1)":        {Prompts: [][]int32{{1}}, G: 2, Generations: []lm.Generation{ok}, Temperature: 1},
		"rl: temperature of a rollout must be above 0 (got 0)": {Prompts: [][]int32{{1}}, G: 1, Generations: []lm.Generation{ok}},
		"rl: prompt 0 must have a token (got none)":            {Prompts: [][]int32{{}}, G: 1, Generations: []lm.Generation{ok}, Temperature: 1},
		"rl: generation 0 must have a token (got none)":        {Prompts: [][]int32{{1}}, G: 1, Generations: []lm.Generation{{}}, Temperature: 1},
	} {
		_, err := (&ModelPolicy{}).Begin(r)
		if again := (&Reference{}).Score(r, nil); again == nil || again.Error() != want {
			t.Errorf("reference: got %v, want %s", again, want)
		}
		if err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestReferenceNeedsEverySample(t *testing.T) {
	r := Rollout{Prompts: [][]int32{{1}}, G: 1, Generations: []lm.Generation{{Tokens: []int32{1}}}, Temperature: 1}
	const want = "rl: reference must score the rollout's 1 samples (got 0)"
	if err := (&Reference{}).Score(r, nil); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// trainModel runs updates on a tiny model whose reward is the share of tokens
// that equal the prompt's last token, and returns the reward before and after.
func trainModel(t *testing.T, name string, o Options, updates int) (before, after float64, m *lm.Model) {
	m = testModel(t)
	ref := NewReference(m.Clone())
	a, err := New(name, o)
	if err != nil {
		t.Fatal(err)
	}
	p := &ModelPolicy{Model: m, Optimizer: lm.NewAdamW(), ValueLRFactor: 1}
	for i := range updates {
		r := roll(t, m, lm.SampleOptions{Temperature: 1, MaxNewTokens: 3}, 4, uint64(i))
		samples, err := p.Begin(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := ref.Score(r, samples); err != nil {
			t.Fatal(err)
		}
		for k := range samples {
			prompt := testPrompts[samples[k].Prompt]
			for _, token := range samples[k].Tokens {
				if token == prompt[len(prompt)-1] {
					samples[k].Reward += 1.0 / 3
				}
			}
			samples[k].Dropped = rand.New(rand.NewPCG(uint64(i), uint64(k))).IntN(12) == 0
		}
		b := &Batch{Prompts: len(testPrompts), G: 4, MaxNewTokens: 3, Samples: samples, PromptID: []string{"a", "b", "c", "d"}}
		metrics, err := a.Update(p, b, Step{Index: i, LR: 3e-3, RNG: rand.New(rand.NewPCG(9, uint64(i)))})
		if err != nil {
			t.Fatal(err)
		}
		for name := range metrics {
			if !Known(name) {
				t.Errorf("metric %s is not in the table", name)
			}
		}
		if i < 5 {
			before += metrics["reward"] / 5
		}
		if i >= updates-5 {
			after += metrics["reward"] / 5
		}
	}
	return before, after, m
}

func TestAlgorithmsTrainAModel(t *testing.T) {
	minibatches, group := DefaultOptions(), DefaultOptions()
	minibatches.PPO.NumMinibatches = 2
	group.PPO.Baseline = "group"
	for _, c := range []struct {
		title, name string
		o           Options
		updates     int
	}{
		{"ppo", "ppo", DefaultOptions(), 60}, {"ppo, two minibatches", "ppo", minibatches, 60}, {"ppo, group baseline", "ppo", group, 60},
		// one step per rollout instead of four
		{"grpo", "grpo", DefaultOptions(), 200}, {"rloo", "rloo", DefaultOptions(), 200}, {"paper", "paper", DefaultOptions(), 200},
	} {
		t.Run(c.title, func(t *testing.T) {
			before, after, _ := trainModel(t, c.name, c.o, c.updates)
			t.Logf("reward %.3f, then %.3f", before, after)
			if after < before+0.15 {
				t.Errorf("reward %.3f, then %.3f", before, after)
			}
		})
	}
}

func TestSameBitsAgain(t *testing.T) {
	o := DefaultOptions()
	o.PPO.NumMinibatches = 2
	weights := func() []float32 {
		_, _, m := trainModel(t, "ppo", o, 5)
		var all []float32
		for _, p := range m.Params() {
			all = append(all, p.Value...)
		}
		return all
	}
	if !slices.Equal(weights(), weights()) {
		t.Error("two runs with one seed have different weights")
	}
}
