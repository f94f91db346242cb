package lm

import "math/rand/v2"

// SampleOptions is the distribution that Generate samples from: logits divided
// by Temperature, truncated by TopK, TopP and MinP (0 = off), renormalised.
// Temperature 0 is greedy: the log-probabilities are then those at temperature 1.
type SampleOptions struct {
	Temperature  float32
	TopK         int
	TopP, MinP   float32
	MaxNewTokens int
	Stop         []string // unused by training
}

// Generation is one sampled response of T tokens.
type Generation struct {
	Tokens   []int32   // [T], EOS included where the response ended by it
	LogProbs []float32 // [T] under the sampled (truncated, renormalised) distribution
	Entropy  []float32 // [T] of that distribution, nats
	Support  [][]int32 // [T][kept] token ids of a truncated distribution, nil where nothing was cut
	Rows     []int32   // [T] row of the State whose hidden state predicted Tokens[t]
	Finish   string    // "eos" or "length"
}

// Generate samples each prompt n times and returns the P*n generations, those
// of prompt p at p*n..p*n+n-1. rng gives the stream of one sample, so that a
// sample does not depend on what runs beside it. The rows computed stay in s
// (which need not be empty): with a training State, Score and Backward can
// use them at once while the weights are unchanged.
func (m *Model) Generate(s *State, prompts [][]int32, n int, opt SampleOptions, rng func(p, g int) *rand.Rand) ([]Generation, error) {
	panic("todo")
}
