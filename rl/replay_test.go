package rl

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pgsrm/config"
	"pgsrm/lm"
)

func replayOptions(perPrompt int) ReplayOptions {
	o := DefaultReplay()
	o.PerPrompt = perPrompt
	return o
}

func TestReplayWeight(t *testing.T) {
	o := DefaultReplay() // 0.1 to 1
	for _, c := range []struct {
		now, then []float32
		want      float64
	}{
		{[]float32{-1, -2}, []float32{-1, -2}, 1},
		{[]float32{-1.5, -2}, []float32{-1, -2}, math.Exp(-0.5)},
		{[]float32{-1.5, -1}, []float32{-1, -2}, 1},     // e^0.5, cut
		{[]float32{-4, -2}, []float32{-1, -2}, 0.1},     // e^-3 = 0.0498, raised
		{[]float32{-90, -2}, []float32{-1, -2}, 0.1},    // as good as impossible now
		{[]float32{-1, -1}, []float32{-900, -900}, 1},   // exp is infinite
		{[]float32{-0.75, -2}, []float32{-1, -1.75}, 1}, // e^0
	} {
		if got := o.weight(c.now, c.then); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%v from %v: got %v, want %v", c.now, c.then, got, c.want)
		}
	}
	o.RatioMin, o.RatioMax = 0, 3
	if got := o.weight([]float32{-1.5, -1}, []float32{-1, -2}); math.Abs(got-math.Exp(0.5)) > 1e-12 {
		t.Errorf("got %v, want e^0.5", got)
	}
}

