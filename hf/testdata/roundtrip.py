"""Loads folders with transformers and writes the logits of token sequences.

    python roundtrip.py FOLDER...

reads FOLDER.json, a list of sequences, and writes FOLDER.safetensors. An argument
A=B compares two folders instead: tensors to the bit, their types, configurations.
"""
import json
import sys

import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, AutoTokenizer



def same(a, b):
    """Demands that transformers makes the same of two folders."""
    one, two = (AutoModelForCausalLM.from_pretrained(f, dtype="auto") for f in (a, b))
    left, right = one.state_dict(), two.state_dict()
    assert list(left) == list(right), (a, b)
    for name, x in left.items():
        y = right[name]
        assert x.dtype == y.dtype and x.shape == y.shape and torch.equal(x, y), (a, b, name, x.dtype, y.dtype)
    for what in ("config", "generation_config"):
        x, y = getattr(one, what).to_dict(), getattr(two, what).to_dict()
        drop = ("_name_or_path", "architectures")
        x, y = ({k: v for k, v in d.items() if k not in drop} for d in (x, y))
        assert x == y, (a, b, what, x, y)


for folder in sys.argv[1:]:
    if "=" in folder:
        same(*folder.split("="))
        continue
    model, info = AutoModelForCausalLM.from_pretrained(folder, output_loading_info=True, dtype=torch.float32, attn_implementation="eager")
    for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        left = [k for k in info[kind] if k != "lm_head.weight" or not model.config.tie_word_embeddings]
        assert not left, (folder, kind, left)
    tok = AutoTokenizer.from_pretrained(folder)
    assert tok.decode(tok("red blue the green", add_special_tokens=False).input_ids) == "red blue the green"
    assert tok.eos_token_id == model.config.eos_token_id == 0, (folder, tok.eos_token_id, model.config.eos_token_id)
    model.eval()
    with torch.no_grad():
        logits = [model(torch.tensor([s])).logits[0] for s in json.load(open(folder + ".json"))]
    save_file({"logits": torch.cat(logits).float().contiguous()}, folder + ".safetensors")
