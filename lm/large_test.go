package lm

import (
	"math/rand/v2"
	"slices"
	"testing"

	"pgsrm/kernel"
)

// largeModel has blocks whose weights do not stay in a cache: long chains, and outputs of attention that are
// computed again.
func largeModel(t *testing.T, lora bool) *Model {
	m := newTestModel(t, Config{
		Family: "llama", Layers: 3, Width: 192, Heads: 3, KVHeads: 1, FF: 1700, Vocab: 61, Positions: 64,
		Norm: RMSNorm, NormEps: 1e-5, Act: SiLU, Gated: true, Causal: true, Tied: true, Rope: RopeConfig{Theta: 1e4}, BOS: -1, EOS: -1,
	}.WithDefaults())
	if kernel.Small(m.Config.blockWeights()) {
		t.Fatalf("%d weights of a block are too few", m.Config.blockWeights())
	}
	if lora {
		return adapted(t, m, LoRA{Rank: 5, Alpha: 7}, true)
	}
	return m
}

// TestLargeBlocks: also where blocks of rows are long and attention is computed again, the gradient has the same bits
// on any number of threads, the second time, and as if attention had been kept.
func TestLargeBlocks(t *testing.T) {
	if testing.Short() {
		t.Skip("blocks of a million weights take many minutes in an emulator")
	}
	rng := rand.New(rand.NewPCG(3, 3))
	var seqs [][]int32
	for range 12 {
		seqs = append(seqs, randomTokens(rng, 44, 61))
	}
	targets := lessons(seqs, 61)
	var g []ScoreGrads
	for i := range targets {
		targets[i] = targets[i][30:] // answers behind prompts
		g = append(g, randomGrads(len(targets[i])))
	}
	for _, lora := range []bool{false, true} {
		m := largeModel(t, lora)
		m.ValueHead(false)
		var want []float32
		for _, threads := range []int{1, 2, 3} {
			m.Pool = kernel.NewPool(threads)
			s := m.NewState(true)
			if s.mixed || m.Pool.Threads()*160 > 12*44 {
				t.Fatal("the batch must be long enough for chains, and attention not kept")
			}
			kept := m.NewState(true)
			kept.mixed = true
			for i, s := range []*State{s, s, kept} {
				s.Reset()
				got := gradientIn(m, s, seqs, targets, g)
				if want == nil {
					want = got
				}
				if !slices.Equal(got, want) {
					t.Errorf("adapters %v, %d threads, run %d: other bits", lora, threads, i)
				}
			}
			m.Pool.Close()
		}
		if slices.Max(want) == 0 {
			t.Error("the gradient is zero")
		}
	}
}
