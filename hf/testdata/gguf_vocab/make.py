"""Tokenizers in GGUF files, and what the programs that the format comes from make of texts.

    python make.py                    writes NAME.gguf and NAME.json.gz, committed, and says where
                                      llama.cpp and the tokenizer that a file was made of differ
    python make.py FILE COUNT SEED    prints COUNT cases of a GGUF file of byte-level BPE, a JSON
                                      line each, for the parity test
    python make.py DIR...             prints what transformers makes of the texts of NAME.json.gz with
                                      the folder DIR/NAME, a JSON line of cases each

A case has a text in hex and its ids with special tokens found in it, and with none. They come from
the tokenizer of PyPI tokenizers of which the file was made, for SentencePiece's BPE from llama.cpp;
with COUNT from a tokenizer that is built here from the file's metadata, and from llama.cpp as well
where PyPI xllamacpp is there, but for texts with a byte that has no token: tokenizers leaves it out
before it merges, llama.cpp afterwards. Needs gguf, and sentencepiece to write.
"""

import gzip
import io
import json
import os
import random
import sys
import tempfile
import unicodedata
import urllib.request

import gguf
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "..", "tokenizer", "testdata"))

from make_golden import DEEPSEEK, LLAMA3, O200K, QWEN2, TEXT, WORDS, broken, string  # noqa: E402
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers  # noqa: E402

CONTROL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
TEMPLATE = "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
GPT2 = pre_tokenizers.ByteLevel(add_prefix_space=False)
TEKKEN = O200K.replace("(?i:'s|'t|'re|'ve|'m|'ll|'d)?", "").replace("{1,3}", "")


