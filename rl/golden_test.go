package rl

import (
	"encoding/json"
	"math"
	"os"
	"testing"
)

// golden is testdata/golden.json, made by testdata/make_golden.py with torch.
type golden struct {
	Batch Batch
	Evals []Eval // what the policy says at each pass, flat over the kept samples
	Cases []struct {
		Algorithm, Title string
		Options          json.RawMessage // over DefaultOptions
		Passes           []struct {
			Loss, PolicyLoss float64
			Grad             struct{ LogProbs, Entropy, Values []float64 }
		}
	}
}

// readGolden returns the golden file with the dropped samples full of garbage.
func readGolden(t testing.TB) golden {
	data, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(data, &g); err != nil {
		t.Fatal(err)
	}
	nan := float32(math.NaN())
	for i := range g.Batch.Samples {
		if s := &g.Batch.Samples[i]; s.Dropped {
			s.Reward = math.Inf(1)
			s.LogProbs, s.Values = []float32{nan}, []float32{nan, nan}
		}
	}
	return g
}

// script is a Policy that plays back evaluations and records gradients.
type script struct {
	evals []Eval
	grads []Grad
}

func (p *script) Forward([]int) Eval            { return p.evals[len(p.grads)] }
func (p *script) Backward(g Grad)               { p.grads = append(p.grads, g) }
func (p *script) Step(lr, norm float64) float64 { return 1 }

// Gradients leave Go as float32, so they carry a rounding of 2^-24 each;
// everything before is float64 as in torch.
func near(got, want float64) bool {
	return math.Abs(got-want) <= 1e-9+1e-7*math.Abs(want)
}

func TestGolden(t *testing.T) {
	g := readGolden(t)
	for _, c := range g.Cases {
		t.Run(c.Algorithm+" "+c.Title, func(t *testing.T) {
			o := DefaultOptions()
			if err := json.Unmarshal(c.Options, &o); err != nil {
				t.Fatal(err)
			}
			a, err := New(c.Algorithm, o)
			if err != nil {
				t.Fatal(err)
			}
			p := &script{evals: g.Evals}
			m, err := a.Update(p, &g.Batch, Step{})
			if err != nil {
				t.Fatal(err)
			}
			if len(p.grads) != len(c.Passes) {
				t.Fatalf("%d passes, want %d", len(p.grads), len(c.Passes))
			}
			var loss, policyLoss float64
			for k, pass := range c.Passes {
				compare(t, k, "log-probability", p.grads[k].LogProbs, pass.Grad.LogProbs)
				compare(t, k, "entropy", p.grads[k].Entropy, pass.Grad.Entropy)
				compare(t, k, "value", p.grads[k].Values, pass.Grad.Values)
				loss += pass.Loss / float64(len(c.Passes))
				policyLoss += pass.PolicyLoss / float64(len(c.Passes))
			}
			if !near(m["loss/total_avg"], loss) || !near(m["loss/policy_avg"], policyLoss) {
				t.Errorf("loss %.12g, policy %.12g, want %.12g, %.12g", m["loss/total_avg"], m["loss/policy_avg"], loss, policyLoss)
			}
		})
	}
}

func compare(t *testing.T, pass int, what string, got []float32, want []float64) {
	t.Helper()
	if got == nil { // zero by the contract of Grad
		got = make([]float32, len(want))
	}
	if len(got) != len(want) {
		t.Fatalf("pass %d: %d gradients by %s, want %d", pass, len(got), what, len(want))
	}
	worst, at := 0.0, -1
	for k := range want {
		if d := math.Abs(float64(got[k]) - want[k]); d > worst {
			worst, at = d, k
		}
		if !near(float64(got[k]), want[k]) {
			t.Errorf("pass %d: gradient %d by %s is %.9g, want %.9g", pass, k, what, got[k], want[k])
		}
	}
	t.Logf("pass %d: %s: largest difference %.2g at %d", pass, what, worst, at)
}
