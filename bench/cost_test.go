package bench

import (
	"math"
	"testing"

	"pgsrm/lm"
)

func TestCosts(t *testing.T) {
	s := shape{layers: 2, width: 10, vocab: 7, batch: 4, prompt: 3, response: 2, group: 2, newTokens: 2, topK: 5, ownTokens: 1}
	// 2400 weights; two sequences of 3: 6 rows, 1+2+3 pairs each, 2 layers.
	if got, want := s.forward(unshared(2, 3)).flops, 2.0*2400*6+4*10*2*12; got != want {
		t.Errorf("forward: got %v, want %v", got, want)
	}
	if got, want := s.backward(unshared(2, 3)).flops, 2*(2.0*2400*6+4*10*2*12); got != want {
		t.Errorf("backward: got %v, want %v", got, want)
	}
	if got, want := s.logits(3, 7).flops, 2.0*10*7*3; got != want {
		t.Errorf("logits: got %v, want %v", got, want)
	}
	// Prompts 1 1 2, then 4 samples: rows 1, 1, 2, 4.
	var trunk float64
	for _, c := range s.iterationCost(2) {
		trunk += c.flops
	}
	forward := s.forward(levels{1, 1, 2, 4}).flops
	want := 4*forward + s.logits(2+4, 7).flops + 3*s.logits(2+4, 5).flops + s.optimiser().flops
	if math.Abs(trunk-want) > 1e-6*want {
		t.Errorf("iteration: got %v, want %v", trunk, want)
	}
	if got := len(s.decodeCost(4, false)); got != 2*s.newTokens {
		t.Errorf("decode: got %d phases", got)
	}
}

func TestSeconds(t *testing.T) {
	m := Machine{Peak: 100, Memory: 10}
	if got := m.seconds([]cost{{flops: 2e11, bytes: 1e10}, {flops: 1e10, bytes: 5e9}}); math.Abs(got-2.5) > 1e-12 {
		t.Errorf("got %v, want 2 s of arithmetic and 0.5 s of memory", got)
	}
	if got := traffic(1000); got != 0 {
		t.Errorf("weights that stay in the cache: got %v bytes", got)
	}
	if got := traffic(1e8); got != 4e8 {
		t.Errorf("got %v bytes", got)
	}
}

// The optimiser moves as many weights as the models have.
func TestParameters(t *testing.T) {
	for _, s := range []shape{shapeA(), shapeB()} {
		m, err := lm.New(s.config())
		if err != nil {
			t.Fatal(err)
		}
		if got := s.parameters(); got != float64(m.NumParams()) {
			t.Errorf("shape %s: got %v weights, the model has %d", s.name, got, m.NumParams())
		}
	}
}

// A step of sequences that share nothing computes every token but the last; an iteration as
// many rows as its cost says.
func TestRowsOfTheTree(t *testing.T) {
	a, _ := tiny()
	w, err := newStepper(a, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.forward(); err != nil {
		t.Fatal(err)
	}
	if got, want := w.state.Rows(), a.batch*(a.prompt+a.response-1); got != want {
		t.Errorf("step: got %d rows, want %d", got, want)
	}
	if got, want := len(w.targets), a.batch*a.response; got != want {
		t.Errorf("step: got %d targets, want %d", got, want)
	}
	a.vocab, a.topK = 20011, 20011 // no two samples meet by chance
	for algo, g := range map[string]int{"ppo": 1, "grpo": a.group, "rloo": a.group} {
		it, err := newIteration(a, nil, algo, g)
		if err != nil {
			t.Fatal(err)
		}
		w := it.work()
		w.prepare()
		if err := w.run(); err != nil {
			t.Fatal(err)
		}
		want := 0
		for _, n := range a.tree(g) {
			want += n
		}
		if got := it.state.Rows(); got != want {
			t.Errorf("%s: got %d rows, want %d", algo, got, want)
		}
	}
}
