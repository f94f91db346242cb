package rl

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"pgsrm/lm"
)

// rivals are options that between them reach every branch of the losses of the algorithms
// that do not weigh all answers of a rollout.
func rivals() map[string]Options {
	v := map[string]Options{"none": DefaultOptions(), "raft": DefaultOptions(), "gkd": DefaultOptions()}
	for _, objective := range []string{"log_likelihood", "likelihood", "token_likelihood"} {
		o := DefaultOptions()
		o.SFT.Objective = objective
		v["sft "+objective] = o
	}
	return v
}

// graded is a rollout of two prompts whose answers have one token, but the first, which has two.
func graded(rewards ...float64) *Batch {
	b := &Batch{Prompts: 2, G: len(rewards) / 2}
	for i, r := range rewards {
		s := Sample{Prompt: i / b.G, Tokens: []int32{1}, LogProbs: []float32{-1}, Reward: r}
		if i == 0 {
			s.Tokens, s.LogProbs = []int32{1, 2}, []float32{-1, -2}
		}
		b.Samples = append(b.Samples, s)
	}
	return b
}

// Of each prompt the best answers are kept, if they earn more than the bound.
func TestRAFTKeepsTheBest(t *testing.T) {
	for _, c := range []struct {
		rewards []float64
		keep    int
		above   float64
		dropped int
		want    []int
	}{
		{[]float64{0.2, 0.9, 0.5, 0.1, 0.3, 0.3}, 0, 0, -1, []int{1, 4, 5}},
		{[]float64{0.2, 0.9, 0.5, 0.1, 0.3, 0.3}, 1, 0, -1, []int{1, 4}}, // of equal ones the first
		{[]float64{0.2, 0.9, 0.5, 0.1, 0.3, 0.3}, 2, 0, -1, []int{1, 2, 4, 5}},
		{[]float64{0.2, 0.9, 0.5, 0.1, 0.3, 0.3}, 9, 0.2, -1, []int{1, 2, 4, 5}},
		{[]float64{0.2, 0.9, 0.5, 0.1, 0.3, 0.3}, 0, 0, 1, []int{2, 4, 5}}, // the best has no reward
		{[]float64{0, 1, 1, 0, 0, 0}, 0, 0, -1, []int{1, 2}},               // nothing of the prompt that fails
		{[]float64{0, 0, 0, 0, 0, 0}, 0, 0, -1, nil},
	} {
		b := graded(c.rewards...)
		if c.dropped >= 0 {
			b.Samples[c.dropped].Dropped = true
		}
		if got := (raft{o: RAFTOptions{Keep: c.keep, Above: c.above}}).best(b, b.kept()); !slices.Equal(got, c.want) {
			t.Errorf("%v, keep %d above %v: got %v, want %v", c.rewards, c.keep, c.above, got, c.want)
		}
	}
}

// The loss is the mean over the tokens of the kept answers; nothing kept is no step.
func TestRAFTByHand(t *testing.T) {
	a, err := New("raft", DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	p := &script{evals: []Eval{{LogProbs: []float32{-1, -2, -1}, Entropy: []float32{0.5, 1, 1.5}}}}
	m, err := a.Update(p, graded(1, 0, 0, 1), Step{LR: 1}) // the first answer, of two tokens, and the last
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]float64{"loss/policy_avg": 4.0 / 3, "policy/entropy_avg": 1, "pgsrm/chosen": 2, "pgsrm/steps": 1, "reward": 0.5} {
		if math.Abs(m[name]-want) > 1e-12 {
			t.Errorf("%s: got %v, want %v", name, m[name], want)
		}
	}
	if g := p.grads[0]; !slices.Equal(g.LogProbs, []float32{-1.0 / 3, -1.0 / 3, -1.0 / 3}) || g.Entropy != nil || g.Values != nil {
		t.Errorf("got %+v", g)
	}
	p = &script{}
	if m, err := a.Update(p, graded(0, 0, 0, 0), Step{LR: 1}); err != nil || len(p.grads) != 0 || m["pgsrm/steps"] != 0 || m["pgsrm/chosen"] != 0 {
		t.Errorf("got %v, %v", m, err)
	}
}

// Two answers, of the probabilities 1/8 (tokens 1/2 and 1/4) and 1/2.
func TestSFTByHand(t *testing.T) {
	half := math.Log(0.5)
	e := Eval{LogProbs: []float32{float32(half), float32(2 * half), float32(half)}, Entropy: []float32{0.5, 1, 1.5}}
	for objective, want := range map[string]struct {
		loss float64
		grad []float64
	}{
		"log_likelihood":   {-4 * half / 3, []float64{-1.0 / 3, -1.0 / 3, -1.0 / 3}},
		"likelihood":       {-(1.0/8 + 1.0/2) / 2, []float64{-1.0 / 16, -1.0 / 16, -1.0 / 4}},
		"token_likelihood": {-((1.0/2+1.0/4)/2 + 1.0/2) / 2, []float64{-1.0 / 8, -1.0 / 16, -1.0 / 4}},
	} {
		b := graded(0, 0)
		g, m := sft{o: SFTOptions{Objective: objective}}.loss(b, []int{0, 1}, e)
		if !near(m["loss/total_avg"], want.loss) || !near(m["policy/entropy_avg"], 1) {
			t.Errorf("%s: got %v, want a loss of %v", objective, m, want.loss)
		}
		for k, d := range want.grad {
			if !near(float64(g.LogProbs[k]), d) {
				t.Errorf("%s: gradient %v, want %v", objective, g.LogProbs, want.grad)
			}
		}
	}
}

