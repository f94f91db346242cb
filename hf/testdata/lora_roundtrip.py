"""Loads our adapters with PEFT and our merged models with transformers, and writes the
logits of token sequences.

    python lora_roundtrip.py NAME...

reads NAME.json ({"base": folder, "sequences": [...]}), NAME.adapter and NAME.merged, and writes
NAME.safetensors with the tensors adapter and merged.
"""
import json
import sys
import warnings

import torch
from peft import PeftModel
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

warnings.filterwarnings("error", message=".*adapter keys.*")  # missing or unexpected tensors


def logits(model, sequences):
    model.eval()
    with torch.no_grad():
        return torch.cat([model(torch.tensor([s])).logits[0] for s in sequences]).float().contiguous()


def load(folder):
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")


for name in sys.argv[1:]:
    with open(name + ".json") as f:
        job = json.load(f)
    adapted = PeftModel.from_pretrained(load(job["base"]), name + ".adapter")
    save_file(
        {"adapter": logits(adapted, job["sequences"]), "merged": logits(load(name + ".merged"), job["sequences"])},
        name + ".safetensors",
    )
