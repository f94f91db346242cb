package rl

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// variants are options that between them reach every branch of the losses.
func variants() map[string]Options {
	v := map[string]Options{}
	add := func(name string, set func(o *Options)) {
		o := DefaultOptions()
		set(&o)
		v[name] = o
	}
	add("ppo value", func(o *Options) { o.PPO.Entropy.Coef = 0.02 })
	add("ppo group", func(o *Options) {
		o.PPO.Baseline, o.PPO.Whiten, o.PPO.KL = "group", "none", KLOptions{Place: "loss", Estimator: "k3", Coef: 0.3, Control: "fixed"}
	})
	add("ppo batch", func(o *Options) {
		o.PPO.Baseline, o.PPO.Whiten, o.PPO.KL = "batch", "floor", KLOptions{Place: "loss", Estimator: "k2", Coef: 0.3, Control: "fixed"}
	})
	add("grpo", func(o *Options) { o.GRPO.Beta, o.GRPO.LossType, o.GRPO.Entropy.Coef = 0.1, "grpo", 0.02 })
	add("grpo dr", func(o *Options) { o.GRPO.LossType, o.GRPO.ScaleRewards = "dr_grpo", "batch" })
	add("rloo", func(o *Options) { o.RLOO.Entropy.Coef = 0.02 })
	add("grpo maxrl", func(o *Options) { o.GRPO.ScaleRewards = "mean" })
	add("rloo maxrl", func(o *Options) { o.RLOO.ScaleRewards = "mean" })
	add("ppo maxrl", func(o *Options) { o.PPO.Baseline, o.PPO.Whiten, o.PPO.ScaleRewards = "group", "none", "mean" })
	add("paper", func(o *Options) { o.Paper.KL.Coef = 0.3 })
	return v
}

func algorithmOf(variant string) string {
	for i, c := range variant {
		if c == ' ' {
			return variant[:i]
		}
	}
	return variant
}

// grid draws a multiple of 2^-8 from [lo, hi], so that small powers of two can
// be added without rounding in float32.
func grid(t *rapid.T, lo, hi int) float32 {
	return float32(rapid.IntRange(lo*256, hi*256).Draw(t, "x")) / 256
}

func drawBatch(t *rapid.T) *Batch {
	b := &Batch{Prompts: rapid.IntRange(1, 3).Draw(t, "prompts"), G: 4, MaxNewTokens: 5}
	for i := range rapid.IntRange(1, 8).Draw(t, "samples") {
		s := Sample{Prompt: rapid.IntRange(0, b.Prompts-1).Draw(t, "prompt"), Reward: float64(grid(t, -2, 2))}
		s.Dropped = i > 0 && rapid.IntRange(0, 3).Draw(t, "dropped") == 0
		for range rapid.IntRange(1, 4).Draw(t, "length") {
			s.Tokens = append(s.Tokens, 0)
			s.LogProbs = append(s.LogProbs, grid(t, -3, 0))
			s.RefLogProbs = append(s.RefLogProbs, grid(t, -3, 0))
			s.Values = append(s.Values, grid(t, -1, 1))
		}
		b.Samples = append(b.Samples, s)
	}
	return b
}

// drawReplayed makes replayed samples of some; not for the paper's algorithm.
func drawReplayed(t *rapid.T, variant string, b *Batch) {
	for i := range b.Samples {
		if algorithmOf(variant) != "paper" && i > 0 && rapid.IntRange(0, 3).Draw(t, "replayed") == 0 {
			b.Samples[i].Replayed, b.Samples[i].Weight = true, float64(grid(t, 0, 2))
		}
	}
}

// drawEval is an evaluation of the kept samples after some steps, the replayed ones last.
func drawEval(t *rapid.T, b *Batch) Eval {
	var e Eval
	for _, i := range slices.Concat(b.kept(), b.replayed()) {
		for k := range b.Samples[i].Tokens {
			e.LogProbs = append(e.LogProbs, b.Samples[i].LogProbs[k]+grid(t, -1, 1)/2)
			e.Entropy = append(e.Entropy, grid(t, 0, 3))
			e.Values = append(e.Values, grid(t, -1, 1))
		}
	}
	return e
}

// lossOf evaluates one algorithm's loss at e with everything up to it done.
func lossOf(name string, o Options, b *Batch, e Eval) (Grad, Metrics) {
	kept, m := b.kept(), Metrics{}
	all := slices.Concat(kept, b.replayed())
	switch algorithmOf(name) {
	case "ppo":
		a := newPPO(o.PPO)
		rewards, _ := a.rewards(b, all)
		adv, returns := a.advantages(b, kept, rewards)
		whiten(adv, kept, o.PPO.Whiten, o.PPO.WhitenFloor)
		return a.loss(b, all, adv, returns, e, 1)
	case "grpo":
		a := newGRPO(o.GRPO)
		return a.loss(b, all, a.advantages(b, kept, m), a.tokenWeights(b, kept, all, 1), e)
	case "rloo":
		a := newRLOO(o.RLOO)
		return a.loss(b, all, a.advantages(b, kept, m), e)
	}
	return newPaper(o.Paper).loss(b, kept, e)
}

