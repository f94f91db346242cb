package lm

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"pgsrm/kernel"
)

// These properties hold rule 1 of the engine, one result per row, on random
// models of every family and random trees of sequences: what a row computes
// depends on its own tokens only.

// causalFamilies are the families that write text.
var causalFamilies = []string{"gpt2", "llama", "mistral", "qwen2", "qwen3"}

// threadCounts are those that every property draws from.
var threadCounts = []int{1, 2, 3, 5}

// pools are started once: a property draws from them.
func pools(t *testing.T) []*kernel.Pool {
	t.Helper()
	all := []*kernel.Pool{nil}
	for _, n := range threadCounts {
		p := kernel.NewPool(n)
		t.Cleanup(p.Close)
		all = append(all, p)
	}
	return all
}

// forEachFamily checks a property with models of each family.
func forEachFamily(t *testing.T, families []string, property func(t *rapid.T, m *Model, pools []*kernel.Pool)) {
	ps := pools(t)
	for _, family := range families {
		t.Run(family, rapid.MakeCheck(func(t *rapid.T) { property(t, drawModel(t, family), ps) }))
	}
}

func between(t *rapid.T, lo, hi int, name string) int { return rapid.IntRange(lo, hi).Draw(t, name) }

// drawModel returns a model with one or two layers of any awkward size: heads of a
// size that is no multiple of a vector, vocabularies that are no multiple of a
// panel, contexts from 1 on, sums longer than one piece of a matrix product.
func drawModel(t *rapid.T, family string) *Model {
	c := Config{
		Family: family, Layers: between(t, 1, 3, "layers"), KVHeads: between(t, 1, 3, "kv heads"),
		HeadDim: rapid.SampledFrom([]int{2, 6, 8, 14, 16, 18, 32, 34}).Draw(t, "head size"),
		FF:      rapid.SampledFrom([]int{1, 5, 24, 33, 64, 270}).Draw(t, "mlp width"),
		Vocab:   between(t, 2, 100, "vocabulary"),
		NormEps: 1e-5, BOS: -1, EOS: -1,
		Positions: rapid.SampledFrom([]int{1, 2, 7, 16, 33, 80, 150}).Draw(t, "positions"),
	}
	c.Heads = c.KVHeads * between(t, 1, 2, "group")
	switch family {
	case "gpt2", "bert":
		c.KVHeads, c.Width = c.Heads, c.Heads*c.HeadDim
		c.Norm, c.Act, c.QKVBias, c.OutBias, c.MLPBias = LayerNorm, GELUTanh, true, true, true
		if family == "bert" {
			c.Act, c.PostNorm, c.NoHead, c.Types = GELUErf, true, true, 2
		}
	default:
		c.Width = between(t, 1, 70, "width")
		c.Norm, c.Act, c.Gated = RMSNorm, SiLU, true
		c.Rope = RopeConfig{Theta: 10000}
		c.QKVBias = family == "qwen2" || family == "llama" && rapid.Bool().Draw(t, "bias")
		c.OutBias, c.MLPBias = c.QKVBias && family == "llama", c.QKVBias && family == "llama"
		c.QKNorm = family == "qwen3"
	}
	c.Causal = family != "bert"
	c.Tied = c.Causal && (family == "gpt2" || rapid.Bool().Draw(t, "tied"))
	m, err := NewRandom(c, rapid.Uint64().Draw(t, "weights"))
	if err != nil {
		t.Fatal(err)
	}
	randomise(m, 3)
	return m
}

// drawSequences returns sequences of 1 to longest tokens; most begin as an earlier one does.
func drawSequences(t *rapid.T, vocab, longest int) [][]int32 {
	rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "tokens"), 1))
	var seqs [][]int32
	for i := range between(t, 1, 6, "sequences") {
		n := rapid.SampledFrom([]int{1, longest, 1 + rng.IntN(longest), 1 + rng.IntN(min(longest, 9))}).Draw(t, "length")
		seq := randomTokens(rng, n, vocab)
		if i > 0 {
			parent := seqs[rng.IntN(i)]
			copy(seq, parent[:rng.IntN(len(parent)+1)])
		}
		seqs = append(seqs, seq)
	}
	return seqs
}

// drawSupport returns nil or some ids, ascending, the token among them.
func drawSupport(rng *rand.Rand, vocab int, token int32) []int32 {
	if rng.IntN(2) == 0 {
		return nil
	}
	var ids []int32
	for v := range int32(vocab) {
		if v == token || rng.IntN(3) == 0 {
			ids = append(ids, v)
		}
	}
	return ids
}

