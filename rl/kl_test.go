package rl

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestKLEstimators(t *testing.T) {
	x := math.Log(2) // the policy gives the token twice the reference's probability
	for _, c := range []struct {
		name    string
		kl, dkl float64
	}{
		{"k1", x, 1},
		{"k2", x * x / 2, x},
		{"k3", 0.5 - 1 + x, 0.5}, // exp(-x) = 1/2
	} {
		kl, dkl := klEstimate(c.name, x)
		if math.Abs(kl-c.kl) > 1e-15 || math.Abs(dkl-c.dkl) > 1e-15 {
			t.Errorf("%s: %v, %v, want %v, %v", c.name, kl, dkl, c.kl, c.dkl)
		}
	}
}

// k1 and k3 are unbiased: averaged over the policy's distribution they are the KL.
func TestKLEstimatorsAreUnbiased(t *testing.T) {
	p, q := []float64{0.7, 0.2, 0.1}, []float64{0.3, 0.3, 0.4}
	var exact, k1, k3 float64
	for v := range p {
		x := math.Log(p[v] / q[v])
		exact += p[v] * x
		a, _ := klEstimate("k1", x)
		b, _ := klEstimate("k3", x)
		k1, k3 = k1+p[v]*a, k3+p[v]*b
	}
	if math.Abs(k1-exact) > 1e-15 || math.Abs(k3-exact) > 1e-15 {
		t.Errorf("exact %v, k1 %v, k3 %v", exact, k1, k3)
	}
}

func TestKLController(t *testing.T) {
	adaptive := KLOptions{Control: "adaptive", Target: 6, Horizon: 1000, Min: 0.01, Max: 0.3}
	step := KLOptions{Control: "step", Target: 0.8}
	for _, c := range []struct {
		name               string
		o                  KLOptions
		coef, perSequence  float64
		perToken, wantCoef float64
	}{
		{"fixed", KLOptions{Control: "fixed"}, 0.1, 99, 99, 0.1},
		{"on target", adaptive, 0.1, 6, 0, 0.1},
		{"10% above", adaptive, 0.1, 6.6, 0, 0.1 * (1 + 0.1*50/1000)},
		{"far above, clipped at 0.2", adaptive, 0.1, 60, 0, 0.1 * (1 + 0.2*50/1000)},
		{"negative estimate, clipped at -0.2", adaptive, 0.1, -5, 0, 0.1 * (1 - 0.2*50/1000)},
		{"upper bound", adaptive, 0.2999, 60, 0, 0.3},
		{"lower bound", adaptive, 0.01, 0, 0, 0.01},
		{"notebook, above 1.2", step, 5e-5, 0, 1.21, 7.5e-5},
		{"notebook, between", step, 5e-5, 0, 1.19, 5e-5},
		{"notebook, below 0.533", step, 6e-5, 0, 0.53, 4e-5},
	} {
		if got := c.o.update(c.coef, c.perSequence, c.perToken, 50); math.Abs(got-c.wantCoef) > 1e-15 {
			t.Errorf("%s: %v, want %v", c.name, got, c.wantCoef)
		}
	}
}

func TestEntropyController(t *testing.T) {
	o := EntropyOptions{Target: 2, Rate: 0.1, Min: 0.001, Max: 0.1}
	for _, c := range []struct {
		name           string
		coef, entropy  float64
		targetAt, want float64
	}{
		{"on target", 0.01, 2, 2, 0.01},
		{"half of it", 0.01, 1, 2, 0.01 * math.Exp(0.05)},
		{"far above", 0.01, 99, 2, 0.01 * math.Exp(-0.1)},
		{"upper bound", 0.0999, 0, 2, 0.1},
		{"lower bound", 0.001, 9, 2, 0.001},
	} {
		if got := o.update(c.coef, c.entropy, 0); math.Abs(got-c.want) > 1e-15 {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	o.TargetFinal, o.TargetSteps = 1, 100
	for step, want := range map[int]float64{0: 2, 25: 1.75, 100: 1, 500: 1} {
		if got := o.targetAt(step); got != want {
			t.Errorf("target at %d: %v, want %v", step, got, want)
		}
	}
	if got := (EntropyOptions{Coef: 0.3}).update(0.3, 0, 5); got != 0.3 {
		t.Errorf("fixed: %v", got)
	}
}

// Whatever the KL and the entropy do, the coefficients stay within their bounds.
func TestControllersStayInBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kl := KLOptions{Control: rapid.SampledFrom([]string{"adaptive", "step"}).Draw(t, "control"), Target: 1, Horizon: 10, Min: 0.01, Max: 2}
		entropy := EntropyOptions{Target: 1, Rate: 0.5, Min: 0.01, Max: 2}
		c, e := 0.1, 0.1
		for _, x := range rapid.SliceOf(rapid.Float64Range(-1e6, 1e6)).Draw(t, "x") {
			c, e = kl.update(c, x, x, 50), entropy.update(e, x, 0)
			if c < 0.01 || c > 2 || e < 0.01 || e > 2 {
				t.Fatalf("after %v: kl %v, entropy %v", x, c, e)
			}
		}
	})
}

func TestSchedule(t *testing.T) {
	for _, c := range []struct {
		s    Schedule
		step int
		want float64
	}{
		{Schedule{Kind: "constant", LR: 4}, 90, 4},
		{Schedule{Kind: "constant", LR: 4, Warmup: 4}, 0, 1},
		{Schedule{Kind: "constant", LR: 4, Warmup: 4}, 3, 4},
		{Schedule{Kind: "linear", LR: 4}, 25, 3},
		{Schedule{Kind: "linear", LR: 4, Warmup: 20, Final: 0.5}, 60, 3},
		{Schedule{Kind: "linear", LR: 4}, 400, 0},
		{Schedule{Kind: "cosine", LR: 4}, 0, 4},
		{Schedule{Kind: "cosine", LR: 4}, 50, 2},
		{Schedule{Kind: "cosine", LR: 4, Final: 0.1}, 100, 0.4},
		{Schedule{Kind: "cosine", LR: 4, Warmup: 100}, 100, 4},
	} {
		if err := c.s.Validate(); err != nil {
			t.Error(err)
		}
		if got := c.s.At(c.step, 100); math.Abs(got-c.want) > 1e-15 {
			t.Errorf("%+v at %d: %v, want %v", c.s, c.step, got, c.want)
		}
	}
}