func TestReplayRules(t *testing.T) {
	for want, set := range map[string]func(o *ReplayOptions){
		"per_prompt: must be at most keep, 4 (got 5)":              func(o *ReplayOptions) { o.PerPrompt = 5 },
		"ratio_min: must be between 0 and 1 (got 1.5)":             func(o *ReplayOptions) { o.RatioMin = 1.5 },
		"keep: must be between 1 and 64 (got 0)":                   func(o *ReplayOptions) { o.Keep = 0 },
		"when: must be one of missing, always (got \"sometimes\")": func(o *ReplayOptions) { o.When = "sometimes" },
		"ratio_max: must be between 1e-6 and 1000000 (got 0)":      func(o *ReplayOptions) { o.RatioMax = 0 },
	} {
		o := DefaultReplay()
		set(&o)
		if err := config.Check(o); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func hit(prompt string, reward float64, tokens ...int32) Hit {
	return Hit{Prompt: prompt, Tokens: tokens, LogProbs: make([]float32, len(tokens)), Reward: reward}
}

func TestMemory(t *testing.T) {
	o := replayOptions(2)
	o.Keep = 3
	m := NewMemory(o)
	for _, h := range []Hit{hit("a", 1, 1), hit("b", 1, 9), hit("a", 2, 2), hit("a", 3, 3), hit("a", 4, 1), hit("a", 5, 5)} {
		m.Add(h) // 1; 2 1; 3 2 1; 1 3 2, since 1 is the newest again; 5 1 3
	}
	want := []Hit{hit("a", 5, 5), hit("a", 4, 1), hit("a", 3, 3), hit("b", 1, 9)}
	if d := cmp.Diff(want, m.Hits()); d != "" {
		t.Error(d)
	}
	recall := func(answered ...bool) string {
		text := ""
		for _, r := range m.Recall([]string{"b", "a", "c", "a"}, answered) {
			text += fmt.Sprint(r.Prompt, r.Tokens, " ")
		}
		return text
	}
	if got := recall(false, false, false, true); got != "0 [9] 1 [5] 1 [1] " {
		t.Errorf("missing: got %s", got)
	}
	m.o.When = "always"
	if got := recall(true, true, true, true); got != "0 [9] 1 [5] 1 [1] 3 [5] 3 [1] " {
		t.Errorf("always: got %s", got)
	}
	again := NewMemory(o)
	if err := again.Restore(m.Hits()); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(m.Hits(), again.Hits()); d != "" {
		t.Error(d)
	}
	off := NewMemory(DefaultReplay())
	off.Add(hit("a", 1, 1))
	if n := len(off.Hits()); n != 0 {
		t.Errorf("without replay: got %d hits", n)
	}
	for want, hits := range map[string][]Hit{
		"hits must be sorted by prompt":       {hit("b", 1, 1), hit("a", 1, 1)},
		"prompt a must have each hit once":    {hit("a", 1, 1), hit("a", 2, 1)},
		"prompt a must have at most 3 hits":   {hit("a", 1, 1), hit("a", 1, 2), hit("a", 1, 3), hit("a", 1, 4)},
		"prompt b must have each hit once":    {hit("a", 1, 1), hit("b", 1, 7, 8), hit("b", 1, 7, 8)},
		"prompt c.2 must have each hit once":  {hit("c.2", 1, 1), hit("c.2", 1, 2), hit("c.2", 1, 1)},
		"prompt ab must have each hit once":   {hit("a", 1, 1), hit("ab", 1, 1), hit("ab", 1, 1)},
		"prompt bb must have at most 3 hits":  {hit("bb", 1, 1), hit("bb", 1, 1, 1), hit("bb", 1, 2), hit("bb", 1, 2, 1)},
		"prompt abc must have at most 3 hits": {hit("abc", 1, 1), hit("abc", 1, 2), hit("abc", 1, 3), hit("abc", 1, 2)},
	} {
		if err := NewMemory(o).Restore(hits); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// Prompt 0 has the fresh rewards 0 and 0.5 and the hit 1 of weight 0.5, prompt 1 a hit
// that earned less than its fresh sample, prompt 2 a hit and no fresh sample left.
func replayBatch() *Batch {
	b := &Batch{Prompts: 3, G: 2, MaxNewTokens: 4, PromptID: []string{"x", "y", "z"}}
	for _, s := range []Sample{
		{Reward: 0}, {Reward: 0.5}, {Prompt: 1, Reward: 0.75}, {Prompt: 1, Dropped: true, Reward: 7}, {Prompt: 2, Dropped: true}, {Prompt: 2, Dropped: true},
		{Reward: 1, Replayed: true, Weight: 0.5}, {Prompt: 1, Reward: 0.5, Replayed: true, Weight: 1}, {Prompt: 2, Reward: 1, Replayed: true, Weight: 1},
	} {
		s.Tokens, s.LogProbs, s.RefLogProbs, s.Values = []int32{0, 1}, []float32{-1, -2}, []float32{-1, -2}, []float32{0.25, 0.5}
		b.Samples = append(b.Samples, s)
	}
	return b
}

func TestReplayedAdvantages(t *testing.T) {
	b := replayBatch()
	kept := b.kept()
	of := func(adv []float64) []float64 { return gather(adv, b.replayed()) }
	ppo := func(set func(o *PPOOptions)) []float64 {
		o := DefaultOptions().PPO
		o.Lambda = 1
		set(&o)
		a := newPPO(o)
		rewards, _ := a.rewards(b, append(kept, b.replayed()...))
		adv, _ := a.advantages(b, kept, rewards)
		var flat []float64
		for _, i := range b.replayed() {
			flat = append(flat, adv[i]...)
		}
		return flat
	}
	grpo := func(scale string) []float64 {
		o := DefaultOptions().GRPO
		o.ScaleRewards = scale
		return of(newGRPO(o).advantages(b, kept, Metrics{}))
	}
	rloo := func(scale string) []float64 {
		o := DefaultOptions().RLOO
		o.ScaleRewards = scale
		return of(newRLOO(o).advantages(b, kept, Metrics{}))
	}
	// (1 - 0.25)*0.5 = 0.375; less than 0.75 is cut to 0; without fresh samples 0. The
	// mean of prompt 0, 0.25, is below its floor of 1/2.
	plain, scaled := []float64{0.375, 0, 0}, []float64{0.75, 0, 0}
	for name, c := range map[string][2][]float64{
		"grpo none": {grpo("none"), plain}, "grpo group": {grpo("group"), plain}, "grpo batch": {grpo("batch"), plain}, "grpo mean": {grpo("mean"), scaled},
		"rloo": {rloo("none"), plain}, "rloo mean": {rloo("mean"), scaled},
		"ppo group":      {ppo(func(o *PPOOptions) { o.Baseline = "group" }), []float64{0.375, 0.375, 0, 0, 0, 0}},
		"ppo group mean": {ppo(func(o *PPOOptions) { o.Baseline, o.ScaleRewards = "group", "mean" }), []float64{0.75, 0.75, 0, 0, 0, 0}},
		// mean of the batch: 1.25/3
		"ppo batch":   {ppo(func(o *PPOOptions) { o.Baseline = "batch" }), []float64{0.875 / 3, 0.875 / 3, 0.25 / 3, 0.25 / 3, 1.75 / 3, 1.75 / 3}},
		"ppo history": {ppo(func(o *PPOOptions) { o.Baseline = "history" }), []float64{0.875 / 3, 0.875 / 3, 0.25 / 3, 0.25 / 3, 1.75 / 3, 1.75 / 3}},
		// lambda 1: the reward less the value
		"ppo value": {ppo(func(o *PPOOptions) { o.Baseline = "value" }), []float64{0.375, 0.25, 0.25, 0, 0.75, 0.5}},
	} {
		if d := cmp.Diff(c[1], c[0], approx); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

// The KL in the reward counts in a replayed sample as in a fresh one.
func TestReplayedAdvantagesWithKL(t *testing.T) {
	b := replayBatch()
	b.Samples[6].RefLogProbs = []float32{-1.5, -2} // k1 = 0.5, 0
	o := DefaultOptions()
	o.RLOO.Beta, o.PPO.Baseline, o.PPO.KL.Coef = 0.1, "group", 0.1
	o.RLOO.ScaleRewards, o.PPO.ScaleRewards = "mean", "mean"
	if got := newRLOO(o.RLOO).advantages(b, b.kept(), Metrics{})[6]; math.Abs(got-(1.5-0.05)*0.5) > 1e-12 {
		t.Errorf("rloo: got %v", got)
	}
	a := newPPO(o.PPO)
	rewards, _ := a.rewards(b, append(b.kept(), b.replayed()...))
	adv, _ := a.advantages(b, b.kept(), rewards)
	if d := cmp.Diff([]float64{(1.5 - 0.05) * 0.5, 0.75}, adv[6], approx); d != "" {
		t.Errorf("ppo: %s", d)
	}
}

// What is reported of the fresh samples, their part of the gradient and what is carried
// to the next update are the same bits with replayed samples beside them.
func TestReplayLeavesFreshSamplesAlone(t *testing.T) {
	for variant, o := range variants() {
		name := algorithmOf(variant)
		o.PPO.NumPPOEpochs = 1
		o.PPO.KL.Control, o.PPO.KL.Target, o.PPO.KL.Horizon, o.PPO.KL.Max = "adaptive", 0.1, 100, 10
		run := func(b *Batch) (Grad, Metrics, State) {
			e := Eval{}
			for _, i := range append(b.kept(), b.replayed()...) {
				for t := range b.Samples[i].Tokens {
					e.LogProbs, e.Entropy, e.Values = append(e.LogProbs, b.Samples[i].LogProbs[t]), append(e.Entropy, 1.5), append(e.Values, 0.125)
				}
			}
			p := &script{evals: []Eval{e}}
			a, err := New(name, o)
			if err != nil {
				t.Fatal(err)
			}
			m, err := a.Update(p, b, Step{})
			if err != nil {
				t.Fatalf("%s: %v", variant, err)
			}
			return p.grads[0], m, a.State()
		}
		if name == "paper" {
			continue // replays nothing
		}
		with := replayBatch()
		without := replayBatch()
		without.Samples = without.Samples[:6]
		g, m, s := run(with)
		wantG, wantM, wantS := run(without)
		for _, total := range []string{"loss/policy_avg", "loss/total_avg"} {
			if !(m[total] < wantM[total]) {
				t.Errorf("%s: %s is %v, without replay %v: must be less", variant, total, m[total], wantM[total])
			}
			delete(m, total)
			delete(wantM, total)
		}
		if d := cmp.Diff(wantM, m); d != "" {
			t.Errorf("%s: %s", variant, d)
		}
		if d := cmp.Diff(wantS, s); d != "" {
			t.Errorf("%s: %s", variant, d)
		}
		n := len(wantG.LogProbs)
		if !slices.Equal(g.LogProbs[:n], wantG.LogProbs) || !slices.Equal(g.Entropy[:n], wantG.Entropy) {
			t.Errorf("%s: gradient of the fresh samples is %v, without replay %v", variant, g, wantG)
		}
		if g.LogProbs[n] >= 0 || slices.ContainsFunc(g.Entropy[n:], func(x float32) bool { return x != 0 }) {
			t.Errorf("%s: gradient of the replayed samples is %v, %v", variant, g.LogProbs[n:], g.Entropy[n:])
		}
		if g.Values != nil && (!slices.Equal(g.Values[:n], wantG.Values) || slices.ContainsFunc(g.Values[n:], func(x float32) bool { return x != 0 })) {
			t.Errorf("%s: gradient by value is %v, without replay %v", variant, g.Values, wantG.Values)
		}
	}
}

// Every minibatch has fresh samples, dealt as without replay.
func TestReplayedAreDealt(t *testing.T) {
	b := &Batch{Prompts: 1, Samples: make([]Sample, 12)}
	for i := 7; i < 12; i++ {
		b.Samples[i].Replayed = true
	}
	step := func() Step { return Step{RNG: rand.New(rand.NewPCG(1, 2))} }
	want := minibatches(b.kept(), 3, step().RNG)
	got := b.deal(b.kept(), 3, step())
	var all []int
	for k, part := range got {
		if n := len(want[k]); !slices.Equal(part[:n], want[k]) || len(b.fresh(part)) != n {
			t.Errorf("minibatch %d is %v, without replay %v", k, part, want[k])
		}
		all = append(all, part...)
	}
	slices.Sort(all)
	if !slices.Equal(all, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}) {
		t.Errorf("got %v", got)
	}
}

// A hit replayed under the weights that sampled it has the sampler's bits and weight 1,
// from the rollout's rows and packed anew; so has its reference.
func TestReplayIsTheTrainingForward(t *testing.T) {
	for _, recompute := range []bool{false, true} {
		t.Run(fmt.Sprintf("recompute %v", recompute), func(t *testing.T) { replayForward(t, recompute) })
	}
}

func replayForward(t *testing.T, recompute bool) {
	m := testModel(t)
	m.Recompute = recompute
	opt := lm.SampleOptions{Temperature: 0.7, MaxNewTokens: 5}
	earlier := roll(t, m, opt, 3, 1)
	var hits []Replayed
	for _, i := range []int{2, 3, 10} {
		g := earlier.Generations[i]
		hits = append(hits, Replayed{Hit{Tokens: g.Tokens, LogProbs: g.LogProbs, Reward: float64(i)}, i / 3})
	}
	r := roll(t, m, opt, 3, 2)
	p := &ModelPolicy{Model: m, Optimizer: lm.NewAdamW()}
	samples, err := p.Begin(r)
	if err != nil {
		t.Fatal(err)
	}
	replayed, err := p.Replay(hits, DefaultReplay())
	if err != nil {
		t.Fatal(err)
	}
	samples = append(samples, replayed...)
	r.Replayed = hits
	if err := NewReference(m.Clone()).Score(r, samples); err != nil {
		t.Fatal(err)
	}
	var all []int
	var old, values []float32
	for i, s := range samples {
		all, old, values = append(all, i), append(old, s.LogProbs...), append(values, s.Values...)
		if !slices.Equal(s.RefLogProbs, s.LogProbs) {
			t.Errorf("sample %d: reference %v, policy %v", i, s.RefLogProbs, s.LogProbs)
		}
	}
	for k, s := range replayed {
		h := hits[k]
		if !slices.Equal(s.LogProbs, h.LogProbs) || s.Weight != 1 || !s.Replayed || s.Reward != h.Reward || s.Prompt != h.Prompt {
			t.Errorf("hit %d: got %+v, want the log-probabilities %v", k, s, h.LogProbs)
		}
	}
	var first []float32
	for _, reused := range []bool{true, false} {
		p.fresh = reused
		e := p.Forward(all)
		if p.reused != reused || !slices.Equal(e.LogProbs, old) || !slices.Equal(e.Values, values) {
			t.Errorf("reused %v, want %v, with the bits of the samples", p.reused, reused)
		}
		g := Grad{}
		rng := rand.New(rand.NewPCG(2, 2))
		for range e.LogProbs {
			g.LogProbs, g.Entropy, g.Values = append(g.LogProbs, rng.Float32()-0.5), append(g.Entropy, rng.Float32()-0.5), append(g.Values, rng.Float32()-0.5)
		}
		p.Backward(g)
		if reused {
			first = gradients(m)
			m.ZeroGrad()
			continue
		}
		for k, want := range gradients(m) {
			if math.Abs(float64(first[k]-want)) > 1e-5*(1+math.Abs(float64(want))) {
				t.Fatalf("gradient %d is %v, packed anew %v", k, first[k], want)
			}
		}
	}
	for want, bad := range map[string]Replayed{
		"rl: replayed response 0: prompt must be in 0..3 (got 4)":                                                {hit("a", 1, 1), 4},
		"rl: replayed response 0 must have a log-probability for each of its tokens, at least one (got 0 for 1)": {Hit{Tokens: []int32{1}}, 0},
		"rl: replayed response 0 must have a log-probability for each of its tokens, at least one (got 0 for 0)": {Hit{}, 0},
	} {
		if _, err := p.Replay([]Replayed{bad}, DefaultReplay()); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestReplayedWeightMustBeFinite(t *testing.T) {
	b := replayBatch()
	b.Samples[6].Weight = math.NaN()
	a, _ := New("ppo", DefaultOptions())
	const want = "ppo: sample 6: weight of a replayed sample must be finite and at least 0 (got NaN)"
	if _, err := a.Update(nil, b, Step{}); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// One answer in 400 is right and pays: with replay a policy that has found it learns it
// from few further hits.
func TestReplayHoldsRareHits(t *testing.T) {
	right := func(_ int, tokens []int32) float64 {
		if tokens[0] == 3 && tokens[1] == 7 {
			return 1
		}
		return 0
	}
	arms := map[string]func(o *Options) string{
		"grpo":  func(o *Options) string { o.GRPO.ScaleRewards = "none"; return "grpo" },
		"rloo":  func(o *Options) string { o.RLOO.Beta = 0; return "rloo" },
		"maxrl": func(o *Options) string { o.GRPO.ScaleRewards = "mean"; return "grpo" },
		"ppo": func(o *Options) string {
			o.PPO.Baseline, o.PPO.Whiten, o.PPO.KL.Coef, o.PPO.NumPPOEpochs = "group", "none", 0, 1
			return "ppo"
		},
		"value": func(o *Options) string { o.PPO.Whiten, o.PPO.KL.Coef, o.PPO.NumPPOEpochs = "none", 0, 1; return "ppo" },
	}
	for arm, set := range arms {
		t.Run(arm, func(t *testing.T) {
			const seeds = 4
			updates := 150
			if arm == "maxrl" { // it is fast without
				updates = 50
			}
			var chance [2]float64
			for trial := range 2 * seeds {
				perPrompt, seed := trial%2, uint64(trial/2)
				o := DefaultOptions()
				a, err := New(set(&o), o)
				if err != nil {
					t.Fatal(err)
				}
				p := newToy(2, 2, 20)
				memory := NewMemory(replayOptions(perPrompt))
				rng := rand.New(rand.NewPCG(4, seed))
				for i := range updates {
					b := p.rollout(8, right, rng)
					answered := make([]bool, 2)
					fresh := len(b.Samples)
					for _, s := range b.Samples {
						answered[s.Prompt] = answered[s.Prompt] || s.Reward == 1
					}
					p.replay(b, memory.Recall(b.PromptID, answered), memory.o)
					if _, err := a.Update(p, b, Step{Index: i, LR: 2, RNG: rng}); err != nil {
						t.Fatal(err)
					}
					for _, s := range b.Samples[:fresh] {
						if s.Reward == 1 {
							memory.Add(Hit{Prompt: b.PromptID[s.Prompt], Tokens: s.Tokens, LogProbs: s.LogProbs, Reward: 1})
						}
					}
				}
				chance[perPrompt] += (p.chance(0, 3, 7) + p.chance(1, 3, 7)) / 2 / seeds
			}
			t.Logf("chance of the right answer %.3f, with replay %.3f", chance[0], chance[1])
			if chance[1] < chance[0]+0.25 {
				t.Errorf("chance of the right answer %.3f, with replay %.3f: want at least 0.25 more", chance[0], chance[1])
			}
		})
	}
}
