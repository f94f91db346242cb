"""Writes the golden folders of this directory: tiny random models as transformers
saves them, and what PyTorch computes with them.

    python make_golden.py            every language model
    python make_golden.py NAME...    some of them

A folder NAME holds the Hugging Face folder itself and beside it
    golden.json         sequences, losses, gradient norms, warpers
    golden.safetensors  logits, gradients by name, weights after training, distributions
"""
import copy
import json
import os
import sys

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoModelForCausalLM
from transformers import GPT2Config, LlamaConfig, MistralConfig, Qwen2Config, Qwen3Config
from transformers.generation import MinPLogitsWarper, TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

HERE = os.path.dirname(os.path.abspath(__file__))
LEARNING_RATE, MAX_NORM, STEPS = 1e-2, 1.0, 10
RESPONSE = 4  # the loss counts the tokens from this position on

llama = dict(
    hidden_size=24, num_attention_heads=4, num_key_value_heads=2, num_hidden_layers=2, intermediate_size=36,
    vocab_size=51, max_position_embeddings=40, bos_token_id=None, eos_token_id=0, pad_token_id=None,
)
CONFIGS = {
    # head size 12, vocabulary not divisible by 16
    "gpt2": (GPT2Config(n_embd=24, n_head=2, n_layer=2, vocab_size=45, n_positions=24, bos_token_id=0, eos_token_id=0), {}),
    # head size 5, three layers, free head, exact GELU, narrow MLP; in shards
    "gpt2-odd": (
        GPT2Config(
            n_embd=20, n_head=4, n_layer=3, n_inner=28, vocab_size=67, n_positions=21, activation_function="gelu",
            layer_norm_epsilon=1e-6, tie_word_embeddings=False, bos_token_id=None, eos_token_id=0,
        ),
        {"max_shard_size": "12KB"},
    ),
    # one head of 40, one layer; in half precision, without the prefix "transformer."
    "gpt2-half": (GPT2Config(n_embd=40, n_head=1, n_layer=1, vocab_size=53, n_positions=16, bos_token_id=0, eos_token_id=0), {"half": True}),
    "llama": (
        LlamaConfig(
            **llama, head_dim=6, tie_word_embeddings=False, rms_norm_eps=1e-5,
            rope_parameters={
                "rope_type": "llama3", "rope_theta": 500.0, "factor": 8.0, "low_freq_factor": 1.0,
                "high_freq_factor": 4.0, "original_max_position_embeddings": 16,
            },
        ),
        {},
    ),
    "mistral": (MistralConfig(**llama, head_dim=10, sliding_window=16), {}),
    "qwen2": (Qwen2Config(**llama, tie_word_embeddings=True), {}),
    "qwen3": (Qwen3Config(**llama, head_dim=8, tie_word_embeddings=True), {}),
}


def wider(base, **changes):
    """A configuration with room for GREEDY steps; how says how it is saved and measured."""
    how = changes.pop("how", {})
    ends = dict(bos_token_id=None, eos_token_id=0, pad_token_id=None)
    return base(**ends, **changes), {"greedy": True, **how}


linear, llama3 = dict(rope_type="linear", factor=4.0), dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=24)
sizes = dict(num_hidden_layers=2, max_position_embeddings=72)
CONFIGS.update({
    # head size 11, tanh GELU by its other name, narrow MLP, free head; end tokens
    "gpt2-free": wider(GPT2Config, n_embd=33, n_head=3, n_layer=2, n_inner=50, vocab_size=71, n_positions=72, activation_function="gelu_pytorch_tanh", tie_word_embeddings=False),
    "gpt2-deep": wider(GPT2Config, n_embd=16, n_head=2, n_layer=4, vocab_size=64, n_positions=80, layer_norm_epsilon=1e-3),
    # one head of keys for three of queries, head size that is not hidden/heads, linear scaling in the older spelling, tied
    "llama-linear": wider(LlamaConfig, **sizes, hidden_size=21, num_attention_heads=3, num_key_value_heads=1, head_dim=10, intermediate_size=37,
                          vocab_size=63, tie_word_embeddings=True, rope_parameters=dict(rope_theta=10000.0, **linear), how={"old": True}),
    "llama-bias": wider(LlamaConfig, **sizes, hidden_size=20, num_attention_heads=4, head_dim=6, intermediate_size=33, vocab_size=50,
                        attention_bias=True, mlp_bias=True, rope_parameters=dict(rope_type="default", rope_theta=300.0)),
    "mistral-full": wider(MistralConfig, **sizes, hidden_size=30, num_attention_heads=6, num_key_value_heads=2, head_dim=8, intermediate_size=31,
                          vocab_size=49, sliding_window=None, tie_word_embeddings=True, rope_parameters=dict(rope_type="default", rope_theta=1e6), how={"old": True}),
    "mistral-half": wider(MistralConfig, **sizes, hidden_size=24, num_attention_heads=2, num_key_value_heads=2, intermediate_size=40, vocab_size=65,
                          sliding_window=71, rope_parameters=dict(rope_theta=500.0, **llama3), how={"bfloat16": True}),
    "qwen2-free": wider(Qwen2Config, **sizes, hidden_size=28, num_attention_heads=7, num_key_value_heads=1, intermediate_size=35, vocab_size=47,
                        tie_word_embeddings=False, rope_parameters=dict(rope_theta=1e6, **llama3)),
    "qwen2-deep": wider(Qwen2Config, num_hidden_layers=3, max_position_embeddings=72, hidden_size=16, num_attention_heads=2, num_key_value_heads=2, intermediate_size=20,
                        vocab_size=80, rms_norm_eps=1e-4, rope_parameters=dict(rope_theta=10000.0, **linear), how={"old": True, "max_shard_size": "5KB"}),
    "qwen3-bias": wider(Qwen3Config, **sizes, hidden_size=18, num_attention_heads=3, num_key_value_heads=1, head_dim=10, intermediate_size=29, vocab_size=55,
                        attention_bias=True, tie_word_embeddings=False, rope_parameters=dict(rope_type="default", rope_theta=1e6)),
    "qwen3-wide": wider(Qwen3Config, **sizes, hidden_size=32, num_attention_heads=2, num_key_value_heads=2, head_dim=22, intermediate_size=24, vocab_size=43,
                        tie_word_embeddings=True, rope_parameters=dict(rope_theta=10000.0, **llama3), how={"old": True}),
})
GREEDY = 64


