package lm

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgsrm/kernel"
)

// testConfigs are small models with awkward sizes, one of each kind of block.
func testConfigs() map[string]Config {
	gpt := GPT2(2, 24, 4, 45, 40)
	odd := GPT2(3, 20, 2, 67, 33)
	odd.Tied = false
	llama := Config{
		Family: "llama", Layers: 2, Width: 24, Heads: 4, KVHeads: 2, HeadDim: 6, FF: 40, Vocab: 51, Positions: 40,
		Norm: RMSNorm, NormEps: 1e-6, Act: SiLU, Gated: true, Causal: true, Rope: RopeConfig{Theta: 10000}, BOS: -1, EOS: -1,
	}
	qwen := llama
	qwen.QKNorm, qwen.QKVBias, qwen.Tied = true, true, true
	return map[string]Config{"gpt2": gpt, "gpt2-free-head": odd, "llama": llama, "qwen": qwen}
}

// newTestModel returns a model whose weights are all random, norms and biases too.
func newTestModel(t *testing.T, c Config) *Model {
	t.Helper()
	m, err := NewRandom(c, 7)
	if err != nil {
		t.Fatal(err)
	}
	randomise(m, 1)
	return m
}

// randomise makes all weights random, norms and biases too, and adds a value head.
func randomise(m *Model, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 2))
	for _, p := range m.Params() {
		x := make([]float32, p.K*p.N)
		p.Get(x, false)
		for i := range x {
			x[i] += float32(rng.NormFloat64() * 0.15)
		}
		p.Set(x, false)
	}
	m.ValueHead(false)
	for i := range m.vhead.w {
		m.vhead.w[i] = float32(rng.NormFloat64() * 0.2)
	}
}

func forEachConfig(t *testing.T, f func(t *testing.T, m *Model)) {
	for name, c := range testConfigs() {
		t.Run(name, func(t *testing.T) { f(t, newTestModel(t, c)) })
	}
}

func randomTokens(rng *rand.Rand, n, vocab int) []int32 {
	x := make([]int32, n)
	for i := range x {
		x[i] = int32(rng.IntN(vocab))
	}
	return x
}

// testPrompts share a template of 5 tokens and differ after it.
func testPrompts(vocab int) [][]int32 {
	rng := rand.New(rand.NewPCG(3, 4))
	head := randomTokens(rng, 5, vocab)
	var ps [][]int32
	for i := range 6 {
		ps = append(ps, append(slices.Clone(head), randomTokens(rng, 1+i%4, vocab)...))
	}
	return append(ps, randomTokens(rng, 9, vocab), randomTokens(rng, 1, vocab))
}

func stream(p, g int) *rand.Rand { return rand.New(rand.NewPCG(uint64(p), uint64(g))) }

// sampleOptions covers the whole distribution and truncated ones.
func sampleOptions() []SampleOptions {
	return []SampleOptions{
		{Temperature: 1, MaxNewTokens: 5},
		{Temperature: 0.7, TopK: 7, MaxNewTokens: 4},
		{Temperature: 1.3, TopP: 0.8, MaxNewTokens: 3},
		{Temperature: 1, TopK: 20, TopP: 0.9, MinP: 0.02, MaxNewTokens: 4},
		{Temperature: 0, MaxNewTokens: 6},
	}
}

// TestSamplerIsTrainingForward: the sampler's log-probabilities are the bits of
// the training forward, in whatever batch, order and number of threads.
func TestSamplerIsTrainingForward(t *testing.T) {
	forEachConfig(t, func(t *testing.T, m *Model) {
		for i, opt := range sampleOptions() {
			t.Run(fmt.Sprint(i), func(t *testing.T) { checkSampler(t, m, opt) })
		}
	})
}

func checkSampler(t *testing.T, m *Model, opt SampleOptions) {
	prompts := testPrompts(m.Config.Vocab)
	gens, err := m.Generate(m.NewState(false), prompts, 3, opt, stream)
	if err != nil {
		t.Fatal(err)
	}
	temp := opt.Temperature
	for _, threads := range []int{1, 3} {
		pool := kernel.NewPool(threads)
		m.Pool = pool
		whole, alone := m.NewState(true), m.NewState(true)
		var targets []Target
		var want []float32
		for i := len(gens) - 1; i >= 0; i-- { // reversed: another order of rows
			one := sequenceTargets(alone, prompts[i/3], gens[i])
			m.Forward(alone)
			var sc Scores
			m.Score(alone, one, temp, &sc)
			if !slices.Equal(sc.LogProb, gens[i].LogProbs) || !slices.Equal(sc.Entropy, gens[i].Entropy) {
				t.Fatalf("sample %d alone: %v, sampler %v", i, sc.LogProb, gens[i].LogProbs)
			}
			alone.Reset()
			targets = append(targets, sequenceTargets(whole, prompts[i/3], gens[i])...)
			want = append(want, gens[i].LogProbs...)
		}
		m.Forward(whole)
		var sc Scores
		m.Score(whole, targets, temp, &sc)
		if !slices.Equal(sc.LogProb, want) {
			t.Fatalf("%d threads: training forward differs from the sampler", threads)
		}
		m.Pool = nil
		pool.Close()
	}
}

