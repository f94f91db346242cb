package hf

import "slices"

// demand is a member of a JSON file that changes what a model computes unless it
// has one of the values, given as JSON. null counts as absent.
type demand struct {
	name   string
	values []string
}

// decoders and llamas are the families of the table of demands.
var (
	decoders = []string{"gpt2", "llama", "mistral", "qwen2", "qwen3"}
	llamas   = decoders[1:]
)

// mathematics are the members of config.json by which other models, some of them
// under the name of one of our families, differ from what the engine computes.
var mathematics = []struct {
	families []string // nil = all
	demands  []demand
}{
	{nil, []demand{
		{"is_encoder_decoder", []string{"false"}}, {"add_cross_attention", []string{"false"}},
		{"tie_encoder_decoder", []string{"false"}}, {"cross_attention_hidden_size", nil},
		{"quantization_config", []string{"none"}}, {"pruned_heads", []string{"{}"}},
		{"num_experts", []string{"0"}}, {"num_local_experts", []string{"0"}}, {"n_routed_experts", []string{"0"}},
		{"num_experts_per_tok", []string{"0"}}, {"n_shared_experts", []string{"0"}}, {"moe_intermediate_size", nil},
		{"alibi", []string{"false"}}, {"use_alibi", []string{"false"}}, {"multi_query", []string{"false"}},
	}},
	{decoders, []demand{
		{"is_causal", []string{"true"}}, {"parallel_attn", []string{"false"}}, {"use_parallel_residual", []string{"false"}},
		{"partial_rotary_factor", []string{"1", "1.0"}}, {"rotary_pct", []string{"1"}}, {"rotary_dim", nil},
		{"attn_logit_softcapping", nil}, {"final_logit_softcapping", nil}, {"query_pre_attn_scalar", nil}, // Gemma
		{"logit_scale", []string{"1"}},                                                  // Cohere
		{"embedding_multiplier", []string{"1"}}, {"residual_multiplier", []string{"1"}}, // Granite
		{"attention_multiplier", nil}, {"logits_scaling", []string{"1"}},
		{"scale_emb", []string{"1"}}, {"scale_depth", nil}, {"dim_model_base", nil}, // MiniCPM
		{"scale_embedding", []string{"false"}}, {"clip_qkv", nil}, // OLMo
		{"attention_chunk_size", nil}, {"attn_temperature_tuning", []string{"false"}}, {"no_rope_layers", []string{"[]"}}, // Llama 4, SmolLM3
		{"num_nextn_predict_layers", []string{"0"}}, {"lm_head_bias", []string{"false"}},
	}},
	{[]string{"gpt2"}, []demand{
		{"position_embedding_type", []string{`"absolute"`}}, {"rope_scaling", nil}, {"rope_parameters", nil},
		{"scale_attn_weights", []string{"true"}}, {"scale_attn_by_inverse_layer_idx", []string{"false"}},
	}},
	{[]string{"bert"}, []demand{
		{"position_embedding_type", []string{`"absolute"`}}, {"is_decoder", []string{"false"}}, {"embedding_size", nil},
	}},
	{llamas, []demand{
		{"hidden_act", []string{`"silu"`}}, {"hidden_activation", []string{`"silu"`}}, {"position_embedding_type", []string{`"rope"`}},
		{"use_mrope", []string{"false"}}, {"rope_interleaved", []string{"false"}}, {"use_bias", []string{"false"}},
	}},
	{[]string{"llama", "mistral", "qwen2"}, []demand{
		{"qk_layernorm", []string{"false"}}, {"use_qk_norm", []string{"false"}}, {"qk_norm", []string{"false"}},
	}},
	{[]string{"llama", "mistral", "qwen3"}, []demand{{"qkv_bias", []string{"false"}}}},
	{[]string{"mistral"}, []demand{{"attention_bias", []string{"false"}}}}, // no such member in the next two
	{[]string{"qwen2"}, []demand{{"attention_bias", []string{"true"}}, {"qkv_bias", []string{"true"}}}},
	{[]string{"mistral", "qwen2", "qwen3"}, []demand{{"mlp_bias", []string{"false"}}}},
}

// ropeMathematics are members of the rotary parameters that belong to kinds of
// scaling that the engine does not have: YaRN, LongRoPE and that of Qwen-VL.
var ropeMathematics = []demand{
	{"partial_rotary_factor", []string{"1", "1.0"}}, {"beta_fast", nil}, {"beta_slow", nil}, {"attention_factor", nil},
	{"mscale", nil}, {"mscale_all_dim", nil}, {"short_factor", nil}, {"long_factor", nil},
	{"mrope_section", nil}, {"mrope_interleaved", []string{"false"}},
}

// demand checks the members of a table.
func (f *fields) demand(table []demand) {
	for _, d := range table {
		f.only(d.name, d.values...)
	}
}

// demandMathematics checks the members that the table has for a family.
func (f *fields) demandMathematics(family string) {
	for _, t := range mathematics {
		if t.families == nil || slices.Contains(t.families, family) {
			f.demand(t.demands)
		}
	}
}
