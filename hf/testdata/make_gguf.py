"""Writes testdata/gguf: models of the folders beside it as GGUF files, made from what
transformers loads of them and with the reference implementation of the format.

    python3 -m venv venv && venv/bin/pip install torch transformers gguf==0.19.0
    venv/bin/python make_gguf.py     (in this folder)

The golden logits of gguf/NAME.gguf are those of the folder NAME: make_golden.py.
"""
import json

import torch
from gguf import GGMLQuantizationType as T, GGUFWriter, RopeScalingType, TokenType, quants
from transformers import AutoModelForCausalLM

PARTS = {
    "llama": {
        "model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output", "model.layers.": "blk.",
        ".input_layernorm": ".attn_norm", ".post_attention_layernorm": ".ffn_norm", ".self_attn.q_proj": ".attn_q", ".self_attn.k_proj": ".attn_k",
        ".self_attn.v_proj": ".attn_v", ".self_attn.o_proj": ".attn_output", ".self_attn.q_norm": ".attn_q_norm", ".self_attn.k_norm": ".attn_k_norm",
        ".mlp.gate_proj": ".ffn_gate", ".mlp.up_proj": ".ffn_up", ".mlp.down_proj": ".ffn_down",
    },
    "gpt2": {
        "transformer.wte": "token_embd", "transformer.wpe": "position_embd", "transformer.ln_f": "output_norm", "lm_head": "output", "transformer.h.": "blk.",
        ".ln_1": ".attn_norm", ".ln_2": ".ffn_norm", ".attn.c_attn": ".attn_qkv", ".attn.c_proj": ".attn_output", ".mlp.c_fc": ".ffn_up", ".mlp.c_proj": ".ffn_down",
    },
}
# folder: architecture, type of the matrices
MODELS = {
    "llama": ("llama", T.F32), "llama-linear": ("llama", T.F32), "llama-bias": ("llama", T.F32), "mistral-half": ("llama", T.BF16),
    "qwen2": ("qwen2", T.F32), "qwen2-free": ("qwen2", T.F32), "qwen3": ("qwen3", T.F32), "qwen3-wide": ("qwen3", T.F32),
    "gpt2": ("gpt2", T.F32), "gpt2-free": ("gpt2", T.F32), "gpt2-half": ("gpt2", T.F16),
}


def renamed(name, parts):
    for old, new in parts.items():
        name = name.replace(old, new)
    return name


def paired(x, heads):
    """Rows of each head in the order of llama.cpp: (first of half one, first of half two, ...)."""
    return x.reshape(heads, 2, x.shape[0] // heads // 2, *x.shape[1:]).transpose(1, 2).reshape(x.shape)


def llama3(rope, size):
    """What Llama 3.1's scaling divides each frequency by, in the reference's way."""
    freqs = 1.0 / rope["rope_theta"] ** (torch.arange(0, size, 2, dtype=torch.float32) / size)
    old, low, high, factor = (rope[k] for k in ("original_max_position_embeddings", "low_freq_factor", "high_freq_factor", "factor"))
    factors = []
    for f in freqs:
        wavelen = 2 * torch.pi / f
        smooth = (old / wavelen - low) / (high - low)
        factors.append(1 if wavelen < old / high else factor if wavelen > old / low else 1 / ((1 - smooth) / factor + smooth))
    return torch.tensor(factors, dtype=torch.float32)


def add_tokenizer(w, name, size, eos):
    """The byte-level BPE of the folder; ids above its own are unused."""
    tokenizer = json.load(open(f"{name}/tokenizer.json"))
    tokens, kinds = [f"[PAD{i}]" for i in range(size)], [TokenType.UNUSED] * size
    for token, i in tokenizer["model"]["vocab"].items():
        tokens[i], kinds[i] = token, TokenType.NORMAL
    for token in tokenizer["added_tokens"]:
        tokens[token["id"]], kinds[token["id"]] = token["content"], TokenType.CONTROL
    w.add_tokenizer_model("gpt2")
    w.add_tokenizer_pre("gpt-2")
    w.add_token_list(tokens)
    w.add_token_types(kinds)
    w.add_token_merges([" ".join(m) if isinstance(m, list) else m for m in tokenizer["model"]["merges"]])
    w.add_eos_token_id(eos)
    w.add_add_bos_token(False)


def main(name, arch, kind):
    model = AutoModelForCausalLM.from_pretrained(name, dtype=torch.float32)
    c, w = model.config, GGUFWriter(f"gguf/{name}.gguf", arch)
    w.add_block_count(c.num_hidden_layers)
    w.add_context_length(c.max_position_embeddings)
    w.add_embedding_length(c.hidden_size)
    w.add_head_count(c.num_attention_heads)
    add_tokenizer(w, name, c.vocab_size, c.eos_token_id)
    tensors = {k: v for k, v in model.state_dict().items() if k != "lm_head.weight" or not c.tie_word_embeddings}
    if arch == "gpt2":
        w.add_feed_forward_length(c.n_inner or 4 * c.n_embd)
        w.add_layer_norm_eps(c.layer_norm_epsilon)
    else:
        size = getattr(c, "head_dim", None) or c.hidden_size // c.num_attention_heads
        rope = c.rope_parameters
        w.add_feed_forward_length(c.intermediate_size)
        w.add_head_count_kv(c.num_key_value_heads)
        w.add_key_length(size)
        w.add_value_length(size)
        w.add_rope_dimension_count(size)
        w.add_layer_norm_rms_eps(c.rms_norm_eps)
        w.add_rope_freq_base(rope["rope_theta"])
        w.add_vocab_size(c.vocab_size)
        if getattr(c, "sliding_window", None):
            w.add_sliding_window(c.sliding_window)
        if rope["rope_type"] == "linear":
            w.add_rope_scaling_type(RopeScalingType.LINEAR)
            w.add_rope_scaling_factor(rope["factor"])
        if rope["rope_type"] == "llama3":
            w.add_tensor("rope_freqs.weight", llama3(rope, size).numpy())
    for k, v in tensors.items():
        if arch == "gpt2" and v.dim() == 2 and ".h." in k:  # Conv1D
            v = v.T
        if arch == "llama" and ("q_proj" in k or "k_proj" in k):
            v = paired(v, c.num_attention_heads if "q_proj" in k else c.num_key_value_heads)
        data, type_ = v.contiguous().numpy(), kind if v.dim() == 2 else T.F32
        w.add_tensor(renamed(k, PARTS["gpt2" if arch == "gpt2" else "llama"]), quants.quantize(data, type_), raw_dtype=type_)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


for name, (arch, kind) in MODELS.items():
    main(name, arch, kind)