// Each gradient is the central difference of the loss.
func TestRivalsGradientsAreCentralDifferences(t *testing.T) {
	const h = 1.0 / 4096
	for name, o := range rivals() {
		if name == "none" || name == "gkd" { // gkd_test.go
			continue
		}
		t.Run(name, rapid.MakeCheck(func(t *rapid.T) {
			b := drawBatch(t)
			kept, e := b.kept(), drawEval(t, b)
			loss := func() (Grad, Metrics) {
				if name == "raft" {
					return raft{o: o.RAFT}.loss(b, kept, e)
				}
				return sft{o: o.SFT}.loss(b, kept, e)
			}
			g, _ := loss()
			for k := range e.LogProbs {
				at := e.LogProbs[k]
				e.LogProbs[k] = at + h
				_, up := loss()
				e.LogProbs[k] = at - h
				_, down := loss()
				e.LogProbs[k] = at
				want := (up["loss/total_avg"] - down["loss/total_avg"]) / (2 * h)
				if got := float64(g.LogProbs[k]); math.Abs(got-want) > 1e-5*(1+math.Abs(want)) {
					t.Fatalf("%d: %v, want %v", k, got, want)
				}
			}
		}))
	}
}

// The parent's answers become all that a child says; what it draws alone changes nothing.
func TestSFTLearnsAndNoneDoesNot(t *testing.T) {
	for name, o := range rivals() {
		if name == "raft" || name == "gkd" {
			continue
		}
		a, err := New(algorithmOf(name), o)
		if err != nil {
			t.Fatal(err)
		}
		p := newToy(3, 2, 5)
		for i := range 300 {
			b := &Batch{Prompts: 3, G: 1}
			for prompt := range 3 {
				s := Sample{Prompt: prompt, Tokens: []int32{int32(prompt), int32(prompt + 1)}}
				for k, w := range s.Tokens {
					logp, _ := p.distribution(prompt, k)
					s.LogProbs = append(s.LogProbs, float32(logp[w]))
				}
				b.Samples = append(b.Samples, s)
			}
			p.samples = b.Samples
			if _, err := a.Update(p, b, Step{Index: i, LR: 2, RNG: rand.New(rand.NewPCG(1, 1))}); err != nil {
				t.Fatal(err)
			}
		}
		if c := p.chance(1, 1, 2); (c > 0.9) == (name == "none") {
			t.Errorf("%s: the chance of the parent's answer is %.3f", name, c)
		}
	}
}

// Demonstrations have the numbers that a forward pass gives them, and the first ratio is 1.
func TestDemonstrations(t *testing.T) {
	m, err := lm.NewRandom(lm.GPT2(2, 32, 2, 17, 16), 7)
	if err != nil {
		t.Fatal(err)
	}
	prompts, answers := [][]int32{{1, 2, 3}, {1, 2}}, [][]int32{{4, 5, 0}, {3, 0}} // the second shares its rows with the first prompt
	r, err := Demonstrations(m, m.NewState(true), prompts, answers)
	if err != nil {
		t.Fatal(err)
	}
	p := &ModelPolicy{Model: m, Optimizer: lm.NewAdamW()}
	samples, err := p.Begin(r)
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range samples {
		alone, err := Demonstrations(m, m.NewState(true), prompts[i:i+1], answers[i:i+1])
		if err != nil {
			t.Fatal(err)
		}
		for k, lp := range alone.Generations[0].LogProbs {
			if !near(float64(s.LogProbs[k]), float64(lp)) || s.Prompt != i {
				t.Errorf("answer %d: got %v, alone %v", i, s.LogProbs, alone.Generations[0].LogProbs)
			}
		}
	}
	a, _ := New("sft", DefaultOptions())
	metrics, err := a.Update(p, &Batch{Prompts: 2, G: 1, Samples: samples}, Step{LR: 0.01})
	if err != nil || metrics["pgsrm/first_ratio_max_dev"] != 0 {
		t.Errorf("got %v, %v", metrics, err)
	}
	if _, err := Demonstrations(m, m.NewState(true), prompts, [][]int32{{4}, {}}); err == nil {
		t.Error("an answer without a token must be refused")
	}
}
