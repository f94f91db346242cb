"""Writes the golden adapters of this directory: adapters of PEFT on the tiny models
that make_golden.py wrote, and what PyTorch computes with them.

    python make_lora_golden.py            every adapter
    python make_lora_golden.py NAME...    some of them

A folder lora/NAME holds the adapter folder as PEFT saves it, base_model_name_or_path naming
the folder of the base, and beside it
    golden.json         sequences, losses, gradient norms, scores of a policy loss
    golden.safetensors  logits, gradients by name, adapters after training
"""
import json
import os
import sys

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

from make_golden import HERE, LEARNING_RATE, MAX_NORM, RESPONSE, STEPS, loss_of, policy

CONFIGS = {
    "gpt2-attn": ("gpt2", dict(r=4, lora_alpha=8, target_modules=["c_attn"])),
    # every matrix, the activation in between; alpha/sqrt(rank)
    "gpt2-all": ("gpt2", dict(r=3, lora_alpha=5, target_modules="all-linear", use_rslora=True)),
    # one of two modules with the same last name, exact GELU, a rank of more than one panel
    "gpt2-odd-part": ("gpt2-odd", dict(r=35, lora_alpha=8, target_modules=["attn.c_proj", "c_fc"])),
    # two of three ranges of the fused matrix, grouped heads
    "llama-qv": ("llama", dict(r=4, lora_alpha=8, target_modules=["q_proj", "v_proj"])),
    "llama-all": ("llama", dict(r=8, lora_alpha=4, target_modules="all-linear")),
    # query and key norms
    "qwen3-some": ("qwen3", dict(r=5, lora_alpha=10, target_modules=["k_proj", "o_proj", "gate_proj", "down_proj"])),
    # a regular expression: queries and keys of one layer
    "qwen2-pattern": ("qwen2", dict(r=2, lora_alpha=6, target_modules=r".*layers\.1\.self_attn\.[qk]_proj", lora_dropout=0.05)),
}


def plain(name):
    """The name of a parameter as PEFT saves it."""
    return name.replace(".default.", ".")


def main(name):
    base, how = CONFIGS[name]
    folder = os.path.join(HERE, "lora", name)
    os.makedirs(folder, exist_ok=True)
    model = AutoModelForCausalLM.from_pretrained(os.path.join(HERE, base), dtype=torch.float32, attn_implementation="eager")
    torch.manual_seed(1)
    model = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", fan_in_fan_out=base.startswith("gpt2"), **how))
    model.eval()
    trained = {n: p for n, p in model.named_parameters() if p.requires_grad}
    assert trained and all("lora_" in n for n in trained)
    with torch.no_grad():
        for n, p in trained.items():
            if "lora_B" in n:
                p.copy_(0.2 * torch.randn(p.shape))
    model.peft_config["default"].base_model_name_or_path = base
    model.save_pretrained(folder)
    os.remove(os.path.join(folder, "README.md"))
    with open(os.path.join(HERE, base, "golden.json")) as f:
        sequences = json.load(f)["sequences"]

    loss, logits = loss_of(model, sequences)
    loss.backward()
    tensors = {"logits": logits.detach()}
    for n, p in trained.items():
        tensors["grad:" + plain(n)] = p.grad.clone()
    scores = {}
    scored = policy(model.base_model.model, sequences, scores, trained)
    for n, v in scores.items():
        tensors[plain(n)] = v
    opt = torch.optim.AdamW(trained.values(), lr=LEARNING_RATE)
    losses, norms = [], []
    for _ in range(STEPS):
        opt.zero_grad()
        loss, _ = loss_of(model, sequences)
        loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_(trained.values(), MAX_NORM).item())
        opt.step()
        losses.append(loss.item())
    for n, p in trained.items():
        tensors["trained:" + plain(n)] = p.detach().clone()
    golden = dict(
        base=base, sequences=sequences, response=RESPONSE, losses=losses, norms=norms, lr=LEARNING_RATE, max_norm=MAX_NORM, policy=scored,
    )
    with open(os.path.join(folder, "golden.json"), "w") as f:
        json.dump(golden, f)
    save_file({k: v.contiguous().clone() for k, v in tensors.items()}, os.path.join(folder, "golden.safetensors"))
    print(name, losses[0], losses[-1], norms[0])


if __name__ == "__main__":
    for name in sys.argv[1:] or CONFIGS:
        main(name)