// sequenceTargets adds prompt and response to the state and returns the
// response's targets.
func sequenceTargets(s *State, prompt []int32, g Generation) []Target {
	rows := s.AddSequence(append(slices.Clone(prompt), g.Tokens[:len(g.Tokens)-1]...))
	var out []Target
	for i, tok := range g.Tokens {
		out = append(out, Target{rows[len(prompt)-1+i], tok, g.Support[i]})
	}
	return out
}

// lossOf is a loss with fixed random derivatives with respect to the scores.
func lossOf(m *Model, s *State, targets []Target, temp float32, g ScoreGrads) float64 {
	var sc Scores
	m.Score(s, targets, temp, &sc)
	var sum float64
	for i := range targets {
		sum += float64(g.LogProb[i])*float64(sc.LogProb[i]) + float64(g.Entropy[i])*float64(sc.Entropy[i]) + float64(g.Value[i])*float64(sc.Value[i])
	}
	return sum
}

func randomGrads(n int) ScoreGrads {
	rng := rand.New(rand.NewPCG(8, 9))
	var g ScoreGrads
	for range n {
		g.LogProb = append(g.LogProb, float32(rng.NormFloat64()))
		g.Entropy = append(g.Entropy, float32(rng.NormFloat64()))
		g.Value = append(g.Value, float32(rng.NormFloat64()))
	}
	return g
}

// testBatch is a tree of responses with truncated and whole distributions.
func testBatch(t *testing.T, m *Model, opt SampleOptions) (build func(s *State) []Target) {
	t.Helper()
	prompts := testPrompts(m.Config.Vocab)
	gens, err := m.Generate(m.NewState(false), prompts, 2, opt, stream)
	if err != nil {
		t.Fatal(err)
	}
	return func(s *State) (targets []Target) {
		for i, g := range gens {
			targets = append(targets, sequenceTargets(s, prompts[i/2], g)...)
		}
		return targets
	}
}

// TestGradients compares every parameter's gradient with a central difference
// along a random direction.
func TestGradients(t *testing.T) {
	for _, opt := range []SampleOptions{{Temperature: 1, MaxNewTokens: 4}, {Temperature: 0.8, TopK: 9, MaxNewTokens: 3}} {
		forEachConfig(t, func(t *testing.T, m *Model) {
			build := testBatch(t, m, opt)
			s := m.NewState(true)
			targets := build(s)
			g := randomGrads(len(targets))
			m.Forward(s)
			m.Backward(s, targets, opt.Temperature, g)
			eval := func() float64 {
				e := m.NewState(false)
				build(e)
				m.Forward(e)
				return lossOf(m, e, targets, opt.Temperature, g)
			}
			for i, p := range m.Params() {
				x, dx := make([]float32, p.K*p.N), make([]float32, p.K*p.N)
				p.Get(x, false)
				p.GetGrad(dx, false)
				got, want := differences(i, x, dx, eval, func(v []float32) { p.Set(v, false) })
				checkClose(t, p.Name, got, want)
			}
			got, want := differences(99, slices.Clone(m.vhead.w), m.vhead.grad, eval, func(v []float32) { copy(m.vhead.w, v) })
			checkClose(t, "value head", got, want)
		})
	}
}

// differences returns the directional derivative by backward and by central
// difference. The direction is the gradient's sign pattern with noise, so that
// the derivative is large against rounding.
func differences(seed int, x, dx []float32, eval func() float64, set func([]float32)) (analytic, numeric float64) {
	rng := rand.New(rand.NewPCG(uint64(seed), 5))
	dir, at := make([]float64, len(x)), make([]float32, len(x))
	var norm float64
	for i := range dir {
		dir[i] = rng.NormFloat64() + 2*math.Copysign(1, float64(dx[i]))
		norm += dir[i] * dir[i]
	}
	h := 3e-3
	shift := func(sign float64) float64 {
		for i := range x {
			at[i] = x[i] + float32(sign*h*dir[i]/math.Sqrt(norm))
		}
		set(at)
		return eval()
	}
	numeric = (shift(1) - shift(-1)) / (2 * h)
	set(x)
	for i := range dx {
		analytic += float64(dx[i]) * dir[i] / math.Sqrt(norm)
	}
	return analytic, numeric
}

func checkClose(t *testing.T, name string, got, want float64) {
	t.Helper()
	if !(math.Abs(want) > 0.1) {
		t.Errorf("%s: central difference %.5f is too small to compare", name, want)
	}
	if !(math.Abs(got-want) <= 0.01*math.Abs(want)) {
		t.Errorf("%s: derivative %.5f, central difference %.5f", name, got, want)
	}
}

