package hf

import (
	"math"
	"slices"
	"strings"

	"pgsrm/lm"
)

// llamaDefaults are the members in which the families of Llama's kind differ
// where their config.json is silent.
var llamaDefaults = map[string]struct {
	ff, vocab, positions int
	kvHeads, headDim     int     // 0 = derived from the other heads
	bos                  int32   // -1 = none
	eos                  []int32 // nil = none
}{
	"llama":   {ff: 11008, vocab: 32000, positions: 2048, bos: 1, eos: []int32{2}},
	"mistral": {ff: 14336, vocab: 32000, positions: 131072, kvHeads: 8, bos: 1, eos: []int32{2}},
	"qwen2":   {ff: 22016, vocab: 151936, positions: 32768, kvHeads: 32, bos: -1},
	"qwen3":   {ff: 22016, vocab: 151936, positions: 32768, kvHeads: 32, headDim: 128, bos: -1},
}

// llamaConfig has the defaults of transformers' configurations of Llama, Mistral,
// Qwen2 and Qwen3, which differ in biases, query/key norms and windows.
func llamaConfig(f *fields, family string) lm.Config {
	d := llamaDefaults[family]
	if f.null["num_key_value_heads"] {
		d.kvHeads = 0
	}
	c := lm.Config{
		Family: family, Norm: lm.RMSNorm, Act: lm.SiLU, Gated: true, Causal: true,
		Layers:    f.int(32, "num_hidden_layers"),
		Width:     f.int(4096, "hidden_size"),
		Heads:     f.int(32, "num_attention_heads"),
		KVHeads:   f.int(d.kvHeads, "num_key_value_heads"),
		HeadDim:   f.int(d.headDim, "head_dim"),
		FF:        f.int(d.ff, "intermediate_size"),
		Vocab:     f.int(d.vocab, "vocab_size"),
		Positions: f.int(d.positions, "max_position_embeddings"),
		NormEps:   f.float(1e-6, "rms_norm_eps"),
		Tied:      f.flag(false, "tie_word_embeddings"),
	}
	c.BOS = f.token("bos_token_id", d.bos, c.Vocab)
	setEnds(&c, f.tokens("eos_token_id", d.eos, c.Vocab), -1)
	c.Rope = ropeConfig(f, c.Positions)
	switch family {
	case "llama", "qwen3":
		c.QKVBias = f.flag(false, "attention_bias")
		c.OutBias, c.QKNorm = c.QKVBias, family == "qwen3"
		if family == "llama" {
			c.MLPBias = f.flag(false, "mlp_bias")
		}
	case "qwen2":
		c.QKVBias = true
	}
	c.Positions = limitToWindow(f, family, c.Layers, c.Positions)
	return c
}

// ropeConfig reads the rotary frequencies, from their places in files written
// before (rope_theta, rope_scaling) and since transformers 5 (rope_parameters).
func ropeConfig(f *fields, positions int) lm.RopeConfig {
	rope := lm.RopeConfig{Theta: f.float(10000, "rope_theta")}
	for _, name := range []string{"rope_scaling", "rope_parameters"} {
		raw, ok := f.raw[name]
		if f.read[name] = true; !ok {
			continue
		}
		sub, err := parseFields(f.file+": "+name, raw)
		if err != nil {
			f.fail(name, "an object")
			continue
		}
		sub.ropeScaling(&rope, positions)
		if f.err == nil {
			f.err = sub.err
		}
		for _, member := range sub.unknown() {
			f.ignored = append(f.ignored, name+"."+member)
		}
	}
	if !(rope.Theta > 0) || math.IsInf(rope.Theta, 0) {
		f.fail("rope_theta", "positive")
	}
	return rope
}

// ropeScaling reads one object of rotary parameters into rope.
func (f *fields) ropeScaling(rope *lm.RopeConfig, positions int) {
	rope.Theta = f.float(rope.Theta, "rope_theta")
	switch kind := f.text("default", "rope_type", "type"); kind {
	case "default":
	case "linear":
		rope.Scaling, rope.Factor = kind, f.given("factor")
	case "llama3":
		rope.Scaling, rope.Factor = kind, f.given("factor")
		rope.LowFreqFactor, rope.HighFreqFactor = f.given("low_freq_factor"), f.given("high_freq_factor")
		if !(rope.LowFreqFactor > 0 && rope.HighFreqFactor > rope.LowFreqFactor) {
			f.fail("high_freq_factor", "greater than low_freq_factor, and that positive")
		}
		rope.OriginalPositions = f.int(positions, "original_max_position_embeddings")
	default:
		name := "rope_type"
		if f.raw[name] == nil {
			name = "type" // its older spelling
		}
		f.fail(name, `"default", "linear" or "llama3"`)
	}
	f.demand(ropeMathematics)
	f.skip("original_max_position_embeddings") // of no effect but for llama3
	if rope.Scaling != "" && !(rope.Factor >= 1) {
		f.fail("factor", "at least 1")
	}
}

// limitToWindow limits the context to the sliding window, within which a
// windowed model computes the same as ours. All layers of Mistral have it; of Qwen's
// those that layer_types says, else those from max_window_layers on, and only
// where use_sliding_window is set. Llama has none, whatever its file says.
func limitToWindow(f *fields, family string, layers, positions int) int {
	allowed := []string{"full_attention", "sliding_attention"}
	if family == "llama" {
		allowed = allowed[:1]
	}
	kinds := f.layerTypes(allowed...)
	window, from := f.int(4096, "sliding_window"), f.int(28, "max_window_layers")
	on := f.flag(false, "use_sliding_window")
	if f.null["sliding_window"] {
		window = math.MaxInt
	} else if window < 1 {
		f.fail("sliding_window", "positive")
	}
	slides := family == "mistral"
	if strings.HasPrefix(family, "qwen") {
		slides = on && kinds == nil && from < layers || slices.Contains(kinds, "sliding_attention")
	}
	if slides {
		return min(positions, window)
	}
	return positions
}

// layerTypes reads the kinds of attention of the layers, which must be of those
// allowed; nil where the file does not say.
func (f *fields) layerTypes(allowed ...string) []string {
	var kinds []string
	f.take(&kinds, "a list of texts", "layer_types")
	for _, k := range kinds {
		if !slices.Contains(allowed, k) {
			f.fail("layer_types", "of "+strings.Join(allowed, " or "))
		}
	}
	return kinds
}