// lessons are targets after every token of each sequence, with the row still to be set.
func lessons(seqs [][]int32, vocab int) [][]Target {
	rng := rand.New(rand.NewPCG(11, 12))
	out := make([][]Target, len(seqs))
	for i, seq := range seqs {
		for range seq {
			token := rng.Int32N(int32(vocab))
			out[i] = append(out[i], Target{Token: token, Support: drawSupport(rng, vocab, token)})
		}
	}
	return out
}

// onRows are the targets of one sequence on its last rows.
func onRows(targets []Target, rows []int32) []Target {
	out, rows := slices.Clone(targets), rows[len(rows)-len(targets):]
	for i := range out {
		out[i].Row = rows[i]
	}
	return out
}

// found is what a State says of one sequence.
type found struct {
	hidden []float32 // [n][D]
	scores Scores    // [n]
}

// ask scores the sequences of a State, all targets together.
func ask(m *Model, s *State, rows [][]int32, targets [][]Target, temperature float32) []found {
	out := make([]found, len(rows))
	var all []Target
	for i := range rows {
		for _, r := range rows[i] {
			out[i].hidden = append(out[i].hidden, s.Hidden(r)...)
		}
		all = append(all, onRows(targets[i], rows[i])...)
	}
	if m.Config.NoHead {
		return out
	}
	var sc Scores
	m.Score(s, all, temperature, &sc)
	for i := range rows {
		n := len(rows[i])
		out[i].scores = Scores{slices.Clone(sc.LogProb[:n]), slices.Clone(sc.Entropy[:n]), slices.Clone(sc.Value[:n])}
		sc = Scores{sc.LogProb[n:], sc.Entropy[n:], sc.Value[n:]}
	}
	return out
}

func sameFound(t *rapid.T, what string, got, want found) {
	t.Helper()
	for name, pair := range map[string][2][]float32{
		"hidden states":     {got.hidden, want.hidden},
		"log-probabilities": {got.scores.LogProb, want.scores.LogProb},
		"entropies":         {got.scores.Entropy, want.scores.Entropy},
		"values":            {got.scores.Value, want.scores.Value},
	} {
		for i := range pair[1] {
			if math.Float32bits(pair[0][i]) != math.Float32bits(pair[1][i]) {
				t.Fatalf("%s: %s: number %d is %v, of the sequence alone %v", what, name, i, pair[0][i], pair[1][i])
			}
		}
	}
}

// TestRowsProperty: the training forward of a sequence alone, of a whole tree in
// any order on any number of threads, and cached decoding token by token give the
// same bits of every hidden state, log-probability, entropy and value.
func TestRowsProperty(t *testing.T) {
	forEachFamily(t, causalFamilies, func(t *rapid.T, m *Model, pools []*kernel.Pool) {
		seqs := drawSequences(t, m.Config.Vocab, m.Config.Positions)
		targets := lessons(seqs, m.Config.Vocab)
		temperature := rapid.SampledFrom([]float32{1, 0.7}).Draw(t, "temperature")
		want := make([]found, len(seqs))
		for i, seq := range seqs {
			s := m.NewState(true)
			rows := s.AddSequence(seq)
			m.Forward(s)
			want[i] = ask(m, s, [][]int32{rows}, targets[i:i+1], temperature)[0]
		}
		m.Pool = rapid.SampledFrom(pools).Draw(t, "pool")
		tree, rows := m.NewState(true), make([][]int32, len(seqs))
		for _, i := range rapid.Permutation(indices(len(seqs))).Draw(t, "order") {
			rows[i] = tree.AddSequence(seqs[i])
			if rapid.Bool().Draw(t, "forward") {
				m.Forward(tree)
			}
		}
		m.Forward(tree)
		for i, got := range ask(m, tree, rows, targets, temperature) {
			sameFound(t, fmt.Sprintf("sequence %d in the tree", i), got, want[i])
		}
		cache := m.NewState(false)
		rows = stepByStep(m, cache, seqs)
		for i, got := range ask(m, cache, rows, targets, temperature) {
			sameFound(t, fmt.Sprintf("sequence %d token by token", i), got, want[i])
		}
	})
}

