package rl

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// bandit pays 1 for the answer (prompt, prompt+1), a part for either word.
func bandit(prompt int, tokens []int32) float64 {
	var r float64
	if int(tokens[0]) == prompt {
		r += 0.5
	}
	if int(tokens[1]) == prompt+1 {
		r += 0.5
	}
	return r
}

func arms() map[string]func(*Options) string {
	return map[string]func(*Options) string{
		"ppo": func(o *Options) string { o.PPO.KL.Coef = 0; o.PPO.VfCoef = 0.5; return "ppo" },
		"ppo minibatches": func(o *Options) string {
			o.PPO.NumMinibatches, o.PPO.TargetKL, o.PPO.KL.Coef = 4, 0.2, 0.001
			return "ppo"
		},
		"ppo group": func(o *Options) string { o.PPO.Baseline = "group"; o.PPO.Whiten = "none"; return "ppo" },
		"ppo history, kl in the loss": func(o *Options) string {
			o.PPO.Baseline, o.PPO.Whiten = "history", "floor"
			o.PPO.KL.Place, o.PPO.KL.Estimator, o.PPO.KL.Coef = "loss", "k3", 0.001
			return "ppo"
		},
		"ppo maxrl": func(o *Options) string {
			o.PPO.Baseline, o.PPO.Whiten, o.PPO.ScaleRewards = "group", "none", "mean"
			return "ppo"
		},
		"maxrl":      func(o *Options) string { o.GRPO.ScaleRewards = "mean"; return "grpo" },
		"rloo maxrl": func(o *Options) string { o.RLOO.Beta, o.RLOO.ScaleRewards = 0.001, "mean"; return "rloo" },
		"grpo":       func(o *Options) string { return "grpo" },
		"dr_grpo":    func(o *Options) string { o.GRPO.ScaleRewards, o.GRPO.LossType = "none", "dr_grpo"; return "grpo" },
		"rloo":       func(o *Options) string { o.RLOO.Beta = 0.001; return "rloo" },
		"raft":       func(o *Options) string { o.RAFT.Above = 0.4; return "raft" },
		"paper":      func(o *Options) string { o.Paper.Entropy.Coef = 0.001; return "paper" },
	}
}

func TestAlgorithmsSolveABandit(t *testing.T) {
	for name, set := range arms() {
		t.Run(name, func(t *testing.T) {
			o := DefaultOptions()
			a, err := New(set(&o), o)
			if err != nil {
				t.Fatal(err)
			}
			p := newToy(4, 2, 6)
			rng := rand.New(rand.NewPCG(1, 2))
			lr, updates := 2.0, 400
			if name == "paper" { // no clip holds it back, and its critic starts at 0
				lr, updates = 0.3, 1000
			}
			for i := range updates {
				b := p.rollout(8, bandit, rng)
				m, err := a.Update(p, b, Step{Index: i, LR: lr, RNG: rng})
				if err != nil {
					t.Fatal(err)
				}
				for name, v := range m {
					if !Known(name) || !isFinite(v) {
						t.Fatalf("metric %s = %v: must be finite and in the table", name, v)
					}
				}
				if d, ok := m["pgsrm/first_ratio_max_dev"]; !ok || d != 0 {
					t.Fatalf("first ratio deviates by %v", d)
				}
			}
			for prompt := range 4 {
				if c := p.chance(prompt, prompt, prompt+1); c < 0.8 {
					t.Errorf("prompt %d: chance of the best answer %.3f, want at least 0.8", prompt, c)
				}
			}
		})
	}
}

// trained are the algorithms that train, all without training.
func trained() []string {
	return slices.DeleteFunc(Algorithms(), func(name string) bool { return name == "none" })
}

// all are the defaults, with raft keeping every answer.
func all() Options {
	o := DefaultOptions()
	o.RAFT.Keep, o.RAFT.Above = 100, -1
	return o
}

func TestDroppedRolloutChangesNothing(t *testing.T) {
	for _, name := range Algorithms() {
		a, _ := New(name, DefaultOptions())
		p := newToy(2, 2, 3)
		b := p.rollout(2, bandit, rand.New(rand.NewPCG(1, 1)))
		for i := range b.Samples {
			b.Samples[i] = Sample{Dropped: true, Reward: math.NaN(), Prompt: -7}
		}
		m, err := a.Update(p, b, Step{})
		if err != nil || p.forwards != 0 || name != "sft" && m["pgsrm/dropped"] != 4 {
			t.Errorf("%s: metrics %v, error %v, %d forwards", name, m, err, p.forwards)
		}
	}
}

