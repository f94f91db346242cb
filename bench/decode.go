package bench

import (
	"math/rand/v2"

	"pgsrm/kernel"
	"pgsrm/lm"
)

// newDecode samples newTokens tokens after each of n prompts, which share nothing
// or all but their last tokens; every run has prompts of its own and an empty cache.
func newDecode(s shape, p *kernel.Pool, n int, shared bool) (work, error) {
	m, err := lm.NewRandom(s.config(), 1)
	if err != nil {
		return work{}, err
	}
	m.Pool = p
	state, rng := m.NewState(false), newRand(2)
	var prompts [][]int32
	opt := lm.SampleOptions{Temperature: 1, TopK: s.topK, MaxNewTokens: s.newTokens}
	return work{
		limit: s.decodeCost(n, shared),
		prepare: func() {
			prompts = s.random(rng, n, s.prompt)
			if shared {
				prompts = s.prompts(rng, n)
			}
		},
		run: func() error {
			state.Reset()
			_, err := m.Generate(state, prompts, 1, opt, sampleStream)
			return err
		},
	}, nil
}

// sampleStream is the random numbers of sample g of prompt p.
func sampleStream(p, g int) *rand.Rand { return rand.New(rand.NewPCG(uint64(p), uint64(g))) }
