package lm

import (
	"fmt"
	"slices"
)

// Norm and activation names of a Config.
const (
	LayerNorm = "layernorm"
	RMSNorm   = "rmsnorm"

	GELUTanh = "gelu_tanh" // GPT-2's gelu_new
	GELUErf  = "gelu"      // BERT's
	SiLU     = "silu"      // Llama's, in a gated MLP
)

// Config describes a model. One block serves all families; what differs between
// them is data here.
type Config struct {
	Family    string // "gpt2", "bert", "llama", "mistral", "qwen2", "qwen3"
	Layers    int    // L
	Width     int    // D
	Heads     int    // H
	KVHeads   int    // heads of keys and values; 0 = Heads
	HeadDim   int    // 0 = Width/Heads
	FF        int    // F, width of the MLP; 0 = 4*Width
	Vocab     int    // V
	Positions int    // longest context
	Types     int    // token types (BERT); 0 = none

	Norm     string  // LayerNorm or RMSNorm
	NormEps  float64 // added to the variance
	PostNorm bool    // norms after the residual sums (BERT) instead of before the sublayers
	Act      string  // activation of the MLP
	Gated    bool    // MLP is down(act(gate(x)) * up(x))
	Causal   bool    // a token sees its predecessors only
	Tied     bool    // the head is the transposed token embedding
	NoHead   bool    // encoder: no output layer
	QKVBias  bool
	OutBias  bool
	MLPBias  bool
	QKNorm   bool // RMSNorm of each head's query and key (Qwen3)

	Rope RopeConfig // rotary positions; zero = learned positions

	BOS, EOS  int32   // special tokens, -1 if none; EOS is the one that answers are taught to end with
	EndTokens []int32 // where several tokens end a response: all of them, EOS among them; else nil
}

// GPT2 returns the configuration of a GPT-2 of the given size.
func GPT2(layers, width, heads, vocab, positions int) Config {
	return Config{
		Family: "gpt2", Layers: layers, Width: width, Heads: heads, Vocab: vocab, Positions: positions,
		Norm: LayerNorm, NormEps: 1e-5, Act: GELUTanh, Causal: true, Tied: true,
		QKVBias: true, OutBias: true, MLPBias: true, BOS: -1, EOS: -1,
	}.WithDefaults()
}

// WithDefaults fills in the fields whose zero value means "derived".
func (c Config) WithDefaults() Config {
	if c.KVHeads == 0 {
		c.KVHeads = c.Heads
	}
	if c.HeadDim == 0 && c.Heads > 0 {
		c.HeadDim = c.Width / c.Heads
	}
	if c.FF == 0 {
		c.FF = 4 * c.Width
	}
	return c
}

// maxPositions is the longest context that a model may have.
const maxPositions = 1 << 22

// Validate reports the first field that no model can have.
func (c Config) Validate() error {
	for _, f := range []struct {
		name     string
		v, atMax int
	}{
		{"layers", c.Layers, 1 << 10}, {"width", c.Width, 1 << 16}, {"heads", c.Heads, 1 << 10},
		{"key/value heads", c.KVHeads, 1 << 10}, {"head size", c.HeadDim, 1 << 12},
		{"mlp width", c.FF, 1 << 18}, {"vocabulary", c.Vocab, 1 << 22}, {"positions", c.Positions, maxPositions},
	} {
		if f.v < 1 || f.v > f.atMax {
			return fmt.Errorf("model config: %s must be in 1..%d (got %d)", f.name, f.atMax, f.v)
		}
	}
	if fused := c.Family == "gpt2" || c.Family == "bert"; fused && c.Width != c.Heads*c.HeadDim {
		return fmt.Errorf("model config: width must be a multiple of heads (got %d and %d)", c.Width, c.Heads)
	}
	if c.Heads%c.KVHeads != 0 {
		return fmt.Errorf("model config: heads must be a multiple of key/value heads (got %d and %d)", c.Heads, c.KVHeads)
	}
	if c.Rope.on() && c.HeadDim%2 != 0 {
		return fmt.Errorf("model config: head size must be even with rotary positions (got %d)", c.HeadDim)
	}
	return nil
}

// qDim, kvDim and qkvDim are the widths of the fused query/key/value rows.
func (c Config) qDim() int   { return c.Heads * c.HeadDim }
func (c Config) kvDim() int  { return c.KVHeads * c.HeadDim }
func (c Config) qkvDim() int { return c.qDim() + 2*c.kvDim() }

// EndsWith says whether the token ends a response.
func (c Config) EndsWith(token int32) bool {
	return token == c.EOS && token >= 0 || slices.Contains(c.EndTokens, token)
}

// Room is how many tokens the longest of the prompts leaves of the context.
func (c Config) Room(prompts [][]int32) int {
	room := c.Positions
	for _, p := range prompts {
		room = min(room, c.Positions-len(p))
	}
	return room
}

// Fits reports a prompt that leaves no room for n more tokens in the context.
func (c Config) Fits(prompt []int32, n int) error {
	if len(prompt) == 0 {
		return fmt.Errorf("must have at least one token")
	}
	if n > c.Positions-len(prompt) {
		return fmt.Errorf("%d tokens and %d new ones must fit in the context of %d", len(prompt), n, c.Positions)
	}
	for _, t := range prompt {
		if t < 0 || int(t) >= c.Vocab {
			return fmt.Errorf("token must be in 0..%d (got %d)", c.Vocab-1, t)
		}
	}
	return nil
}