def splits(*patterns):
    """Patterns whose matches are words, one after the other."""
    parts = [pre_tokenizers.Split(Regex(p), "isolated") for p in patterns]
    return pre_tokenizers.Sequence(parts + [pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


GPT2_PATTERN = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"

# name in the file: pre-tokenizer, NFC, whether words that are tokens need no merges, whether <s> begins a text
PRES = {
    "gpt-2": (GPT2, False, False, False),
    "smollm": (pre_tokenizers.Sequence([pre_tokenizers.Digits(True), GPT2]), False, False, False),
    "llama-bpe": (splits(LLAMA3), False, True, True),
    "qwen2": (splits(QWEN2), True, False, False),
    "tekken": (splits(TEKKEN), False, True, True),
    "gpt-4o": (splits(O200K), False, False, False),
    "deepseek-v3": (splits(r"\p{N}{1,3}", "[一-龥぀-ゟ゠-ヿ]+", DEEPSEEK), False, False, False),
    "deepseek-coder": (
        pre_tokenizers.Sequence(
            [pre_tokenizers.Split(Regex(p), "isolated") for p in [r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", "[一-龥ࠀ-一가-퟿]+"]]
            + [pre_tokenizers.Digits(True), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
        ),
        False, False, False,
    ),
    "default": (splits(r"[\p{P}\$\+<=>\^~\|]+", GPT2_PATTERN, r"\p{N}+", r"[0-9][0-9][0-9]"), False, False, False),
}
PRES["command-r"] = (PRES["smollm"][0], True, False, False)
PRES["olmo"] = (GPT2, True, False, False)
PRES["dbrx"] = (PRES["llama-bpe"][0], False, False, False)


def dressed(tok, pre):
    """The tokenizer with what belongs to the name of its pre-tokenizer."""
    tok.pre_tokenizer, nfc, _, bos = PRES[pre]
    if nfc:
        tok.normalizer = normalizers.NFC()
    tok.decoder = decoders.ByteLevel()
    if bos:
        tok.post_processor = processors.TemplateProcessing(
            single="<|im_start|> $A", special_tokens=[("<|im_start|>", tok.token_to_id("<|im_start|>"))]
        )
    return tok


def byte_level(pre):
    """A tokenizer with that splitting, trained on few words."""
    tok = Tokenizer(models.BPE(ignore_merges=PRES[pre][2]))
    tok.pre_tokenizer = PRES[pre][0]
    trainer = trainers.BpeTrainer(
        vocab_size=430, special_tokens=CONTROL, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tok.train_from_iterator(TEXT, trainer)
    tok.add_tokens([AddedToken("<tool_call>", normalized=False), AddedToken("   ", normalized=False)])
    return dressed(tok, pre)


def write_byte_level(w, tok, pre):
    """The metadata as convert_hf_to_gguf.py writes them, with two ids that have no token."""
    j = json.loads(tok.to_str())
    added = {t["content"]: t for t in j["added_tokens"]}
    tokens = [tok.id_to_token(i) for i in range(tok.get_vocab_size())]
    types = []
    for t in tokens:
        kinds = gguf.TokenType
        types.append(kinds.NORMAL if t not in added else kinds.CONTROL if added[t]["special"] else kinds.USER_DEFINED)
    for _ in range(2):
        tokens.append(f"[PAD{len(tokens)}]")
        types.append(gguf.TokenType.UNUSED)
    w.add_tokenizer_model("gpt2")
    w.add_tokenizer_pre(pre)
    w.add_token_list(tokens)
    w.add_token_types(types)
    w.add_token_merges([" ".join(m) for m in j["model"]["merges"]])
    w.add_bos_token_id(tok.token_to_id("<|im_start|>"))
    w.add_eos_token_id(tok.token_to_id("<|im_end|>"))
    w.add_eot_token_id(tok.token_to_id("<|endoftext|>"))
    w.add_pad_token_id(tok.token_to_id("<|endoftext|>"))
    w.add_add_bos_token(PRES[pre][3])
    w.add_chat_template(TEMPLATE)
    return len(tokens)


def sentencepiece(prefix):
    """A SentencePiece model of BPE with bytes for what it does not know."""
    import sentencepiece as spm

    model = io.BytesIO()
    spm.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXT * 3), model_writer=model, model_type="bpe", vocab_size=520, byte_fallback=True,
        character_coverage=1.0, normalization_rule_name="identity", remove_extra_whitespaces=False, add_dummy_prefix=prefix,
        user_defined_symbols=["<tool_call>"], control_symbols=["[INST]"], allow_whitespace_only_pieces=True, split_digits=True,
        minloglevel=2,
    )  # fmt: skip
    return spm.SentencePieceProcessor(model_proto=model.getvalue())


def write_sentencepiece(w, sp, prefix):
    """The metadata as convert_hf_to_gguf.py writes them."""
    n = sp.vocab_size()
    kinds = gguf.TokenType

    def kind(i):
        if sp.is_unknown(i):
            return kinds.UNKNOWN
        if sp.is_control(i):
            return kinds.CONTROL
        if sp.is_unused(i):
            return kinds.UNUSED
        if sp.is_byte(i):
            return kinds.BYTE
        return kinds.USER_DEFINED if sp.id_to_piece(i) == "<tool_call>" else kinds.NORMAL

    w.add_tokenizer_model("llama")
    w.add_tokenizer_pre("default")
    w.add_token_list([sp.id_to_piece(i) for i in range(n)])
    w.add_token_scores([sp.get_score(i) for i in range(n)])
    w.add_token_types([kind(i) for i in range(n)])
    w.add_bos_token_id(sp.bos_id())
    w.add_eos_token_id(sp.eos_id())
    w.add_unk_token_id(sp.unk_id())
    w.add_add_bos_token(True)
    w.add_add_eos_token(False)
    w.add_add_space_prefix(prefix)
    return n


def write(path, fill, weights=False):
    """A file with the metadata that fill writes; with weights one that llama.cpp loads."""
    w = gguf.GGUFWriter(path, "llama")
    w.add_context_length(512)
    n = fill(w)
    if weights:
        width = 32
        w.add_vocab_size(n), w.add_block_count(1), w.add_embedding_length(width), w.add_feed_forward_length(width)
        w.add_head_count(1), w.add_head_count_kv(1), w.add_rope_dimension_count(width), w.add_layer_norm_rms_eps(1e-5)
        square = np.zeros((width, width), np.float32)
        w.add_tensor("token_embd.weight", np.zeros((n, width), np.float32))
        w.add_tensor("output_norm.weight", np.ones(width, np.float32))
        for name in ["attn_norm", "ffn_norm"]:
            w.add_tensor(f"blk.0.{name}.weight", np.ones(width, np.float32))
        for name in ["attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"]:
            w.add_tensor(f"blk.0.{name}.weight", square)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


class LlamaCpp:
    """llama.cpp with a file."""

    def __init__(self, path):
        import xllamacpp

        p = xllamacpp.CommonParams()
        p.model.path, p.n_ctx, p.n_parallel, p.warmup, p.cpuparams.n_threads = path, 64, 1, False, 1
        self.server = xllamacpp.Server(p)

    def ids(self, text, special):
        body = json.dumps({"content": text, "add_special": special, "parse_special": special}).encode()
        r = urllib.request.Request(self.server.listening_address + "/tokenize", body, {"Content-Type": "application/json"})
        return json.load(urllib.request.urlopen(r))["tokens"]


def texts(count, seed):
    rng = random.Random(seed)
    for _ in range(count):
        raw = string(rng).encode()
        if rng.randrange(20) == 0:
            raw = broken(rng, raw)
        mixed = "".join(rng.choice(CONTROL + WORDS + [" ", "\n", "<tool_call>", "[INST]", "</s>"]) for _ in range(rng.randrange(4)))
        yield raw.decode("utf-8", "replace") + (mixed if rng.randrange(3) == 0 else "")


def bytes_to_unicode():
    """The characters that stand for bytes: themselves where they are printable."""
    own = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    rest = [b for b in range(256) if b not in own]
    return {b: chr(b) for b in own} | {b: chr(256 + i) for i, b in enumerate(rest)}


def byte_level_ids(tok):
    def ids(text, special):
        tok.encode_special_tokens = not special
        return tok.encode(text, add_special_tokens=special).ids

    return ids


def from_file(path):
    """The tokenizer of byte-level BPE that the metadata of a file describe."""
    fields = gguf.GGUFReader(path).fields
    get = lambda name: fields["tokenizer.ggml." + name].contents()  # noqa: E731
    tokens, types, pre = get("tokens"), get("token_type"), get("pre")
    merges = [tuple(m.split(" ")) for m in get("merges")]
    tok = Tokenizer(models.BPE({t: i for i, t in enumerate(tokens)}, merges, ignore_merges=PRES[pre][2]))
    tok.add_special_tokens([t for t, kind in zip(tokens, types) if kind == gguf.TokenType.CONTROL])
    tok.add_tokens([AddedToken(t, normalized=False) for t, kind in zip(tokens, types) if kind == gguf.TokenType.USER_DEFINED])
    return dressed(tok, pre)


def case(ids, text):
    return {"text": text.encode().hex(), "special": ids(text, True), "plain": ids(text, False)}


def compare(name, ids, llama, specials, count=2000):
    """Says how often llama.cpp has other ids, of all texts and of those that NFC leaves as they are."""
    seen, stable = {}, {}
    for text in texts(count, 2):
        for special in specials:
            a, b = ids(text, special), llama.ids(text, special)
            if a != b:
                seen[special] = seen.get(special, 0) + 1
                stable[special] = stable.get(special, 0) + (unicodedata.normalize("NFC", text) == text)
                if seen[special] < 3:
                    print(f"  {text[:80]!r} special={special}: {a[:30]}, llama.cpp {b[:30]}")
    print(f"{name}: of {count} texts llama.cpp has other ids for {seen or 'none'}, in NFC {stable or 'none'}")


def make(name, fill, ids=None, other=None):
    """Writes a file and what ids, without them llama.cpp, make of texts; other is compared with llama.cpp."""
    write(os.path.join(HERE, name + ".gguf"), fill)
    with tempfile.TemporaryDirectory() as tmp:
        path = os.path.join(tmp, "m.gguf")
        write(path, fill, weights=True)
        llama = LlamaCpp(path)
        if ids:
            compare(name, ids, llama, (True, False))
        else:  # SentencePiece finds no special tokens in texts
            compare(name, lambda text, _: other.encode(text), llama, (False,))
        text = json.dumps([case(ids or llama.ids, t) for t in texts(60, 1)], separators=(",", ":"))
    with open(os.path.join(HERE, name + ".json.gz"), "wb") as f:
        f.write(gzip.compress(text.encode(), mtime=0))


def transformers_cases(path):
    """The texts of a committed file with the ids of transformers."""
    from transformers import AutoTokenizer

    tok = AutoTokenizer.from_pretrained(path)
    with gzip.open(os.path.join(HERE, os.path.basename(path) + ".json.gz")) as f:
        raw = [bytes.fromhex(c["text"]).decode() for c in json.load(f)]

    def ids(text, special):
        return tok(text, add_special_tokens=special, split_special_tokens=not special)["input_ids"]

    return [case(ids, text) for text in raw]


def main(args):
    if args and os.path.isdir(args[0]):
        for path in args:
            print(json.dumps(transformers_cases(path)))
        return
    if args:
        path, count, seed = args[0], int(args[1]), int(args[2])
        ids, llama = byte_level_ids(from_file(path)), None
        try:
            llama = LlamaCpp(path)
        except ImportError:
            print("PyPI xllamacpp is not there: llama.cpp is not asked", file=sys.stderr)
        tok = from_file(path)
        known = {b for b, c in bytes_to_unicode().items() if tok.token_to_id(c) is not None}
        for text in texts(count, seed):
            c = case(ids, text)
            if llama is not None and known.issuperset(text.encode()):
                c["llama"] = case(llama.ids, text)
            print(json.dumps(c))
        return
    for pre in PRES:
        tok = byte_level(pre)
        make(pre, lambda w: write_byte_level(w, tok, pre), byte_level_ids(tok))
    for name, prefix in [("llama", True), ("llama-no-prefix", False)]:
        sp = sentencepiece(prefix)
        make(name, lambda w: write_sentencepiece(w, sp, prefix), other=sp)


if __name__ == "__main__":
    main(sys.argv[1:])
