package hf

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"pgsrm/gguf"
	"pgsrm/lm"
)

// ggufMetadata names the keys of a GGUF file in errors.
const ggufMetadata = "metadata"

// ggufConfig is the configuration that the keys and tensors of a GGUF file describe,
// and the unknown keys. A key that asks for other mathematics than the engine has is
// an error naming it.
func ggufConfig(file *gguf.File) (lm.Config, []string, error) {
	f := metadataFields(file.Metadata)
	f.only("general.type", `"model"`)
	f.only("split.count", "0", "1")
	arch := f.text("", "general.architecture")
	if f.err == nil && !slices.Contains([]string{"llama", "qwen2", "qwen3", "gpt2"}, arch) {
		f.fail("general.architecture", `"llama", "qwen2", "qwen3" or "gpt2"`)
	}
	if f.err != nil {
		return lm.Config{}, nil, f.err
	}
	k := ggufKeys{f, arch + ".", file}
	c := k.common(arch)
	k.demands()
	c, err := f.checked(c)
	if err != nil {
		return c, nil, err
	}
	if arch != "gpt2" {
		err = k.rope(&c)
	}
	unknown := slices.DeleteFunc(f.unknown(), func(key string) bool { return !strings.HasPrefix(key, k.prefix) })
	return c, unknown, err
}

// ggufKeys reads the keys of an architecture.
type ggufKeys struct {
	*fields
	prefix string
	file   *gguf.File
}

// metadataFields are the keys of a GGUF file, its tokenizer's left out but for the
// special tokens, as members of a JSON file.
func metadataFields(md gguf.Metadata) *fields {
	f := &fields{file: ggufMetadata, raw: map[string]json.RawMessage{}, null: map[string]bool{}, read: map[string]bool{}}
	for _, p := range md {
		if strings.HasPrefix(p.Key, "tokenizer.") && p.Key != keyBOS && p.Key != keyEOS {
			continue
		}
		raw, err := json.Marshal(p.Value)
		if err != nil {
			raw, _ = json.Marshal(fmt.Sprint(p.Value)) // not finite, so no number in JSON
		}
		f.raw[p.Key] = raw
	}
	return f
}

// common reads what all architectures have, and what tensors say.
func (k ggufKeys) common(arch string) lm.Config {
	c := lm.Config{
		Family: arch, Norm: lm.RMSNorm, Act: lm.SiLU, Gated: true, Causal: true,
		Layers:    k.size("block_count"),
		Width:     k.size("embedding_length"),
		FF:        k.size("feed_forward_length"),
		Heads:     k.size("attention.head_count"),
		KVHeads:   k.sizeOr(0, "attention.head_count_kv"),
		HeadDim:   k.sizeOr(0, "attention.key_length"),
		Positions: k.size("context_length"),
		Tied:      !k.has("output.weight"),
	}
	epsilon := "attention.layer_norm_rms_epsilon"
	if arch == "gpt2" {
		c.Norm, c.Act, c.Gated, c.QKVBias, c.OutBias, c.MLPBias = lm.LayerNorm, lm.GELUTanh, false, true, true, true
		epsilon = "attention.layer_norm_epsilon"
	} else {
		c.QKVBias, c.OutBias, c.MLPBias = k.has("blk.0.attn_q.bias"), k.has("blk.0.attn_output.bias"), k.has("blk.0.ffn_gate.bias")
		c.QKNorm = arch == "qwen3"
		c.Rope.Theta = k.floatOr(10000, "rope.freq_base")
	}
	c.NormEps = k.given(k.prefix + epsilon)
	if c.HeadDim != 0 && c.HeadDim != k.sizeOr(c.HeadDim, "attention.value_length") {
		k.fail(k.prefix+"attention.value_length", "the same as attention.key_length")
	}
	if window := k.sizeOr(math.MaxInt, "attention.sliding_window"); window > 0 { // within which a windowed model is the same
		c.Positions = min(c.Positions, window)
	}
	c.Vocab = k.vocabulary()
	c.BOS = k.token(keyBOS, -1, c.Vocab)
	setEnds(&c, k.tokens(keyEOS, nil, c.Vocab), -1)
	return c
}

// vocabulary is the number of vectors of the token embedding.
func (k ggufKeys) vocabulary() int {
	const name = "token_embd.weight"
	n := 0
	if t, ok := k.file.Info(name); ok && len(t.Shape) == 2 {
		n = t.Shape[0]
	} else if k.err == nil {
		k.err = fmt.Errorf("tensor %q must be there, a matrix (got shape %v)", name, t.Shape)
	}
	if k.sizeOr(n, "vocab_size") != n {
		k.fail(k.prefix+"vocab_size", fmt.Sprintf("the rows of %s, %d", name, n))
	}
	return n
}

// has says whether the file has a tensor.
func (k ggufKeys) has(tensor string) bool {
	_, ok := k.file.Info(tensor)
	return ok
}

// size is a whole number that must be given, one for each layer where all are the same.
func (k ggufKeys) size(name string) int {
	if k.raw[k.prefix+name] == nil {
		k.fail(k.prefix+name, "given")
	}
	return k.sizeOr(0, name)
}

// sizeOr is size with a default.
func (k ggufKeys) sizeOr(def int, name string) int {
	name = k.prefix + name
	var list []int
	if raw := k.raw[name]; json.Unmarshal(raw, &list) == nil && len(list) > 0 {
		k.skip(name)
		if slices.ContainsFunc(list, func(n int) bool { return n != list[0] }) {
			k.fail(name, "the same in all layers")
		}
		return list[0]
	}
	return k.int(def, name)
}

// floatOr is a number with a default.
func (k ggufKeys) floatOr(def float64, name string) float64 { return k.float(def, k.prefix+name) }

// ggufMathematics are keys by which files differ from what the engine computes.
var ggufMathematics = []demand{
	{"expert_count", []string{"0"}}, {"expert_used_count", []string{"0"}}, {"attention.causal", []string{"true"}},
	{"attention.scale", []string{"0"}}, {"attention.clamp_kqv", []string{"0"}}, {"attention.max_alibi_bias", []string{"0"}},
	{"attention.temperature_scale", []string{"0"}}, {"logit_scale", []string{"0", "1"}}, {"residual_scale", []string{"0", "1"}},
	{"embedding_scale", []string{"0", "1"}}, {"attn_logit_softcapping", []string{"0"}}, {"final_logit_softcapping", []string{"0"}},
	{"use_parallel_residual", []string{"false"}}, {"nextn_predict_layers", []string{"0"}}, {"rope.dimension_sections", nil},
	{"rope.scaling.attn_factor", []string{"1"}}, {"rope.scaling.yarn_log_multiplier", []string{"0"}},
}

// demands checks the keys of the architecture, and leaves aside those without effect.
func (k ggufKeys) demands() {
	for _, d := range ggufMathematics {
		k.only(k.prefix+d.name, d.values...)
	}
	// the names of layouts differ, the layout of llama is one
	k.skip(k.prefix+"tensor_data_layout", k.prefix+"rope.scaling.finetuned", k.prefix+"pooling_type")
}
