package bench

import (
	"math/rand/v2"

	"pgsrm/lm"
)

// shape is a model with the batch that it works on.
type shape struct {
	name                        string
	layers, width, heads, vocab int
	batch, prompt, response     int // samples of a step or an iteration; tokens
	group                       int // samples of one prompt, GRPO and RLOO
	newTokens                   int // of a decode row
	topK                        int
	ownTokens                   int // last tokens of a prompt that iterations do not share
}

// The shapes of the table.
func shapeA() shape {
	return shape{name: "A", layers: 12, width: 768, heads: 12, vocab: 50257, batch: 50, prompt: 17, response: 2,
		group: 5, newTokens: 8, topK: 50, ownTokens: 6}
}

func shapeB() shape {
	return shape{name: "B", layers: 4, width: 128, heads: 4, vocab: 512, batch: 64, prompt: 20, response: 4,
		group: 4, newTokens: 8, topK: 50, ownTokens: 6}
}

// positions is the longest context, as in GPT-2.
const positions = 1024

// config is the model; nothing ends a response early.
func (s shape) config() lm.Config {
	return lm.GPT2(s.layers, s.width, s.heads, s.vocab, positions)
}

// random returns n sequences of random tokens that share no prefix: their first
// tokens differ. [n][length]
func (s shape) random(rng *rand.Rand, n, length int) [][]int32 {
	first := rng.Perm(s.vocab)
	seqs := make([][]int32, n)
	for i := range seqs {
		seqs[i] = s.tokens(rng, length)
		seqs[i][0] = int32(first[i])
	}
	return seqs
}

// prompts returns n prompts that share all but their last ownTokens tokens. [n][prompt]
func (s shape) prompts(rng *rand.Rand, n int) [][]int32 {
	out := make([][]int32, n)
	for i := range out {
		out[i] = s.tokens(rng, s.prompt)
		for t := range s.prompt - s.ownTokens {
			out[i][t] = int32(t)
		}
	}
	return out
}

func (s shape) tokens(rng *rand.Rand, n int) []int32 {
	out := make([]int32, n)
	for i := range out {
		out[i] = rng.Int32N(int32(s.vocab))
	}
	return out
}

// newRand returns the random numbers of one row: every run of a row sees the same inputs.
func newRand(purpose uint64) *rand.Rand { return rand.New(rand.NewPCG(1, purpose)) }
