"""Writes config_golden.json: what transformers makes of partial and unusual
config.json files of language models.

    python make_config_golden.py
"""
import json
import logging
import os

import torch
from transformers import AutoConfig, AutoModelForCausalLM

logging.disable(logging.WARNING)
HERE = os.path.dirname(os.path.abspath(__file__))
LLAMA3 = dict(factor=32.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=8192)
SMALL = dict(num_hidden_layers=2, hidden_size=48, num_attention_heads=4, vocab_size=60, num_key_value_heads=4)

CASES = [dict(model_type=f) for f in ("gpt2", "llama", "mistral", "qwen2", "qwen3")]
for case in (
    dict(n_inner=100, layer_norm_epsilon=1e-6, activation_function="gelu_pytorch_tanh"),
    dict(hidden_size=40, num_hidden_layers=3, num_attention_heads=5, max_position_embeddings=77),
    dict(n_embd=40, n_head=5, vocab_size=100), dict(eos_token_id=None, bos_token_id=3), dict(eos_token_id=[5, 7], tie_word_embeddings=False),
):
    CASES.append(dict(model_type="gpt2", **case))
for family in ("llama", "mistral", "qwen2", "qwen3"):
    for case in (
        dict(), dict(num_key_value_heads=2), dict(num_key_value_heads=None), dict(head_dim=16), dict(intermediate_size=70, rms_norm_eps=1e-5),
        dict(tie_word_embeddings=True), dict(rope_theta=1e6), dict(rope_parameters=dict(rope_theta=5e5, rope_type="default")),
        dict(rope_theta=1e6, rope_parameters=dict(rope_theta=5e5, rope_type="default")), dict(rope_theta=1e6, rope_parameters=dict(rope_type="default")),
        dict(rope_scaling=None, rope_theta=123456.5), dict(rope_scaling=dict(type="linear", factor=4.0)),
        dict(rope_scaling=dict(rope_type="linear", factor=2.5), rope_theta=7e4),
        dict(rope_theta=5e5, rope_scaling=dict(rope_type="llama3", **LLAMA3)), dict(rope_parameters=dict(rope_type="llama3", rope_theta=5e5, **LLAMA3)),
        dict(rope_scaling=dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0), max_position_embeddings=512),
        dict(rope_parameters=dict(rope_type="default", rope_theta=2e4, partial_rotary_factor=1.0)),
        dict(eos_token_id=[3, 4], bos_token_id=None), dict(max_position_embeddings=99),
    ):
        if family != "mistral" or case != dict(num_key_value_heads=None):  # which transformers refuses there
            CASES.append(dict(model_type=family, **{**SMALL, **case}))
for case in (dict(sliding_window=16), dict(sliding_window=None), dict(sliding_window=10**6), dict(sliding_window=16, use_sliding_window=False)):
    CASES.append(dict(model_type="mistral", **SMALL, **case))
for family in ("qwen2", "qwen3"):
    for case in (
        dict(sliding_window=16), dict(sliding_window=16, use_sliding_window=True), dict(sliding_window=16, use_sliding_window=True, max_window_layers=1),
        dict(use_sliding_window=True, max_window_layers=0, max_position_embeddings=9000),
        dict(sliding_window=16, use_sliding_window=True, layer_types=["full_attention", "full_attention"], max_window_layers=0),
        dict(sliding_window=16, use_sliding_window=True, layer_types=["full_attention", "sliding_attention"]),
    ):
        CASES.append(dict(model_type=family, **SMALL, **case))
for case in (dict(attention_bias=True), dict(mlp_bias=True), dict(attention_bias=True, mlp_bias=True), dict(sliding_window=16, use_sliding_window=True)):
    CASES.append(dict(model_type="llama", **SMALL, **case))
CASES.append(dict(model_type="qwen3", **SMALL, attention_bias=True))


def window(c):
    """The number of tokens that the result depends on, None where all."""
    if c.model_type == "mistral":
        return c.sliding_window
    if c.model_type.startswith("qwen") and "sliding_attention" in c.layer_types:
        return c.sliding_window
    return None


def resolved(case):
    c = AutoConfig.for_model(**json.loads(json.dumps(case)))
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(c)
    names = {n.split(".", 3)[-1] for n in model.state_dict()}
    gpt2 = c.model_type == "gpt2"
    eos = c.eos_token_id if isinstance(c.eos_token_id, list) else [] if c.eos_token_id is None else [c.eos_token_id]
    reach = window(c)
    out = dict(
        layers=c.num_hidden_layers, width=c.hidden_size, heads=c.num_attention_heads, vocab=c.vocab_size,
        kv_heads=c.num_attention_heads if gpt2 else c.num_key_value_heads,
        ff=(c.n_inner or 4 * c.n_embd) if gpt2 else c.intermediate_size,
        positions=min(c.max_position_embeddings, reach or c.max_position_embeddings),
        eps=c.layer_norm_epsilon if gpt2 else c.rms_norm_eps, tied=c.tie_word_embeddings,
        bos=-1 if c.bos_token_id is None or c.bos_token_id >= c.vocab_size else c.bos_token_id, eos=[i for i in eos if i < c.vocab_size],
    )
    if not gpt2:
        rotary = type(model.model.rotary_emb)(config=c)
        layer = model.model.layers[0]
        out.update(
            inv_freq=[float(f"{x:.7g}") for x in rotary.inv_freq.tolist()], head_dim=layer.self_attn.head_dim,
            qkv_bias=layer.self_attn.q_proj.bias is not None, out_bias=layer.self_attn.o_proj.bias is not None,
            mlp_bias=layer.mlp.up_proj.bias is not None, qk_norm=any("q_norm" in n for n in names),
        )
        assert rotary.attention_scaling == 1.0
    return out


golden = []
for case in CASES:
    golden.append(dict(config=case, want=resolved(case)))
with open(os.path.join(HERE, "config_golden.json"), "w") as f:
    f.write("[\n" + ",\n".join(json.dumps(g) for g in golden) + "\n]\n")
print(len(golden))
