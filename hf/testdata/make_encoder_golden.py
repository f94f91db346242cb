"""Writes the golden vectors of encoders, computed by sentence-transformers.

    python make_encoder_golden.py             tiny random models (bert, bert-cls, bge, e5, gte), and texts.json
    python make_encoder_golden.py FOLDER      minilm.safetensors, of a folder of all-MiniLM-L6-v2
"""
import json
import os
import random
import shutil
import sys

import torch
from safetensors.torch import save_file
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

HERE = os.path.dirname(os.path.abspath(__file__))
MODULE = "sentence_transformers.models."


def texts():
    """220 texts of every kind, some longer than any model reads."""
    rng = random.Random(5)
    words = "red blue green the sky is not a colour of grass , . ! it's don't 42 3.14 cat cats walking unbelievable re-do".split()
    special = [
        "", " ", "a", "Zürich", "naïve café", "ÅNGSTRÖM", "東京は大きい", "日本 語", "Привет, мир", "مرحبا", "😀 smile", "e\u0301 combining",
        "tab\tand\nnewline", "zero\u200bwidth", "\u00a0nbsp", "UPPER lower MiXed", "x" * 150, "a-b_c/d\\e", "$5.00 & 10%", "[CLS] in text [SEP]", "\ufffd",
        "<html>", "ﬁ ligature", "İstanbul", "ß ẞ", "…", "“quotes”", "f(x)=x^2", "the " * 300, "cats, " * 150,
    ]
    while len(special) < 220:
        n = rng.choice([1, 1, 2, 2, 3, 5, 8, 12, 20, 60])
        special.append(" ".join(rng.choice(words) for _ in range(n)))
    return special


def tokenizer(folder):
    """A WordPiece of letters, digits and a few words."""
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *("##" + c for c in letters), *",.!'-",
             "the", "red", "blue", "green", "##ing", "cat", "##s", "not"]
    vocab = {t: i for i, t in enumerate(dict.fromkeys(vocab))}
    tok = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]"))
    tok.normalizer = normalizers.BertNormalizer(lowercase=True)
    tok.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tok.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    tok.decoder = decoders.WordPiece()
    fast = PreTrainedTokenizerFast(tokenizer_object=tok, unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]", mask_token="[MASK]")
    fast.save_pretrained(folder)
    return len(vocab)


def tiny(name, pooling, normalize, **extra):
    folder = os.path.join(HERE, name)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(os.path.join(folder, "1_Pooling"))
    size = tokenizer(folder)
    torch.manual_seed(2)
    config = BertConfig(
        vocab_size=size, hidden_size=36, num_attention_heads=3, num_hidden_layers=2, intermediate_size=52,
        max_position_embeddings=40, type_vocab_size=2, **extra,
    )
    model = BertModel(config)
    g = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for n, p in model.named_parameters():
            p.copy_(0.2 * torch.randn(p.shape, generator=g) + (1 if "LayerNorm.weight" in n else 0))
    model.eval().save_pretrained(folder)
    modules = [("0", "", "Transformer"), ("1", "1_Pooling", "Pooling")] + ([("2", "2_Normalize", "Normalize")] if normalize else [])
    write(folder, "modules.json", [{"idx": i, "name": n, "path": p, "type": MODULE + t} for i, (n, p, t) in enumerate(modules)])
    write(folder, "1_Pooling/config.json", {"word_embedding_dimension": 36, "pooling_mode_cls_token": pooling == "cls", "pooling_mode_mean_tokens": pooling == "mean"})
    write(folder, "sentence_bert_config.json", {"max_seq_length": 24, "do_lower_case": False})
    vectors(folder, os.path.join(folder, "golden.safetensors"), torch.float32)


def shaped(name, pooling, heads, layers, length, prompts, default, lower=False):
    """A tiny random model with the files of a family of embedders, and its vectors for each prompt."""
    folder = os.path.join(HERE, name)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(os.path.join(folder, "1_Pooling"))
    size = tokenizer(folder)
    config = BertConfig(
        vocab_size=size, hidden_size=32, num_attention_heads=heads, num_hidden_layers=layers, intermediate_size=64,
        max_position_embeddings=64, type_vocab_size=2,
    )
    model = BertModel(config)
    g = torch.Generator().manual_seed(sum(map(ord, name)))
    with torch.no_grad():
        for n, p in model.named_parameters():
            p.copy_(0.2 * torch.randn(p.shape, generator=g) + (1 if "LayerNorm.weight" in n else 0))
    model.eval().save_pretrained(folder)
    modules = [("0", "", "Transformer"), ("1", "1_Pooling", "Pooling"), ("2", "2_Normalize", "Normalize")]
    write(folder, "modules.json", [{"idx": i, "name": n, "path": p, "type": MODULE + t} for i, (n, p, t) in enumerate(modules)])
    modes = ["cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens"]
    write(folder, "1_Pooling/config.json", {"word_embedding_dimension": 32} | {"pooling_mode_" + m: m.startswith(pooling) and m != "mean_sqrt_len_tokens" for m in modes})
    write(folder, "sentence_bert_config.json", {"max_seq_length": length, "do_lower_case": lower})
    write(folder, "config_sentence_transformers.json", {"__version__": {"sentence_transformers": "2.2.2"}, "prompts": prompts, "default_prompt_name": default})
    st = SentenceTransformer(folder, device="cpu")
    some = texts()[:70]
    out = {"default": st.encode(some, batch_size=1)} | {n: st.encode(some, batch_size=1, prompt_name=n) for n in prompts}
    save_file({n: torch.tensor(v).contiguous() for n, v in out.items()}, os.path.join(folder, "golden.safetensors"))
    print(name, {n: v.shape for n, v in out.items()})


def write(folder, name, value):
    with open(os.path.join(folder, name), "w") as f:
        json.dump(value, f, indent=1)


def vectors(folder, path, dtype):
    model = SentenceTransformer(folder, device="cpu")
    v = torch.tensor(model.encode(texts(), batch_size=1, convert_to_numpy=True))
    save_file({"vectors": v.to(dtype).contiguous()}, path)
    print(path, v.shape, v[:2, :4])


if len(sys.argv) > 1:
    vectors(sys.argv[1], os.path.join(HERE, "minilm.safetensors"), torch.float16)
else:
    with open(os.path.join(HERE, "texts.json"), "w") as f:
        json.dump(texts(), f, indent=0)
    tiny("bert", "mean", True)
    tiny("bert-cls", "cls", False, hidden_act="gelu_new", layer_norm_eps=1e-6)
    shaped("bge", "cls", 4, 3, 48, {"query": "Represent this sentence for searching relevant passages: "}, None, lower=True)
    shaped("e5", "mean", 2, 2, 40, {"query": "query: ", "passage": "passage: "}, "query")
    shaped("gte", "mean", 8, 1, 64, {}, None)
