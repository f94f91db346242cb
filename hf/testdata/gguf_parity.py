"""What transformers and llama.cpp make of GGUF files and folders, for the tests of package hf.

    python gguf_parity.py same FOLDER=FILE.gguf...   demands equal tensors, to the bit, of transformers' loaders
    python gguf_parity.py transformers < TASKS       continues prompts
    python gguf_parity.py llamacpp < TASKS           the same with PyPI xllamacpp

TASKS are lines {"model": PATH, "prompts": [[id, ...], ...], "tokens": N, "probs": N, "threads": N}. For each prompt comes a
line {"tokens": [...], "logprobs": [{id: log-probability}, ...]}: the most likely tokens, up to an end token, and
the likeliest at each place.
"""
import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor


def same(folder, file):
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.from_pretrained(folder)
    # transformers leaves members of config.json aside that GGUF has no room for, and knows no mistral
    given = {} if config.model_type == "mistral" else {"config": config}
    one = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).state_dict()
    two = AutoModelForCausalLM.from_pretrained(os.path.dirname(file), gguf_file=os.path.basename(file), dtype=torch.float32, **given).state_dict()
    assert set(one) == set(two), (folder, set(one) ^ set(two))
    for name, x in one.items():
        assert torch.equal(x.view(torch.int32), two[name].view(torch.int32)), (folder, file, name)


def transformers(task):
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(task["model"], dtype=torch.float32, attn_implementation="eager").eval()
    ends = model.generation_config.eos_token_id
    ends = ends if isinstance(ends, list) else [ends]
    longest = max(len(p) for p in task["prompts"])
    ids = torch.tensor([[0] * (longest - len(p)) + p for p in task["prompts"]])
    mask = torch.tensor([[0] * (longest - len(p)) + [1] * len(p) for p in task["prompts"]])
    for out in model.generate(ids, attention_mask=mask, max_new_tokens=task["tokens"], do_sample=False, pad_token_id=0)[:, longest:].tolist():
        end = min((out.index(e) + 1 for e in ends if e in out), default=len(out))
        yield {"tokens": out[:end]}


def llamacpp(task):
    import xllamacpp as x

    p, prompts = x.CommonParams(), task["prompts"]
    p.model.path = task["model"]
    p.n_parallel, p.n_gpu_layers, p.warmup = len(prompts), 0, False
    p.n_ctx = len(prompts) * (max(len(q) for q in prompts) + task["tokens"])
    p.cpuparams.n_threads = p.cpuparams_batch.n_threads = task["threads"]
    p.cache_type_k = p.cache_type_v = x.ggml_type.GGML_TYPE_F32
    p.flash_attn_type = x.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    server = x.Server(p)

    def complete(prompt):
        out = server.handle_completions({"prompt": prompt, "n_predict": task["tokens"], "temperature": 0, "n_probs": task["probs"], "cache_prompt": False})
        assert "choices" in out, out
        return out["choices"][0]["logprobs"]["content"]

    with ThreadPoolExecutor(len(prompts)) as pool:
        for places in pool.map(complete, prompts):
            yield {"tokens": [c["id"] for c in places], "logprobs": [{str(t["id"]): t["logprob"] for t in c["top_logprobs"]} for c in places]}


mode = sys.argv[1]
if mode == "same":
    for pair in sys.argv[2:]:
        same(*pair.split("="))
for line in sys.stdin if mode != "same" else []:
    for answer in {"transformers": transformers, "llamacpp": llamacpp}[mode](json.loads(line)):
        print(json.dumps(answer), flush=True)
