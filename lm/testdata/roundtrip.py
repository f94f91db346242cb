"""Loads folders with transformers and writes the logits of token sequences.

    python roundtrip.py FOLDER...

reads FOLDER.json, a list of sequences, and writes FOLDER.safetensors.
"""
import json
import sys

import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

for folder in sys.argv[1:]:
    model, info = AutoModelForCausalLM.from_pretrained(folder, output_loading_info=True, dtype=torch.float32, attn_implementation="eager")
    for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        left = [k for k in info[kind] if k != "lm_head.weight" or not model.config.tie_word_embeddings]
        assert not left, (folder, kind, left)
    GenerationConfig.from_pretrained(folder)
    tok = AutoTokenizer.from_pretrained(folder)
    assert tok.decode(tok("red blue the green", add_special_tokens=False).input_ids) == "red blue the green"
    assert tok.eos_token_id == model.config.eos_token_id == 0, (folder, tok.eos_token_id, model.config.eos_token_id)
    model.eval()
    with torch.no_grad():
        logits = [model(torch.tensor([s])).logits[0] for s in json.load(open(folder + ".json"))]
    save_file({"logits": torch.cat(logits).float().contiguous()}, folder + ".safetensors")
