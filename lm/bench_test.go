package lm

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// BenchmarkSupervised is an update of the pretraining of the embedded child, which
// has the depth and width of shape B (docs/performance.md).
func BenchmarkSupervised(b *testing.B) {
	m, err := NewRandom(GPT2(4, 128, 4, 2000, 128), 1)
	if err != nil {
		b.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	var seqs []Sequence
	for range 64 {
		seqs = append(seqs, Sequence{Tokens: randomTokens(rng, 20, 2000), From: 1})
	}
	opt := NewAdamW()
	for _, m.Recompute = range []bool{false, true} {
		s := m.NewState(true)
		b.Run(fmt.Sprintf("recompute=%v", m.Recompute), func(b *testing.B) {
			for b.Loop() {
				m.Supervised(s, seqs)
				opt.Step(m, 1e-3, 1)
			}
		})
	}
}