func indices(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// stepByStep runs the sequences side by side, one token of each a Forward.
func stepByStep(m *Model, s *State, seqs [][]int32) (rows [][]int32) {
	rows = make([][]int32, len(seqs))
	for at, more := 0, true; more; at++ {
		more = false
		for i, seq := range seqs {
			if at >= len(seq) {
				continue
			}
			parent := int32(-1)
			if at > 0 {
				parent = rows[i][at-1]
			}
			rows[i], more = append(rows[i], s.Add(parent, seq[at])), true
		}
		m.Forward(s)
	}
	return rows
}

// TestEncoderRowsProperty is the same for texts in which every token sees all others.
func TestEncoderRowsProperty(t *testing.T) {
	forEachFamily(t, []string{"bert"}, func(t *rapid.T, m *Model, pools []*kernel.Pool) {
		seqs := drawSequences(t, m.Config.Vocab, m.Config.Positions)
		want := make([]found, len(seqs))
		for i, seq := range seqs {
			s := m.NewState(false)
			rows := s.AddBidirectional(seq)
			m.Forward(s)
			want[i] = ask(m, s, [][]int32{rows}, make([][]Target, 1), 1)[0]
		}
		m.Pool = rapid.SampledFrom(pools).Draw(t, "pool")
		s, rows := m.NewState(false), make([][]int32, len(seqs))
		for _, i := range rapid.Permutation(indices(len(seqs))).Draw(t, "order") {
			rows[i] = s.AddBidirectional(seqs[i])
		}
		m.Forward(s)
		for i, got := range ask(m, s, rows, make([][]Target, len(seqs)), 1) {
			sameFound(t, fmt.Sprintf("text %d among others", i), got, want[i])
		}
	})
}

// drawRollout returns prompts, samples per prompt and options that fit the context, often exactly.
func drawRollout(t *rapid.T, c Config) (prompts [][]int32, n int, opt SampleOptions) {
	opt = rapid.SampledFrom(sampleOptions()).Draw(t, "sampling")
	opt.MaxNewTokens = between(t, 1, min(5, c.Positions-1), "new tokens")
	return drawSequences(t, c.Vocab, c.Positions-opt.MaxNewTokens), between(t, 1, 4, "samples"), opt
}

// TestSamplerProperty: a sample and its log-probabilities depend on nothing but
// the prompt and its stream, and are those of the training forward.
func TestSamplerProperty(t *testing.T) {
	forEachFamily(t, causalFamilies, func(t *rapid.T, m *Model, pools []*kernel.Pool) {
		m.Config.Positions = max(m.Config.Positions, 2)
		if m.positions != nil && m.positions.K < m.Config.Positions {
			t.Skip("no room for a new token")
		}
		prompts, n, opt := drawRollout(t, m.Config)
		if rapid.Bool().Draw(t, "end token") {
			m.Config.EOS = 1
		}
		m.Pool = rapid.SampledFrom(pools).Draw(t, "pool")
		rollout := m.NewState(rapid.Bool().Draw(t, "train"))
		gens, err := m.Generate(rollout, prompts, n, opt, stream)
		if err != nil {
			t.Fatal(err)
		}
		m.Pool = rapid.SampledFrom(pools).Draw(t, "other pool")
		order := rapid.Permutation(indices(len(prompts))).Draw(t, "order")
		order = order[:between(t, 1, len(order), "chosen")]
		chosen := make([][]int32, len(order))
		for at, i := range order {
			chosen[at] = prompts[i]
		}
		again, err := m.Generate(m.NewState(false), chosen, n, opt, func(p, g int) *rand.Rand { return stream(order[p], g) })
		if err != nil {
			t.Fatal(err)
		}
		for k, got := range again {
			want := gens[order[k/n]*n+k%n]
			if !slices.Equal(got.Tokens, want.Tokens) || !slices.Equal(got.LogProbs, want.LogProbs) || !slices.Equal(got.Entropy, want.Entropy) || got.Finish != want.Finish {
				t.Fatalf("sample %d of prompt %d in another batch: %v, want %v", k%n, order[k/n], got, want)
			}
		}
		fresh, targets := trained(t, m, prompts, n, opt, gens)
		if rollout.train {
			sameGradient(t, m, opt, rollout, fresh, gens, targets)
		}
	})
}

// sameGradient compares the gradient from the rows that the sampler left with that
// from rows computed afresh, whose targets these are.
func sameGradient(t *rapid.T, m *Model, opt SampleOptions, rollout, fresh *State, gens []Generation, targets []Target) {
	t.Helper()
	g := randomGrads(len(targets))
	m.Backward(fresh, targets, opt.Temperature, g)
	want := make([]float64, 0, len(m.grad))
	for _, v := range slices.Concat(m.grad, m.vhead.grad) {
		want = append(want, float64(v))
	}
	m.ZeroGrad()
	targets = targets[:0]
	for _, gen := range gens {
		for i, token := range gen.Tokens {
			targets = append(targets, Target{gen.Rows[i], token, gen.Support[i]})
		}
	}
	m.Backward(rollout, targets, opt.Temperature, g)
	nearGradient(t, m, "from the rollout", slices.Concat(m.grad, m.vhead.grad), want, want)
}

// trained checks samples against the training forward of all of them, which it returns.
func trained(t *rapid.T, m *Model, prompts [][]int32, n int, opt SampleOptions, gens []Generation) (s *State, targets []Target) {
	t.Helper()
	s = m.NewState(true)
	var want Scores
	for i, g := range gens {
		targets = append(targets, sequenceTargets(s, prompts[i/n], g)...)
		want.LogProb, want.Entropy = append(want.LogProb, g.LogProbs...), append(want.Entropy, g.Entropy...)
	}
	m.Forward(s)
	var sc Scores
	m.Score(s, targets, opt.Temperature, &sc)
	if !slices.Equal(sc.LogProb, want.LogProb) || !slices.Equal(sc.Entropy, want.Entropy) {
		t.Fatalf("training forward %v %v, sampler %v %v", sc.LogProb, sc.Entropy, want.LogProb, want.Entropy)
	}
	return s, targets
}

// gradientIn is the gradient of all weights and the value head, for a loss with
// derivatives g of the targets of the sequences, in an empty State.
func gradientIn(m *Model, s *State, seqs [][]int32, targets [][]Target, g []ScoreGrads) []float32 {
	var all []Target
	var grads ScoreGrads
	for i, seq := range seqs {
		all = append(all, onRows(targets[i], s.AddSequence(seq))...)
		grads.LogProb, grads.Entropy, grads.Value = append(grads.LogProb, g[i].LogProb...), append(grads.Entropy, g[i].Entropy...), append(grads.Value, g[i].Value...)
	}
	m.Forward(s)
	m.Backward(s, all, 0.8, grads)
	_, grad := m.trained()
	out := slices.Concat(grad, m.vhead.grad)
	m.ZeroGrad()
	return out
}

// TestRecomputeProperty: activation checkpointing, and the outputs of attention computed again as in large models,
// give the same bits of every gradient, also where the tree was computed bit by bit.
func TestRecomputeProperty(t *testing.T) {
	forEachFamily(t, causalFamilies, func(t *rapid.T, m *Model, pools []*kernel.Pool) {
		m.Pool = rapid.SampledFrom(pools).Draw(t, "pool")
		seqs := drawSequences(t, m.Config.Vocab, m.Config.Positions)
		targets, g := drawLoss(t, seqs, m.Config.Vocab)
		if rapid.Bool().Draw(t, "adapters") {
			if err := m.AddLoRA(someLoRA, linearModules(m), 5); err != nil {
				t.Fatal(err)
			}
		}
		keep := gradientIn(m, m.NewState(true), seqs, targets, g)
		m.Recompute = rapid.Bool().Draw(t, "checkpointing")
		again := m.NewState(true)
		again.mixed = rapid.Bool().Draw(t, "attention kept")
		for _, seq := range seqs {
			again.AddSequence(seq)
			m.Forward(again)
		}
		if !slices.Equal(keep, gradientIn(m, again, seqs, targets, g)) {
			t.Fatal("what is computed again gives other gradient bits")
		}
	})
}

// TestScoringStateProperty: a State that keeps keys and values of two blocks only gives the same bits, also when
// it is used again; it cannot be continued.
func TestScoringStateProperty(t *testing.T) {
	forEachFamily(t, causalFamilies, func(t *rapid.T, m *Model, pools []*kernel.Pool) {
		m.Pool = rapid.SampledFrom(pools).Draw(t, "pool")
		once := m.NewScoringState()
		for range 2 {
			seqs := drawSequences(t, m.Config.Vocab, m.Config.Positions)
			targets := lessons(seqs, m.Config.Vocab)
			var want, got [][]int32
			s := m.NewState(false)
			once.Reset()
			for _, seq := range seqs {
				want, got = append(want, s.AddSequence(seq)), append(got, once.AddSequence(seq))
			}
			m.Forward(s)
			m.Forward(once)
			found := ask(m, once, got, targets, 0.7)
			for i, w := range ask(m, s, want, targets, 0.7) {
				sameFound(t, fmt.Sprintf("sequence %d", i), found[i], w)
			}
		}
		if once.Add(-1, 0); once.Rows() > once.done {
			defer func() {
				if recover() == nil {
					t.Error("a State for scoring grew after Forward")
				}
			}()
			m.Forward(once)
		}
	})
}

// drawLoss returns targets of the last tokens of each sequence, with derivatives.
func drawLoss(t *rapid.T, seqs [][]int32, vocab int) (targets [][]Target, g []ScoreGrads) {
	targets, g = lessons(seqs, vocab), make([]ScoreGrads, len(seqs))
	for i, of := range targets {
		targets[i] = of[between(t, 0, len(of)-1, "without target"):]
		g[i] = randomGrads(len(targets[i]))
	}
	return targets, g
}

// TestUsedStateProperty: a State that was used for other trees, larger and smaller
// ones, gives the bits of a new one.
func TestUsedStateProperty(t *testing.T) {
	forEachFamily(t, causalFamilies, func(t *rapid.T, m *Model, _ []*kernel.Pool) {
		used := m.NewState(true)
		for round := range between(t, 2, 4, "rounds") {
			seqs := drawSequences(t, m.Config.Vocab, min(m.Config.Positions, 4+5*round))
			targets, g := drawLoss(t, seqs, m.Config.Vocab)
			used.Reset()
			if !slices.Equal(gradientIn(m, used, seqs, targets, g), gradientIn(m, m.NewState(true), seqs, targets, g)) {
				t.Fatalf("round %d: other gradient bits than in a new State", round)
			}
		}
	})
}

// TestGradientProperty: the gradient of a prefix tree has the same bits on any
// number of threads, and is, but for rounding, the sum of those of its sequences
// one by one, in whatever order they come.
func TestGradientProperty(t *testing.T) {
	forEachFamily(t, causalFamilies, func(t *rapid.T, m *Model, pools []*kernel.Pool) {
		seqs := drawSequences(t, m.Config.Vocab, m.Config.Positions)
		targets, g := drawLoss(t, seqs, m.Config.Vocab)
		tree := gradientIn(m, m.NewState(true), seqs, targets, g)
		m.Pool = rapid.SampledFrom(pools[2:]).Draw(t, "pool")
		if !slices.Equal(tree, gradientIn(m, m.NewState(true), seqs, targets, g)) {
			t.Fatalf("%d threads: other gradient bits than one", m.Pool.Threads())
		}
		sum, size := make([]float64, len(tree)), make([]float64, len(tree))
		for i := range seqs {
			for k, v := range gradientIn(m, m.NewState(true), seqs[i:i+1], targets[i:i+1], g[i:i+1]) {
				sum[k] += float64(v)
				size[k] += math.Abs(float64(v))
			}
		}
		m.Pool = nil
		nearGradient(t, m, "one by one", tree, sum, size)
		slices.Reverse(seqs)
		slices.Reverse(targets)
		slices.Reverse(g)
		nearGradient(t, m, "reversed", gradientIn(m, m.NewState(true), seqs, targets, g), sum, size)
	})
}

// nearGradient compares each number with the largest of its parameter's, since an
// element may be a small difference of large sums, and with the largest of all: norms of
// a few nearly equal numbers multiply the rounding of what reaches them.
func nearGradient(t *rapid.T, m *Model, what string, got []float32, want, size []float64) {
	t.Helper()
	all := slices.Max(size)
	check := func(name string, lo, hi int) {
		scale := max(slices.Max(size[lo:hi]), -slices.Min(size[lo:hi]))
		for k := lo; k < hi; k++ {
			if !(math.Abs(float64(got[k])-want[k]) <= 2e-4*scale+3e-5*all+1e-6) {
				t.Fatalf("%s: %s: element %d is %v, want %v (largest %v)", what, name, k-lo, got[k], want[k], scale)
			}
		}
	}
	for i, p := range m.params {
		check(p.Name, p.off, m.end(i))
	}
	check("value head", len(m.value), len(got))
}

// TestEveryKernelVariant runs the properties again, each other variant of the
// kernels in a process of its own: it is chosen once, at start.
func TestEveryKernelVariant(t *testing.T) {
	if os.Getenv("PGSRM_KERNEL") != "" {
		t.Skip("PGSRM_KERNEL asks for one variant; the others were NOT tested")
	}
	if testing.Short() {
		t.Skip("properties with other kernels than the best one NOT tested with -short")
	}
	for _, name := range kernel.Variants() {
		if name == kernel.Name() {
			continue
		}
		t.Run(name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=Property$", "-test.short", "-rapid.nofailfile")
			cmd.Env = append(os.Environ(), "PGSRM_KERNEL="+name, "RAPID_CHECKS=50")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
