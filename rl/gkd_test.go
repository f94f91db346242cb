package rl

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgsrm/lm"
)

// Of two words the child has the chances 1/4 and 3/4, the teacher 1/2 each. With l(x) = log x:
// KL(p||q) = 1/2 l(2) + 1/2 l(2/3), KL(q||p) = 1/4 l(1/2) + 3/4 l(3/2), and the mixture with
// beta 1/2 is 3/8 and 5/8.
func TestDivergencesByHand(t *testing.T) {
	l := math.Log
	forward := 0.5*l(2) + 0.5*l(2.0/3)
	reverse := 0.25*l(0.5) + 0.75*l(1.5)
	js := 0.5*(0.5*l(4.0/3)+0.5*l(4.0/5)) + 0.5*(0.25*l(2.0/3)+0.75*l(6.0/5))
	g := []float64{0.5 * l(2.0/3), 0.5 * l(6.0/5)}
	mean := 0.25*g[0] + 0.75*g[1]
	for name, want := range map[string]struct {
		loss float64
		grad []float64
	}{
		"forward": {forward, []float64{-0.25, 0.25}},
		"reverse": {reverse, []float64{0.25 * (l(0.5) - reverse), 0.75 * (l(1.5) - reverse)}},
		"js":      {js, []float64{0.25 * (g[0] - mean), 0.75 * (g[1] - mean)}},
	} {
		student, teacher := []float32{5, 5 + float32(l(3))}, []float32{-2, -2} // a constant does not count
		got := gkd{o: GKDOptions{Divergence: name, Beta: 0.5}}.loss(student, teacher, 0.5)
		if math.Abs(got-want.loss/2) > 1e-7 {
			t.Errorf("%s: loss %v, want %v", name, got, want.loss/2)
		}
		for i, d := range want.grad {
			if math.Abs(float64(student[i])-d/2) > 1e-7 {
				t.Errorf("%s: gradient %v, want half of %v", name, student, want.grad)
			}
		}
	}
}

// Each gradient is the central difference of the loss; a word that one of the two thinks
// impossible, as far as float64 goes, spoils nothing.
func TestDivergenceGradients(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, o := range []GKDOptions{{Divergence: "forward"}, {Divergence: "reverse"}, {Divergence: "js", Beta: 0.5}, {Divergence: "js", Beta: 0.1}, {Divergence: "js", Beta: 0.9}} {
		a := gkd{o: o}
		student, teacher := make([]float32, 6), make([]float32, 6)
		for i := range student {
			student[i], teacher[i] = float32(rng.IntN(1024)-512)/256, float32(rng.IntN(1024)-512)/256
		}
		grad := slices.Clone(student)
		a.loss(grad, teacher, 1)
		const h = 1.0 / 1024
		at := func(i int, d float32) float64 {
			x := slices.Clone(student)
			x[i] += d
			return a.loss(x, teacher, 1)
		}
		for i := range student {
			if want := (at(i, h) - at(i, -h)) / (2 * h); math.Abs(float64(grad[i])-want) > 1e-5 {
				t.Errorf("%+v, %d: got %v, want %v", o, i, grad[i], want)
			}
		}
		far := []float32{0, -3000}
		if loss := a.loss(far, []float32{0, 0}, 1); math.IsNaN(loss) || math.IsNaN(float64(far[0]+far[1])) {
			t.Errorf("%+v: a word without a chance gives %v, %v", o, loss, far)
		}
	}
}

// The child comes to the teacher's distributions, with each divergence.
func TestGKDLearns(t *testing.T) {
	for _, divergence := range []string{"forward", "reverse", "js"} {
		o := DefaultOptions()
		o.GKD.Divergence = divergence
		a, err := New("gkd", o)
		if err != nil {
			t.Fatal(err)
		}
		p := newToy(2, 2, 4)
		for prompt := range 2 {
			p.teacher = append(p.teacher, table(2, 4))
			p.teacher[prompt][0][prompt], p.teacher[prompt][1][3] = 2, -2
		}
		rng := rand.New(rand.NewPCG(3, 3))
		var m Metrics
		for i := range 400 {
			if m, err = a.Update(p, p.rollout(4, bandit, rng), Step{Index: i, LR: 2}); err != nil {
				t.Fatal(err)
			}
		}
		want := math.Exp(2) / (math.Exp(2) + 3)
		if logp, _ := p.distribution(1, 0); math.Abs(math.Exp(logp[1])-want) > 0.02 || m["loss/total_avg"] > 0.01 {
			t.Errorf("%s: chance %v, want %v, loss %v", divergence, math.Exp(logp[1]), want, m["loss/total_avg"])
		}
	}
}

// Over models the gradient is the same whether the rows are the rollout's or packed anew, and
// against itself there is none.
func TestDistilOverModels(t *testing.T) {
	m, err := lm.NewRandom(lm.GPT2(2, 32, 2, 17, 16), 7)
	if err != nil {
		t.Fatal(err)
	}
	teacher, err := lm.NewRandom(lm.GPT2(1, 16, 2, 17, 16), 8)
	if err != nil {
		t.Fatal(err)
	}
	prompts := [][]int32{{1, 2, 3}, {1, 2}}
	begin := func(teacher *lm.Model) (*ModelPolicy, *Batch) {
		child := m.Clone()
		state := child.NewState(true)
		gens, err := child.Generate(state, prompts, 3, lm.SampleOptions{Temperature: 1, MaxNewTokens: 4}, func(p, k int) *rand.Rand { return rand.New(rand.NewPCG(5, uint64(p*3+k))) })
		if err != nil {
			t.Fatal(err)
		}
		p := &ModelPolicy{Model: child, Optimizer: lm.NewAdamW(), Teacher: teacher}
		samples, err := p.Begin(Rollout{State: state, Prompts: prompts, G: 3, Generations: gens, Temperature: 1})
		if err != nil {
			t.Fatal(err)
		}
		return p, &Batch{Prompts: 2, G: 3, Samples: samples}
	}
	loss := gkd{o: defaultGKD()}.loss
	run := func(fresh bool) (float64, []float32) {
		p, b := begin(teacher)
		p.fresh = fresh
		p.Forward(b.kept())
		d, err := p.Distil(loss)
		if err != nil {
			t.Fatal(err)
		}
		return d, gradients(p.Model)
	}
	shared, g := run(true)
	anew, h := run(false)
	if shared <= 0 || math.Abs(shared-anew) > 1e-6*shared {
		t.Errorf("loss %v from the rollout's rows, %v from new ones", shared, anew)
	}
	for i := range g {
		if math.Abs(float64(g[i]-h[i])) > 1e-5 {
			t.Fatalf("gradient %d: %v, %v", i, g[i], h[i])
		}
	}
	p, b := begin(m.Clone())
	a, _ := New("gkd", DefaultOptions())
	metrics, err := a.Update(p, b, Step{LR: 1e-3})
	if err != nil || math.Abs(metrics["loss/total_avg"]) > 1e-6 || metrics["pgsrm/grad_norm"] > 1e-4 {
		t.Errorf("a child and itself: %v, %v", metrics, err)
	}
	p, b = begin(nil)
	if _, err := a.Update(p, b, Step{}); err == nil {
		t.Error("without a teacher there must be an error")
	}
}
