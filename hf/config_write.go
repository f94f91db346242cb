package hf

import (
	"encoding/json"

	"pgsrm/lm"
	"pgsrm/safetensors"
)

// configJSON is the config.json of a saved model, which transformers accepts.
func configJSON(c lm.Config, dtype safetensors.DType) []byte {
	v := map[string]any{"model_type": c.Family, "vocab_size": c.Vocab, "architectures": []string{classes[c.Family]}}
	if dtype != "" {
		v["torch_dtype"] = torchTypes[dtype]
	}
	set := func(pairs ...any) {
		for i := 0; i < len(pairs); i += 2 {
			v[pairs[i].(string)] = pairs[i+1]
		}
	}
	act := map[string]string{lm.GELUTanh: "gelu_new", lm.GELUErf: "gelu", lm.SiLU: "silu"}[c.Act]
	switch c.Family {
	case "gpt2":
		set("n_layer", c.Layers, "n_embd", c.Width, "n_head", c.Heads,
			"n_positions", c.Positions, "n_inner", c.FF, "layer_norm_epsilon", c.NormEps, "activation_function", act)
	case "bert":
		set("type_vocab_size", c.Types, "layer_norm_eps", c.NormEps)
	default:
		set("num_key_value_heads", c.KVHeads, "head_dim", c.HeadDim,
			"rms_norm_eps", c.NormEps, "rope_theta", c.Rope.Theta, "rope_scaling", ropeJSON(c.Rope), "sliding_window", nil)
		switch c.Family {
		case "llama":
			set("attention_bias", c.QKVBias, "mlp_bias", c.MLPBias)
		case "qwen3":
			set("attention_bias", c.QKVBias)
		}
	}
	if c.Family != "gpt2" {
		set("num_hidden_layers", c.Layers, "hidden_size", c.Width, "num_attention_heads", c.Heads,
			"intermediate_size", c.FF, "max_position_embeddings", c.Positions, "hidden_act", act)
	}
	if !c.NoHead {
		set("tie_word_embeddings", c.Tied, "bos_token_id", tokenOrNull(c.BOS), "eos_token_id", endTokens(c))
	}
	return indented(v)
}

// torchTypes are PyTorch's names of the types that we write.
var torchTypes = map[safetensors.DType]string{safetensors.F32: "float32", safetensors.F16: "float16", safetensors.BF16: "bfloat16"}

// classes are transformers' classes of the families.
var classes = map[string]string{
	"gpt2": "GPT2LMHeadModel", "bert": "BertModel",
	"llama": "LlamaForCausalLM", "mistral": "MistralForCausalLM",
	"qwen2": "Qwen2ForCausalLM", "qwen3": "Qwen3ForCausalLM",
}

// tokenOrNull is the JSON value of a token id that may be absent.
func tokenOrNull(id int32) any {
	if id < 0 {
		return nil
	}
	return id
}

// endTokens is the JSON value of the end tokens: null, an id or a list.
func endTokens(c lm.Config) any {
	if c.EndTokens != nil {
		return c.EndTokens
	}
	return tokenOrNull(c.EOS)
}

// indented is the JSON text of v, keys sorted.
func indented(v any) []byte {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return []byte("null") // v holds texts, numbers and lists only
	}
	return append(b, '\n')
}

// ropeJSON is the rope_scaling member of a saved model; nil without scaling.
func ropeJSON(r lm.RopeConfig) any {
	switch r.Scaling {
	case "linear":
		return map[string]any{"rope_type": "linear", "factor": r.Factor}
	case "llama3":
		return map[string]any{
			"rope_type": "llama3", "factor": r.Factor, "low_freq_factor": r.LowFreqFactor,
			"high_freq_factor": r.HighFreqFactor, "original_max_position_embeddings": r.OriginalPositions,
		}
	}
	return nil
}