def tokenizer():
    """A byte-level BPE of 43 tokens: the end token, a space, letters, some merges."""
    vocab = ["<|endoftext|>", "\u0120"] + [chr(c) for c in range(ord("a"), ord("z") + 1)] + ["."]
    merges = [("r", "e"), ("re", "d"), ("\u0120", "re"), ("\u0120re", "d"), ("b", "l"), ("bl", "u"), ("blu", "e"), ("\u0120", "blue"),
              ("g", "re"), ("e", "n"), ("gre", "en"), ("\u0120", "green"), ("t", "h"), ("th", "e")]
    vocab += [a + b for a, b in merges]
    tok = Tokenizer(models.BPE(vocab={t: i for i, t in enumerate(vocab)}, merges=merges))
    tok.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tok.decoder = decoders.ByteLevel()
    tok.add_special_tokens(["<|endoftext|>"])
    return tok


def randomise(model):
    """Makes every weight count: norms around one, biases around zero, broad matrices."""
    g = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if p.dim() == 1 and name.endswith("weight"):
                p.copy_(1 + 0.2 * torch.randn(p.shape, generator=g))
            else:
                p.copy_(0.2 * torch.randn(p.shape, generator=g))


def old_spelling(folder):
    """Rewrites config.json as transformers 4 wrote it."""
    path = os.path.join(folder, "config.json")
    with open(path) as f:
        config = json.load(f)
    rope = config.pop("rope_parameters")
    config["rope_theta"] = rope.pop("rope_theta")
    config["rope_scaling"] = None if rope == {"rope_type": "default"} else rope
    config["torch_dtype"] = config.pop("dtype")
    with open(path, "w") as f:
        json.dump(config, f, indent=2)


def save(model, folder, half=False, old=False, bfloat16=False, greedy=False, **kw):
    if bfloat16:
        copy.deepcopy(model).bfloat16().save_pretrained(folder)
        return
    if not half:
        model.save_pretrained(folder, **kw)
        if old:
            old_spelling(folder)
        return
    model.config.save_pretrained(folder)
    weights = {k.removeprefix("transformer."): v.half() for k, v in model.state_dict().items() if k != "lm_head.weight"}
    for i in range(model.config.n_layer):  # the mask buffers of older files
        weights[f"h.{i}.attn.bias"] = torch.ones(1, 1, 16, 16, dtype=torch.uint8).tril()
        weights[f"h.{i}.attn.masked_bias"] = torch.tensor(-1e4)
    save_file(weights, os.path.join(folder, "model.safetensors"), metadata={"format": "pt"})


def loss_of(model, sequences):
    """Mean cross-entropy of the tokens from RESPONSE on, over all sequences."""
    total, count, logits = 0.0, 0, []
    for s in sequences:
        out = model(torch.tensor([s])).logits[0]
        logits.append(out)
        logp = torch.log_softmax(out, -1)
        for t in range(RESPONSE, len(s)):
            total, count = total - logp[t - 1, s[t]], count + 1
    return total / count, torch.cat(logits)


def greedy(model, prompts):
    """The most likely tokens, one by one, and the smallest lead of one over the next."""
    texts, lead = [], float("inf")
    with torch.no_grad():
        for p in prompts:
            s = list(p)
            for _ in range(GREEDY):
                top = torch.topk(model(torch.tensor([s])).logits[0, -1], 2)
                lead = min(lead, (top.values[0] - top.values[1]).item())
                s.append(top.indices[0].item())
            texts.append(s[len(p):])
    assert lead > 1e-4, lead
    return texts


