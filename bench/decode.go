package bench

import (
	"math/rand/v2"

	"pgsrm/kernel"
	"pgsrm/lm"
)

// newDecode samples newTokens tokens behind each of n prompts that share
// nothing; every run has prompts of its own and an empty cache.
func newDecode(s shape, p *kernel.Pool, n int) (work, error) {
	m, err := lm.NewRandom(s.config(), 1)
	if err != nil {
		return work{}, err
	}
	m.Pool = p
	state, rng := m.NewState(false), newRand(2)
	var prompts [][]int32
	opt := lm.SampleOptions{Temperature: 1, TopK: s.topK, MaxNewTokens: s.newTokens}
	return work{
		limit:   s.decodeCost(n),
		prepare: func() { prompts = s.random(rng, n, s.prompt) },
		run: func() error {
			state.Reset()
			_, err := m.Generate(state, prompts, 1, opt, sampleStream)
			return err
		},
	}, nil
}

// sampleStream is the random numbers of sample g of prompt p.
func sampleStream(p, g int) *rand.Rand { return rand.New(rand.NewPCG(uint64(p), uint64(g))) }