func TestNonFinite(t *testing.T) {
	spoil := map[string]func(b *Batch){
		"reward": func(b *Batch) { b.Samples[1].Reward = math.NaN() },
		"value":  func(b *Batch) { b.Samples[1].Values[0] = float32(math.Inf(1)) },
		"ref":    func(b *Batch) { b.Samples[1].RefLogProbs[1] = float32(math.Inf(-1)) },
	}
	for what, f := range spoil {
		o := DefaultOptions()
		a, _ := New("ppo", o)
		p := newToy(2, 2, 3)
		b := p.rollout(2, bandit, rand.New(rand.NewPCG(1, 1)))
		f(b)
		before := p.chance(0, 0, 0)
		_, err := a.Update(p, b, Step{Index: 3, LR: 1})
		var nf *NonFiniteError
		if !errors.As(err, &nf) || nf.Step != 3 || p.chance(0, 0, 0) != before {
			t.Errorf("%s: error %v, weights changed: %v", what, err, p.chance(0, 0, 0) != before)
		}
	}
}

func TestFirstRatioMustBeOne(t *testing.T) {
	for _, name := range trained() {
		a, _ := New(name, all())
		p := newToy(2, 2, 3)
		b := p.rollout(2, bandit, rand.New(rand.NewPCG(1, 1)))
		b.Samples[2].LogProbs[1] = math.Nextafter32(b.Samples[2].LogProbs[1], 0)
		_, err := a.Update(p, b, Step{LR: 1})
		var re *ratioError
		if !errors.As(err, &re) || re.Sample != 2 || re.Token != 1 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The metric is measured, on the log-probabilities that the update's own forward
// gives: two of them tampered with show as the larger deviation.
func TestFirstRatioIsMeasured(t *testing.T) {
	for _, name := range trained() {
		a, _ := New(name, all())
		p := newToy(2, 2, 3)
		b := p.rollout(2, bandit, rand.New(rand.NewPCG(1, 1)))
		old := b.Samples[1].LogProbs[0]
		b.Samples[1].LogProbs[0] += 0.5  // ratio e^-0.5, deviation 0.39
		b.Samples[2].LogProbs[1] -= 0.25 // ratio e^0.25, deviation 0.28
		want := 1 - math.Exp(float64(old)-float64(b.Samples[1].LogProbs[0]))
		m, err := a.Update(p, b, Step{LR: 1})
		var re *ratioError
		if !errors.As(err, &re) || re.Sample != 1 || re.Token != 0 {
			t.Errorf("%s: must name the first token that differs (got %v)", name, err)
		}
		if got := m["pgsrm/first_ratio_max_dev"]; math.Abs(got-want) > 1e-12 {
			t.Errorf("%s: got a deviation of %v, want %v", name, got, want)
		}
	}
}

func TestEarlyStop(t *testing.T) {
	o := DefaultOptions()
	o.PPO.Baseline, o.PPO.KL.Coef, o.PPO.TargetKL = "group", 0, 0.02
	b := &Batch{Prompts: 1, G: 2, Samples: []Sample{
		{Tokens: []int32{1}, LogProbs: []float32{-1}, Reward: 1}, {Tokens: []int32{2}, LogProbs: []float32{-2}},
	}}
	p := &script{}
	for _, d := range []float32{0, 0.125, 0.25} { // approxkl 0, 0.0078, 0.031
		p.evals = append(p.evals, Eval{LogProbs: []float32{-1 + d, -2 - d}, Entropy: []float32{1, 1}})
	}
	a, _ := New("ppo", o)
	m, err := a.Update(p, b, Step{})
	if err != nil || len(p.grads) != 2 || m["pgsrm/steps"] != 2 || m["pgsrm/early_stop"] != 1 {
		t.Errorf("%d steps, metrics %v, error %v", len(p.grads), m, err)
	}
}

func TestValueWarmup(t *testing.T) {
	o := DefaultOptions()
	o.PPO.ValueWarmup, o.PPO.NumPPOEpochs, o.PPO.Entropy.Coef = 3, 1, 0.01
	for step, moves := range map[int]bool{0: false, 2: false, 3: true} {
		a, _ := New("ppo", o)
		b := newToy(2, 2, 3).rollout(2, bandit, rand.New(rand.NewPCG(1, 1)))
		p := newToy(2, 2, 3)
		p.samples = b.Samples
		if _, err := a.Update(p, b, Step{Index: step, LR: 1}); err != nil {
			t.Fatal(err)
		}
		moved := math.Abs(p.chance(0, 0, 0)-1.0/9) > 1e-9
		if moved != moves || p.values[1][1] == 0 {
			t.Errorf("update %d: policy moved: %v, want %v; value %v", step, moved, moves, p.values[1][1])
		}
	}
}

// steepPolicy reports a gradient norm that is not finite, as the optimiser does.
type steepPolicy struct{ *toy }

func (steepPolicy) Step(float64, float64) float64 { return math.Inf(1) }

func TestNonFiniteGradient(t *testing.T) {
	for _, name := range trained() {
		a, _ := New(name, all())
		p := steepPolicy{newToy(2, 2, 3)}
		_, err := a.Update(p, p.rollout(2, bandit, rand.New(rand.NewPCG(1, 1))), Step{Index: 8})
		if err == nil || err.Error() != "rl: update 8: pgsrm/grad_norm must be finite (got +Inf)" {
			t.Errorf("%s: %v", name, err)
		}
	}
}