// Each gradient is the central difference of the whole loss, away from the
// kinks of the clips. The paper's advantage counts as a constant, so its loss
// is differentiated by value through the value term alone.
func TestGradientsAreCentralDifferences(t *testing.T) {
	const h = 1.0 / 4096
	for name, o := range variants() {
		t.Run(name, rapid.MakeCheck(func(t *rapid.T) {
			b := drawBatch(t)
			drawReplayed(t, name, b)
			e := drawEval(t, b)
			g, m := lossOf(name, o, b, e)
			check := func(what string, x []float32, grad []float32, loss string) {
				for k := range x {
					at := x[k]
					x[k] = at + h
					_, up := lossOf(name, o, b, e)
					x[k] = at - h
					_, down := lossOf(name, o, b, e)
					x[k] = at
					if up["policy/clipfrac_avg"] != down["policy/clipfrac_avg"] || up["val/clipfrac_avg"] != down["val/clipfrac_avg"] {
						continue
					}
					forward, back := (up[loss]-m[loss])/h, (m[loss]-down[loss])/h
					want := (forward + back) / 2
					if math.Abs(forward-back) > 0.02*(1+math.Abs(want)) {
						continue // a kink between the two
					}
					got := 0.0
					if grad != nil {
						got = float64(grad[k])
					}
					if loss == "loss/value_avg" {
						want *= o.Paper.VfCoef
					}
					if math.Abs(got-want) > 1e-5*(1+math.Abs(want)) {
						t.Fatalf("%s %d: %v, want %v", what, k, got, want)
					}
				}
			}
			check("log-probability", e.LogProbs, g.LogProbs, "loss/total_avg")
			check("entropy", e.Entropy, g.Entropy, "loss/total_avg")
			if algorithmOf(name) == "paper" {
				check("value", e.Values, g.Values, "loss/value_avg")
			} else {
				check("value", e.Values, g.Values, "loss/total_avg")
			}
		}))
	}
}

// pass runs Update on an evaluation played back once and returns the gradients per sample.
func pass(t *rapid.T, name string, o Options, b *Batch) ([]Grad, Metrics) {
	o.PPO.NumPPOEpochs = 1
	a, err := New(algorithmOf(name), o)
	if err != nil {
		t.Fatal(err)
	}
	var e Eval
	for _, i := range b.kept() {
		s := b.Samples[i]
		e.LogProbs, e.Values = append(e.LogProbs, s.LogProbs...), append(e.Values, s.Values...)
		e.Entropy = append(e.Entropy, s.RefLogProbs...) // any numbers that travel with the sample
	}
	p := &script{evals: []Eval{e}}
	m, err := a.Update(p, b, Step{})
	if err != nil {
		t.Fatal(err)
	}
	var grads []Grad
	k := 0
	for _, i := range b.kept() {
		n := len(b.Samples[i].Tokens)
		g := Grad{LogProbs: p.grads[0].LogProbs[k : k+n], Entropy: p.grads[0].Entropy[k : k+n]}
		if v := p.grads[0].Values; v != nil {
			g.Values = v[k : k+n]
		}
		grads = append(grads, g)
		k += n
	}
	return grads, m
}

func same(t *rapid.T, what string, a, b Grad) {
	for _, pair := range [][2][]float32{{a.LogProbs, b.LogProbs}, {a.Entropy, b.Entropy}, {a.Values, b.Values}} {
		for k := range pair[0] {
			x, y := float64(pair[0][k]), float64(pair[1][k])
			if math.Abs(x-y) > 1e-9+1e-6*math.Abs(x) {
				t.Fatalf("%s: gradient %v, want %v", what, y, x)
			}
		}
	}
}

func TestSampleOrderDoesNotMatter(t *testing.T) {
	for name, o := range variants() {
		t.Run(name, rapid.MakeCheck(func(t *rapid.T) {
			b := drawBatch(t)
			grads, _ := pass(t, name, o, b)
			turned := *b
			turned.Samples = slices.Clone(b.Samples)
			slices.Reverse(turned.Samples)
			back, _ := pass(t, name, o, &turned)
			for i := range grads {
				same(t, "reversed", grads[i], back[len(back)-1-i])
			}
		}))
	}
}

