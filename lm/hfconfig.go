package lm

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
)

// inert are members of config.json without effect on the numbers of a model
// that runs without dropout: provenance, training, outputs, heads for other
// tasks, and generation settings that older files kept here.
var inert = []string{
	"_name_or_path", "architectures", "transformers_version", "torch_dtype", "dtype", "_commit_hash", "name_or_path",
	"use_cache", "gradient_checkpointing", "initializer_range", "output_attentions", "output_hidden_states", "output_past",
	"return_dict", "return_dict_in_generate", "torchscript", "use_return_dict", "pruned_heads", "chunk_size_feed_forward",
	"_attn_implementation", "_attn_implementation_autoset", "attn_implementation", "use_bfloat16", "tf_legacy_loss",
	"attn_pdrop", "embd_pdrop", "resid_pdrop", "attention_dropout", "hidden_dropout_prob", "attention_probs_dropout_prob",
	"classifier_dropout", "hidden_dropout", "n_ctx", "n_special", "predict_special_tokens", "afn",
	"summary_type", "summary_use_proj", "summary_activation", "summary_proj_to_labels", "summary_first_dropout",
	"id2label", "label2id", "num_labels", "_num_labels", "problem_type", "finetuning_task", "task_specific_params",
	"tokenizer_class", "prefix", "pad_token_id", "sep_token_id", "cls_token_id", "decoder_start_token_id", "unk_token_id",
	"bos_token_id", "forced_bos_token_id", "forced_eos_token_id", "exponential_decay_length_penalty",
	"max_length", "min_length", "do_sample", "early_stopping", "num_beams", "num_beam_groups", "diversity_penalty",
	"temperature", "top_k", "top_p", "typical_p", "repetition_penalty", "length_penalty", "no_repeat_ngram_size",
	"encoder_no_repeat_ngram_size", "bad_words_ids", "num_return_sequences", "output_scores", "remove_invalid_values",
	"suppress_tokens", "begin_suppress_tokens", "pretraining_tp", "rope_interleaved", "is_llama_config", "max_window_layers",
	"reorder_and_upcast_attn", // another order of the same product, in half precision only
}

// ParseConfig reads the config.json of a Hugging Face folder. Absent members have
// the defaults of transformers for the model type. A member that asks for other
// mathematics than the engine has, or that is unknown, is an error naming it.
func ParseConfig(text []byte) (Config, error) {
	f, err := parseFields("config.json", text)
	if err != nil {
		return Config{}, err
	}
	f.skip(inert...)
	f.only("is_encoder_decoder", "false")
	f.only("add_cross_attention", "false")
	f.only("tie_encoder_decoder", "false")
	f.only("cross_attention_hidden_size")
	f.only("quantization_config", "none")
	var c Config
	switch family := f.text("", "model_type"); family {
	case "gpt2":
		c = gpt2Config(f)
	case "bert":
		c = bertConfig(f)
	case "llama", "mistral", "qwen2", "qwen3":
		c = llamaConfig(f, family)
	default:
		f.fail("model_type", `"gpt2", "bert", "llama", "mistral", "qwen2" or "qwen3"`)
	}
	if err := f.finish(); err != nil {
		return Config{}, err
	}
	if c.HeadDim == 0 && (c.Heads < 1 || c.Width%c.Heads != 0) {
		return Config{}, fmt.Errorf("config.json: the width must be a multiple of the number of heads (got %d and %d)", c.Width, c.Heads)
	}
	if !(c.NormEps > 0 && c.NormEps < 1) {
		return Config{}, fmt.Errorf("config.json: the epsilon of the norms must be in 0..1 (got %v)", c.NormEps)
	}
	c = c.withDefaults()
	if err := c.Validate(); err != nil {
		return Config{}, fmt.Errorf("config.json: %w", err)
	}
	return c, nil
}

// activations are the names of transformers for the activations that we have.
var activations = map[string]string{
	"gelu_new": GELUTanh, "gelu_pytorch_tanh": GELUTanh, "gelu_fast": GELUTanh,
	"gelu": GELUErf, "gelu_python": GELUErf,
}

