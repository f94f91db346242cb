package bench

import (
	"math/rand/v2"
	"slices"
	"strings"

	"pgsrm/kernel"
	"pgsrm/lm"
)

// shape is a model with the batch that it works on.
type shape struct {
	name                        string
	layers, width, heads, vocab int
	kvHeads, ff                 int  // of a Llama; 0 = a GPT-2
	batch, prompt, response     int  // samples of a step or an iteration; tokens
	group                       int  // samples of one prompt, GRPO and RLOO
	newTokens                   int  // of a decode row
	topK                        int  // 0 = the whole vocabulary
	ownTokens                   int  // last tokens of a prompt that iterations do not share
	shared                      bool // the sequences of a step share what those of an iteration do
	rank                        int  // of adapters on every linear layer; 0 = all weights are trained
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

// shapeC is SmolLM2-135M with the batch of a user: 32 prompts behind one chat template, 4 samples each.
func shapeC() shape {
	return shape{name: "C", layers: 30, width: 576, heads: 9, kvHeads: 3, ff: 1536, vocab: 49152, batch: 128, prompt: 46, response: 8,
		group: 4, newTokens: 8, ownTokens: 12, shared: true}
}

// adapterRank is the rank of the rows with adapters.
const adapterRank = 16

// adapted is the shape with adapters.
func (s shape) adapted() shape {
	s.rank = adapterRank
	return s
}

// suffix tells the rows of a shape with adapters from those without.
func (s shape) suffix() string {
	if s.rank > 0 {
		return "_lora"
	}
	return ""
}

// positions is the longest context, as in GPT-2.
const positions = 1024

// config is the model; nothing ends a response early.
func (s shape) config() lm.Config {
	if s.kvHeads == 0 {
		return lm.GPT2(s.layers, s.width, s.heads, s.vocab, positions)
	}
	return lm.Config{
		Family: "llama", Layers: s.layers, Width: s.width, Heads: s.heads, KVHeads: s.kvHeads, FF: s.ff, Vocab: s.vocab, Positions: positions,
		Norm: lm.RMSNorm, NormEps: 1e-5, Act: lm.SiLU, Gated: true, Causal: true, Tied: true,
		Rope: lm.RopeConfig{Theta: 100000}, BOS: -1, EOS: -1,
	}.WithDefaults()
}

// model returns the model with random weights, and with the adapters of its rank.
func (s shape) model(p *kernel.Pool) (*lm.Model, error) {
	m, err := lm.NewRandom(s.config(), 1)
	if err != nil {
		return nil, err
	}
	m.Pool = p
	if s.rank > 0 {
		err = m.AddLoRA(lm.LoRA{Rank: s.rank, Alpha: 2 * float64(s.rank)}, s.modules(m), 1)
	}
	return m, err
}

// modules are the linear layers of the blocks. Queries, keys and values are modules of their own, as
// in the folders of Llama.
func (s shape) modules(m *lm.Model) []lm.Module {
	var out []lm.Module
	add := func(w *lm.Param, from, to int) {
		out = append(out, lm.Module{Name: w.Name, Weight: w, From: from, To: to})
	}
	q, kv := s.width, s.kvWidth()
	for _, w := range m.Params() {
		switch {
		case !w.Packed || strings.HasPrefix(w.Name, "embed."):
		case s.kvHeads > 0 && strings.HasSuffix(w.Name, "attn.qkv.weight"):
			add(w, 0, q)
			add(w, q, q+kv)
			add(w, q+kv, q+2*kv)
		default:
			add(w, 0, w.N)
		}
	}
	return out
}

// kvWidth is the width of the keys, and of the values.
func (s shape) kvWidth() int {
	if s.kvHeads == 0 {
		return s.width
	}
	return s.width / s.heads * s.kvHeads
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

// sequences returns the sequences of a step: prompt and response. They share nothing, or with shared set
// what those of an iteration share. [batch][prompt+response]
func (s shape) sequences(rng *rand.Rand) [][]int32 {
	if !s.shared {
		return s.random(rng, s.batch, s.prompt+s.response)
	}
	out := make([][]int32, 0, s.batch)
	for _, prompt := range s.prompts(rng, s.batch/s.group) {
		for range s.group {
			out = append(out, slices.Concat(prompt, s.tokens(rng, s.response)))
		}
	}
	return out
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
