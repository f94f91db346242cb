package bench

import (
	"math"
	"slices"
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

// Which rows there are, by depth.
func TestLevels(t *testing.T) {
	s := shape{batch: 6, prompt: 4, response: 3, ownTokens: 1}
	for name, c := range map[string][2]levels{
		"unshared":       {unshared(3, 2), {3, 3}},
		"level":          {level(5, 2), {0, 0, 5}},
		"tree":           {s.tree(1), {1, 1, 1, 6, 6, 6}},
		"tree of groups": {s.tree(3), {1, 1, 1, 2, 6, 6}},
		"shared":         {s.share(unshared(2, 4)), {1, 1, 1, 2}},
		"one token each": {shape{batch: 2, prompt: 1, response: 1, ownTokens: 1}.tree(1), {2}},
	} {
		if !slices.Equal(c[0], c[1]) {
			t.Errorf("%s: got %v, want %v", name, c[0], c[1])
		}
	}
}

// Decoding is the prompts, then a row a sample for each token but the last, deeper each time; logits for each token.
func TestDecodeCost(t *testing.T) {
	s := shape{layers: 1, width: 10, vocab: 7, prompt: 3, newTokens: 3, ownTokens: 1}
	want := []cost{
		s.forward(levels{1, 1, 4}), s.logits(4, 7), s.forward(level(4, 3)), s.logits(4, 7), s.forward(level(4, 4)), s.logits(4, 7),
	}
	if got := s.decodeCost(4, true); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	want[0] = s.forward(levels{4, 4, 4})
	if got := s.decodeCost(4, false); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// Weights that no cache holds are read once by each pass, four numbers a weight by the optimiser.
func TestBytes(t *testing.T) {
	s := shapeA()
	w, head := 12.0*768*768*12, 768.0*50257
	if got := s.forward(level(1, 0)); got.bytes != 4*w || got.flops != 2*w+4*768*12 {
		t.Errorf("forward: got %+v", got)
	}
	if got := s.backward(level(1, 0)); got.bytes != 4*w || got.flops != 4*w+8*768*12 {
		t.Errorf("backward: got %+v", got)
	}
	if got := s.logitsBackward(3, 50257); got.bytes != 4*head || got.flops != 12*head {
		t.Errorf("logits: got %+v", got)
	}
	if got := s.optimiser(); got.bytes != 16*s.parameters() || got.flops != 14*s.parameters() {
		t.Errorf("optimiser: got %+v", got)
	}
	if got := (product{2048, 2048, 4096}).cost(); got.bytes != 4*(2048*2048+2048*4096) || got.flops != 2*2048*2048*4096 {
		t.Errorf("product: got %+v", got)
	}
	if traffic(cached/4) != 0 || traffic(cached/4+1) != cached+4 {
		t.Error("what a cache holds is not read from memory, one number more is")
	}
	if got, want := s.stepCost(), 5; len(got) != want || !slices.Equal(got[:2], s.forwardCost()) {
		t.Errorf("step: got %v", got)
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
	for _, s := range []shape{shapeA(), shapeB(), shapeC()} {
		m, err := lm.Declare(s.config())
		if err != nil {
			t.Fatal(err)
		}
		if got := s.parameters(); got != float64(m.NumParams()) || s.trained() != got {
			t.Errorf("shape %s: got %v weights, the model has %d", s.name, got, m.NumParams())
		}
	}
	a, _ := tiny()
	for _, s := range []shape{a.adapted(), tinyReal().adapted()} {
		m, err := s.model(nil)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, p := range m.LoRAParams() {
			n += p.K * p.N
		}
		if s.trained() != float64(n) || s.parameters() != float64(m.NumParams()) || n == 0 {
			t.Errorf("shape %s with adapters: got %v and %v weights, the model has %d and %d", s.name, s.parameters(), s.trained(), m.NumParams(), n)
		}
	}
}

// With adapters the frozen weights have no gradient: forward and backward are 2 operations a row and weight,
// and 6 a row and weight of an adapter. 12 rows, 24 pairs, 2 layers.
func TestAdapterCosts(t *testing.T) {
	s := tinyReal().adapted()
	rows := unshared(4, 3)
	w, a, attention := s.blockWeights(), s.adapterWeights(), 4.0*32*2*24
	if got, want := s.forward(rows).flops, 2*12*(w+a)+attention; got != want {
		t.Errorf("forward: got %v, want %v", got, want)
	}
	if got, want := s.backward(rows).flops, 2*12*(w+2*a)+2*attention; got != want {
		t.Errorf("backward: got %v, want %v", got, want)
	}
	if got, want := s.logitsBackward(3, 7).flops, s.logits(3, 7).flops; got != want {
		t.Errorf("head: got %v, want %v", got, want)
	}
	if got, want := s.trainingBytes()+s.referenceBytes(), 4*s.parameters()+16*a; got != want {
		t.Errorf("bytes: got %v, want %v", got, want)
	}
	full := tinyReal()
	if got, want := full.trainingBytes()+full.referenceBytes(), 20*full.parameters(); got != want {
		t.Errorf("bytes without adapters: got %v, want %v", got, want)
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
	c := tinyReal()
	c.vocab = 20011 // no two samples meet by chance
	if w, err = newStepper(c, nil, false); err != nil {
		t.Fatal(err)
	}
	if err := w.forward(); err != nil {
		t.Fatal(err)
	}
	if got, want := w.state.Rows(), c.ownTokens*2+5+c.batch*(c.response-1); got != want || len(w.targets) != c.batch*c.response {
		t.Errorf("step behind a template: got %d rows and %d targets, want %d and %d", got, len(w.targets), want, c.batch*c.response)
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