// TestTreeGradient: the gradient of a prefix tree is the sum of those of its
// sequences computed one by one.
func TestTreeGradient(t *testing.T) {
	forEachConfig(t, func(t *testing.T, m *Model) {
		prompts := testPrompts(m.Config.Vocab)
		opt := SampleOptions{Temperature: 1, MaxNewTokens: 4}
		gens, err := m.Generate(m.NewState(false), prompts, 2, opt, stream)
		if err != nil {
			t.Fatal(err)
		}
		tree, alone := m.NewState(true), m.NewState(true)
		var all []Target
		for i, g := range gens {
			all = append(all, sequenceTargets(tree, prompts[i/2], g)...)
		}
		g := randomGrads(len(all))
		m.Forward(tree)
		m.Backward(tree, all, 1, g)
		want := slices.Clone(m.grad)
		m.ZeroGrad()
		at := 0
		for i, gen := range gens {
			alone.Reset()
			ts := sequenceTargets(alone, prompts[i/2], gen)
			n := at + len(ts)
			m.Forward(alone)
			m.Backward(alone, ts, 1, ScoreGrads{g.LogProb[at:n], g.Entropy[at:n], g.Value[at:n]})
			at = n
		}
		closeGradient(t, "one by one", m.grad, want)
	})
}

// closeGradient compares gradients that differ by the order of their sums.
func closeGradient(t *testing.T, what string, got, want []float32) {
	t.Helper()
	var scale float64
	for _, v := range want {
		scale = max(scale, math.Abs(float64(v)))
	}
	if !(scale > 0.1) {
		t.Fatalf("%s: largest number is %v, too small to compare", what, scale)
	}
	for i := range want {
		if !(math.Abs(float64(want[i]-got[i])) <= 1e-4*scale) {
			t.Fatalf("%s: gradient %d is %v, want %v", what, i, got[i], want[i])
		}
	}
}

// TestThreadsGradient: any number of threads gives the same gradient bits.
func TestThreadsGradient(t *testing.T) {
	forEachConfig(t, func(t *testing.T, m *Model) {
		build := testBatch(t, m, SampleOptions{Temperature: 1, MaxNewTokens: 4})
		var want []float32
		for _, threads := range []int{1, 2, 5} {
			pool := kernel.NewPool(threads)
			m.Pool = pool
			s := m.NewState(true)
			targets := build(s)
			m.Forward(s)
			m.Backward(s, targets, 1, randomGrads(len(targets)))
			if want == nil {
				want = slices.Clone(m.grad)
			} else if !slices.Equal(want, m.grad) {
				t.Errorf("%d threads: other gradient bits than one thread", threads)
			}
			m.ZeroGrad()
			m.Pool = nil
			pool.Close()
		}
	})
}

// TestRolloutStateTrains: the rows of a training rollout serve Score and
// Backward without another forward: the same scores as the sampler's, and the
// gradient of rows computed afresh, also in a State that was used before.
func TestRolloutStateTrains(t *testing.T) {
	forEachConfig(t, func(t *testing.T, m *Model) {
		prompts, opt := testPrompts(m.Config.Vocab), SampleOptions{Temperature: 0.9, TopK: 11, MaxNewTokens: 4}
		s := m.NewState(true)
		var first []float32
		for round := range 2 { // the second time with warm buffers
			s.Reset()
			gens, err := m.Generate(s, prompts, 3, opt, stream)
			if err != nil {
				t.Fatal(err)
			}
			var targets []Target
			var want []float32
			for _, g := range gens {
				for i, tok := range g.Tokens {
					targets = append(targets, Target{g.Rows[i], tok, g.Support[i]})
				}
				want = append(want, g.LogProbs...)
			}
			var sc Scores
			m.Score(s, targets, opt.Temperature, &sc)
			if !slices.Equal(sc.LogProb, want) {
				t.Fatal("scores of the rollout's rows differ from the sampler's")
			}
			g := randomGrads(len(targets))
			m.Backward(s, targets, opt.Temperature, g)
			got := slices.Concat(m.grad, m.vhead.grad)
			m.ZeroGrad()
			if round > 0 {
				if !slices.Equal(got, first) {
					t.Error("a State that was used before gives other gradient bits")
				}
				continue
			}
			first = got
			fresh := m.NewState(true)
			targets = targets[:0]
			for i, gen := range gens {
				targets = append(targets, sequenceTargets(fresh, prompts[i/3], gen)...)
			}
			m.Forward(fresh)
			m.Backward(fresh, targets, opt.Temperature, g)
			closeGradient(t, "rows of the rollout", got, slices.Concat(m.grad, m.vhead.grad))
			m.ZeroGrad()
		}
	})
}