def policy(model, sequences, tensors, trained=None):
    """Gradients of sum(a*logp + b*entropy + c*value) over the response tokens, at a temperature,
    every second target over a support of some tokens; the value head sits on the final hidden state."""
    g = torch.Generator().manual_seed(11)
    width, temperature = model.config.hidden_size, 0.7
    head = (0.3 * torch.randn(width + 1, generator=g)).requires_grad_()
    total, targets = 0.0, []
    for i, s in enumerate(sequences):
        hidden = model.base_model(torch.tensor([s])).last_hidden_state[0]
        logits = model.lm_head(hidden) / temperature
        for t in range(RESPONSE, len(s)):
            support = None
            x = logits[t - 1]
            if len(targets) % 2:
                support = sorted({s[t], *torch.topk(x, 6).indices.tolist()})
                x = x[support]
            logp = torch.log_softmax(x, -1)
            a, b, c = torch.randn(3, generator=g)
            own = logp[support.index(s[t]) if support else s[t]]
            entropy = -(logp.exp() * logp).sum()
            value = hidden[t - 1] @ head[:-1] + head[-1]
            total = total + a * own + b * entropy + c * value
            targets.append(dict(
                sequence=i, at=t, support=support, a=a.item(), b=b.item(), c=c.item(),
                logp=own.item(), entropy=entropy.item(), value=value.item(),
            ))
    model.zero_grad()
    total.backward()
    for n, p in (trained or dict(model.named_parameters())).items():
        tensors["policy:" + n] = p.grad.clone()
    tensors["value"], tensors["policy:value"] = head.detach(), head.grad
    return dict(temperature=temperature, targets=targets)


def warped(row, temperature, top_k, top_p, min_p):
    """The sampling distribution of transformers' generate."""
    row = row[None]
    row = TemperatureLogitsWarper(temperature)(None, row) if temperature != 1 else row
    row = TopKLogitsWarper(top_k)(None, row) if top_k else row
    row = TopPLogitsWarper(top_p)(None, row) if top_p else row
    row = MinPLogitsWarper(min_p)(None, row) if min_p else row
    return torch.softmax(row[0].double(), -1).float()


WARPERS = [(1.0, 0, 0.0, 0.0), (0.5, 0, 0.0, 0.0), (1.0, 5, 0.0, 0.0), (1.0, 0, 0.8, 0.0), (1.0, 0, 0.0, 0.1), (0.7, 12, 0.9, 0.05), (1.6, 1, 0.5, 0.5)]


def main(name):
    config, how = CONFIGS[name]
    folder = os.path.join(HERE, name)
    os.makedirs(folder, exist_ok=True)
    torch.manual_seed(1)
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager")
    model.eval()
    randomise(model)
    if how.get("half"):
        model = model.half().float()
    if how.get("bfloat16"):
        with torch.no_grad():  # the weights only: model.bfloat16() would round the rotary frequencies too
            for p in model.parameters():
                p.copy_(p.bfloat16())
    save(model, folder, **how)
    tokenizer().save(os.path.join(folder, "tokenizer.json"))
    g = torch.Generator().manual_seed(3)
    prompt = torch.randint(0, config.vocab_size, (RESPONSE,), generator=g).tolist()
    tails = [torch.randint(0, config.vocab_size, (n,), generator=g).tolist() for n in (5, 1, 8)]
    sequences = [prompt + t for t in tails]
    sequences.append(torch.randint(0, config.vocab_size, (7,), generator=g).tolist())

    loss, logits = loss_of(model, sequences)
    loss.backward()
    tensors = {"logits": logits.detach()}
    for n, p in model.named_parameters():
        tensors["grad:" + n] = p.grad.clone()
    scored = {} if how.get("greedy") else policy(model, sequences, tensors)
    texts = greedy(model, [prompt, sequences[-1], [1]]) if how.get("greedy") else []
    model.zero_grad()
    opt = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE)
    losses, norms = [], []
    for _ in range(STEPS):
        opt.zero_grad()
        loss, _ = loss_of(model, sequences)
        loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(), MAX_NORM).item())
        opt.step()
        losses.append(loss.item())
    # not the biases of keys: their gradient is zero but for rounding, which Adam blows up
    small = sorted((p.numel(), n) for n, p in model.named_parameters() if "c_attn.bias" not in n and "k_proj.bias" not in n)
    for n in (small[0][1], small[len(small) // 2][1], small[-1][1]):
        tensors["trained:" + n] = dict(model.named_parameters())[n].detach().clone()
    row = tensors["logits"][len(sequences[0]) - 1]
    for i, w in enumerate(WARPERS if scored else []):
        tensors[f"warped:{i}"] = warped(row, *w)
    golden = dict(
        sequences=sequences, response=RESPONSE, losses=losses, norms=norms, lr=LEARNING_RATE, max_norm=MAX_NORM, policy=scored, greedy=texts,
        warpers=[dict(temperature=t, top_k=k, top_p=p, min_p=m) for t, k, p, m in WARPERS] if scored else [],
    )
    with open(os.path.join(folder, "golden.json"), "w") as f:
        json.dump(golden, f)
    save_file({k: v.contiguous().clone() for k, v in tensors.items()}, os.path.join(folder, "golden.safetensors"))
    print(name, losses[0], losses[-1], norms[0])


if __name__ == "__main__":
    for name in sys.argv[1:] or CONFIGS:
        main(name)