// activation reads the name of an ungated MLP's activation.
func (f *fields) activation(def, name string) string {
	act, ok := activations[f.text(def, name)]
	if !ok {
		f.fail(name, "one of "+strings.Join(sortedKeys(activations), ", "))
	}
	return act
}

// gpt2Config has the defaults of transformers' GPT2Config.
func gpt2Config(f *fields) Config {
	c := GPT2(0, 0, 0, 0, 0)
	c.Layers = f.int(12, "n_layer", "num_hidden_layers")
	c.Width = f.int(768, "n_embd", "hidden_size")
	c.Heads = f.int(12, "n_head", "num_attention_heads")
	c.Positions = f.int(1024, "n_positions", "max_position_embeddings")
	c.Vocab = f.int(50257, "vocab_size")
	c.FF = f.int(0, "n_inner")
	c.KVHeads, c.HeadDim = 0, 0
	c.NormEps = f.float(1e-5, "layer_norm_epsilon")
	c.Act = f.activation("gelu_new", "activation_function")
	c.Tied = f.flag(true, "tie_word_embeddings")
	c.EOS = f.token("eos_token_id", 50256, c.Vocab)
	c.BOS = f.token("bos_token_id", 50256, c.Vocab)
	f.only("scale_attn_weights", "true")
	f.only("scale_attn_by_inverse_layer_idx", "false")
	return c
}

// bertConfig has the defaults of transformers' BertConfig.
func bertConfig(f *fields) Config {
	c := Config{
		Family: "bert", Norm: LayerNorm, PostNorm: true, NoHead: true,
		QKVBias: true, OutBias: true, MLPBias: true, BOS: -1, EOS: -1,
		Layers:    f.int(12, "num_hidden_layers"),
		Width:     f.int(768, "hidden_size"),
		Heads:     f.int(12, "num_attention_heads"),
		FF:        f.int(3072, "intermediate_size"),
		Positions: f.int(512, "max_position_embeddings"),
		Vocab:     f.int(30522, "vocab_size"),
		Types:     f.int(2, "type_vocab_size"),
		NormEps:   f.float(1e-12, "layer_norm_eps"),
		Act:       f.activation("gelu", "hidden_act"),
	}
	f.only("position_embedding_type", `"absolute"`)
	f.only("is_decoder", "false")
	f.skip("tie_word_embeddings", "eos_token_id", "pooler_fc_size", "pooler_num_attention_heads", "pooler_num_fc_layers",
		"pooler_size_per_head", "pooler_type", "directionality") // heads that the encoder does not use
	return c
}

// llamaDefaults are the members in which the families of Llama's kind differ
// where their config.json is silent.
var llamaDefaults = map[string]struct {
	ff, vocab, positions int
	kvHeads, headDim     int // 0 = derived from the other heads
	window               int // tokens that attention looks back; 0 = all
	bos, eos             int
}{
	"llama":   {ff: 11008, vocab: 32000, positions: 2048, bos: 1, eos: 2},
	"mistral": {ff: 14336, vocab: 32000, positions: 131072, kvHeads: 8, window: 4096, bos: 1, eos: 2},
	"qwen2":   {ff: 22016, vocab: 151936, positions: 32768, kvHeads: 32, bos: -1, eos: -1},
	"qwen3":   {ff: 22016, vocab: 151936, positions: 32768, kvHeads: 32, headDim: 128, bos: -1, eos: -1},
}

// llamaConfig has the defaults of transformers' configurations of Llama, Mistral,
// Qwen2 and Qwen3, which differ in biases, query/key norms and windows.
func llamaConfig(f *fields, family string) Config {
	d := llamaDefaults[family]
	if f.null["num_key_value_heads"] {
		d.kvHeads = 0
	}
	c := Config{
		Family: family, Norm: RMSNorm, Act: SiLU, Gated: true, Causal: true,
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
	c.BOS, c.EOS = f.token("bos_token_id", d.bos, c.Vocab), f.token("eos_token_id", d.eos, c.Vocab)
	c.Rope = ropeConfig(f, c.Positions)
	f.only("hidden_act", `"silu"`)
	f.only("partial_rotary_factor", "1", "1.0")
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
	if family == "mistral" || family == "qwen2" { // no such members there
		f.only("attention_bias", map[string]string{"mistral": "false", "qwen2": "true"}[family])
	}
	if family != "llama" {
		f.only("mlp_bias", "false")
	}
	c.Positions = limitToWindow(f, family, d.window, c.Positions)
	return c
}

// ropeConfig reads the rotary frequencies, from their places in files written
// before (rope_theta, rope_scaling) and since transformers 5 (rope_parameters).
func ropeConfig(f *fields, positions int) RopeConfig {
	rope := RopeConfig{Theta: f.float(10000, "rope_theta")}
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
		if err := sub.finish(); err != nil && f.err == nil {
			f.err = err
		}
	}
	if !(rope.Theta > 0) || math.IsInf(rope.Theta, 0) {
		f.fail("rope_theta", "positive")
	}
	return rope
}