// A dropped sample might as well not be there, whatever it holds.
func TestDroppedSamplesTakeNoPart(t *testing.T) {
	nan := math.NaN()
	for name, o := range variants() {
		t.Run(name, rapid.MakeCheck(func(t *rapid.T) {
			b := drawBatch(t)
			for i := range b.Samples {
				if s := &b.Samples[i]; s.Dropped {
					*s = Sample{Prompt: 1 << 30, Dropped: true, Reward: nan, Tokens: make([]int32, 9), LogProbs: []float32{float32(nan)}}
				}
			}
			without := *b
			without.Samples = slices.DeleteFunc(slices.Clone(b.Samples), func(s Sample) bool { return s.Dropped })
			grads, m := pass(t, name, o, b)
			want, wantM := pass(t, name, o, &without)
			for i := range grads {
				same(t, "without", want[i], grads[i])
			}
			wantM["pgsrm/dropped"] = m["pgsrm/dropped"]
			for metric, v := range wantM {
				if m[metric] != v {
					t.Fatalf("%s is %v with dropped samples, %v without", metric, m[metric], v)
				}
			}
		}))
	}
}

// A constant added to the rewards of one prompt changes nothing with group
// baselines, and only the value target with the others.
func TestGroupBaselinesIgnoreAConstant(t *testing.T) {
	for _, name := range []string{"ppo group", "grpo", "rloo"} {
		o := variants()[name]
		t.Run(name, rapid.MakeCheck(func(t *rapid.T) {
			b := drawBatch(t)
			shifted := *b
			shifted.Samples = slices.Clone(b.Samples)
			for i := range shifted.Samples {
				if shifted.Samples[i].Prompt == 0 {
					shifted.Samples[i].Reward += 8
				}
			}
			grads, _ := pass(t, name, o, b)
			again, _ := pass(t, name, o, &shifted)
			for i := range grads {
				for k, x := range grads[i].LogProbs {
					if math.Abs(float64(x-again[i].LogProbs[k])) > 1e-5 {
						t.Fatalf("gradient %v, shifted %v", x, again[i].LogProbs[k])
					}
				}
			}
		}))
	}
}

func TestMinibatchesDealEachSampleOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, parts := rapid.IntRange(1, 50).Draw(t, "n"), rapid.IntRange(1, 60).Draw(t, "parts")
		samples := make([]int, n)
		for i := range samples {
			samples[i] = 3 * i
		}
		var all []int
		least, most := n, 0
		for _, mb := range minibatches(samples, parts, rand.New(rand.NewPCG(uint64(n), 1))) {
			all = append(all, mb...)
			least, most = min(least, len(mb)), max(most, len(mb))
		}
		slices.Sort(all)
		if !slices.Equal(all, samples) || most-least > 1 || least == 0 {
			t.Fatalf("dealt %v, sizes %d to %d", all, least, most)
		}
	})
}

// A run that is saved through JSON and restored continues to the very bits of one that was not.
func TestStateIsAllThatACheckpointNeeds(t *testing.T) {
	o := DefaultOptions()
	o.PPO.Baseline = "history"
	o.PPO.KL = KLOptions{Place: "reward", Estimator: "k1", Coef: 0.1, Control: "adaptive", Target: 1, Horizon: 100, Min: 0.01, Max: 1}
	o.PPO.Entropy = EntropyOptions{Coef: 0.01, Target: 1.5, Rate: 0.1, Min: 0.001, Max: 0.1}
	run := func(save bool) (*toy, State) {
		a, err := New("ppo", o)
		if err != nil {
			t.Fatal(err)
		}
		p := newToy(3, 2, 4)
		for i := range 20 {
			rng := rand.New(rand.NewPCG(7, uint64(i)))
			if _, err := a.Update(p, p.rollout(2, bandit, rng), Step{Index: i, LR: 1, RNG: rng}); err != nil {
				t.Fatal(err)
			}
			if save && i == 9 {
				data, _ := json.Marshal(a.State())
				var s State
				if err := json.Unmarshal(data, &s); err != nil {
					t.Fatal(err)
				}
				a, _ = New("ppo", o)
				a.Restore(s)
			}
		}
		return p, a.State()
	}
	p, s := run(false)
	q, r := run(true)
	if p.chance(1, 1, 2) != q.chance(1, 1, 2) || s.KLCoef != r.KLCoef || s.EntropyCoef != r.EntropyCoef || !slices.Equal(s.History, r.History) {
		t.Errorf("straight run %v %+v, restored run %v %+v", p.chance(1, 1, 2), s, q.chance(1, 1, 2), r)
	}
	if s.KLCoef == o.PPO.KL.Coef || s.EntropyCoef == o.PPO.Entropy.Coef || len(s.History) != 3 {
		t.Errorf("state did not move: %+v", s)
	}
}
