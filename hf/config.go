package hf

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"pgsrm/lm"
)

// inert are members of config.json without effect on the numbers of a model
// that runs without dropout: provenance, training, outputs, heads for other
// tasks, and generation settings that older files kept here.
var inert = []string{
	"_name_or_path", "architectures", "transformers_version", "torch_dtype", "dtype", "_commit_hash", "name_or_path",
	"use_cache", "gradient_checkpointing", "initializer_range", "output_attentions", "output_hidden_states", "output_past",
	"return_dict", "return_dict_in_generate", "torchscript", "use_return_dict", "chunk_size_feed_forward",
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
	"suppress_tokens", "begin_suppress_tokens", "pretraining_tp", "is_llama_config",
	"reorder_and_upcast_attn", // another order of the same product, in half precision only
}

// ParseConfig reads the config.json of a Hugging Face folder. Absent members have
// the defaults of transformers for the model type. A member that asks for other
// mathematics than the engine has is an error naming it; one that is unknown is
// ignored: see Model.Warning.
func ParseConfig(text []byte) (lm.Config, error) {
	c, _, err := parseConfig(text)
	return c, err
}

// parseConfig is ParseConfig, and the unknown members.
func parseConfig(text []byte) (lm.Config, []string, error) {
	f, err := parseFields(configFile, text)
	if err != nil {
		return lm.Config{}, nil, err
	}
	c, err := f.config()
	return c, f.unknown(), err
}

// config reads the members of config.json.
func (f *fields) config() (lm.Config, error) {
	f.skip(inert...)
	f.demandMathematics(f.text("", "model_type"))
	var c lm.Config
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
	return f.checked(c)
}

// checked is the configuration that the members have given, completed.
func (f *fields) checked(c lm.Config) (lm.Config, error) {
	if f.err != nil {
		return lm.Config{}, f.err
	}
	if c.HeadDim == 0 && (c.Heads < 1 || c.Width%c.Heads != 0) {
		return lm.Config{}, fmt.Errorf("%s: the width must be a multiple of the number of heads (got %d and %d)", f.file, c.Width, c.Heads)
	}
	if !(c.NormEps > 0 && c.NormEps < 1) {
		return lm.Config{}, fmt.Errorf("%s: the epsilon of the norms must be in 0..1 (got %v)", f.file, c.NormEps)
	}
	c = c.WithDefaults()
	if err := c.Validate(); err != nil {
		return lm.Config{}, fmt.Errorf("%s: %w", f.file, err)
	}
	return c, nil
}

// activationNames are the names of transformers for the activations that we have.
var activationNames = map[string]string{
	"gelu_new": lm.GELUTanh, "gelu_pytorch_tanh": lm.GELUTanh, "gelu_fast": lm.GELUTanh,
	"gelu": lm.GELUErf, "gelu_python": lm.GELUErf,
}

// activation reads the name of an ungated MLP's activation.
func (f *fields) activation(def, name string) string {
	act, ok := activationNames[f.text(def, name)]
	if !ok {
		f.fail(name, "one of "+strings.Join(slices.Sorted(maps.Keys(activationNames)), ", "))
	}
	return act
}

// gpt2Config has the defaults of transformers' GPT2Config.
func gpt2Config(f *fields) lm.Config {
	c := lm.GPT2(0, 0, 0, 0, 0)
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
	f.layerTypes("full_attention")
	setEnds(&c, f.tokens("eos_token_id", []int32{50256}, c.Vocab), -1)
	c.BOS = f.token("bos_token_id", 50256, c.Vocab)
	return c
}

// bertConfig has the defaults of transformers' BertConfig.
func bertConfig(f *fields) lm.Config {
	c := lm.Config{
		Family: "bert", Norm: lm.LayerNorm, PostNorm: true, NoHead: true,
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
	f.skip("tie_word_embeddings", "eos_token_id", "pooler_fc_size", "pooler_num_attention_heads", "pooler_num_fc_layers",
		"pooler_size_per_head", "pooler_type", "directionality") // heads that the encoder does not use
	return c
}