// ropeScaling reads one object of rotary parameters into rope.
func (f *fields) ropeScaling(rope *RopeConfig, positions int) {
	rope.Theta = f.float(rope.Theta, "rope_theta")
	f.only("partial_rotary_factor", "1", "1.0")
	switch kind := f.text("default", "rope_type", "type"); kind {
	case "default":
	case "linear":
		rope.Scaling, rope.Factor = kind, f.float(1, "factor")
	case "llama3":
		rope.Scaling, rope.Factor = kind, f.float(1, "factor")
		rope.LowFreqFactor, rope.HighFreqFactor = f.float(1, "low_freq_factor"), f.float(4, "high_freq_factor")
		rope.OriginalPositions = f.int(positions, "original_max_position_embeddings")
	default:
		f.fail("rope_type", `"default", "linear" or "llama3"`)
	}
	if rope.Scaling != "" && !(rope.Factor >= 1) {
		f.fail("factor", "at least 1")
	}
}

// ropeJSON is the rope_scaling member of a saved model; nil without scaling.
func ropeJSON(r RopeConfig) any {
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

// limitToWindow limits the context to the sliding window, within which a
// windowed model computes the same as ours.
func limitToWindow(f *fields, family string, window, positions int) int {
	if f.null["sliding_window"] {
		window = 0
	}
	window = f.int(window, "sliding_window")
	var kinds []string
	f.take(&kinds, "a list of texts", "layer_types")
	for _, k := range kinds {
		if k != "full_attention" && k != "sliding_attention" {
			f.fail("layer_types", "of full_attention or sliding_attention")
		}
	}
	on := f.flag(family == "mistral", "use_sliding_window") || slices.Contains(kinds, "sliding_attention")
	if on && window > 0 {
		return min(positions, window)
	}
	return positions
}

// configJSON is the config.json of a saved model, which transformers accepts.
func configJSON(c Config, dtype DType) []byte {
	v := map[string]any{
		"model_type": c.Family, "vocab_size": c.Vocab,
		"torch_dtype": map[DType]string{F32: "float32", BF16: "bfloat16"}[dtype],
	}
	set := func(pairs ...any) {
		for i := 0; i < len(pairs); i += 2 {
			v[pairs[i].(string)] = pairs[i+1]
		}
	}
	act := map[string]string{GELUTanh: "gelu_new", GELUErf: "gelu", SiLU: "silu"}[c.Act]
	switch c.Family {
	case "gpt2":
		set("architectures", []string{"GPT2LMHeadModel"}, "n_layer", c.Layers, "n_embd", c.Width, "n_head", c.Heads,
			"n_positions", c.Positions, "n_inner", c.FF, "layer_norm_epsilon", c.NormEps, "activation_function", act)
	case "bert":
		set("architectures", []string{"BertModel"}, "type_vocab_size", c.Types, "layer_norm_eps", c.NormEps)
	default:
		set("architectures", []string{llamaClass[c.Family]}, "num_key_value_heads", c.KVHeads, "head_dim", c.HeadDim,
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
		set("tie_word_embeddings", c.Tied, "bos_token_id", tokenOrNull(c.BOS), "eos_token_id", tokenOrNull(c.EOS))
	}
	return indented(v)
}

// llamaClass is transformers' class of each family of Llama's kind.
var llamaClass = map[string]string{
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

// indented is the JSON text of v, keys sorted.
func indented(v any) []byte {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return []byte("null") // v holds texts, numbers and lists only
	}
	return append(b, '\n')
}
