"""Builds tokenizers of every kind with PyPI `tokenizers` and asks them for ids.

    python make_golden.py                  writes golden/NAME.json.gz and train.json.gz, committed
    python make_golden.py --list           prints the names of the kinds
    python make_golden.py NAME COUNT SEED  prints one tokenizer and COUNT cases, a
                                           JSON line each, for the parity test

A case holds the text in hex (it may be broken UTF-8, which Python reads with
errors="replace"), the ids with and without special tokens, random ids, and the
text of both lists with and without special tokens.
"""

import gzip
import json
import os
import random
import sys

from charsmap import charsmap
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

HERE = os.path.dirname(os.path.abspath(__file__))

WORDS = (
    "the quick brown fox jumps over lazy dog What color is sky blue grass green don't they're we've I'm she'll he'd it's "
    "IT'S unbelievable tokenization hello world Hello WORLD naïve café résumé Straße ΑΒΓ αβγ привет мир שלום مرحبا "
    "日本語 中文 字符 한국어 हिन्दी ไทย int main() {return 0;} def f(x): if __name__ == '__main__' <html> &amp; 3.14159 "
    "1234567890 2024-01-31 100,000 a b c xyz <|endoftext|> [MASK] <s> </s> [CLS] ##ing ▁ ▁the Ġ Ċ <0x41> <unk> [UNK]"
).split()

TEXT = [" ".join(random.Random(i).choices(WORDS[:60], k=30)) for i in range(60)] + [
    "def f(x):\n    return x + 1\n\n\tif y:\r\n        pass",
    "1 12 123 1234 12345",
]

LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2 = LLAMA3.replace("{1,3}", "")
O200K = "|".join(
    [
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
        r"\p{N}{1,3}",
        r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
        r"\s*[\r\n]+",
        r"\s+(?!\S)",
        r"\s+",
    ]
)
CL100K = r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"
DEEPSEEK = r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"

SPECIAL = ["<unk>", "<s>", "</s>", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "<|endoftext|>"]
BYTES = [f"<0x{b:02X}>" for b in range(256)]


def trained(model, trainer, pre=None, norm=None, decoder=None, post=None):
    tok = Tokenizer(model)
    if norm is not None:
        tok.normalizer = norm
    if pre is not None:
        tok.pre_tokenizer = pre
    tok.train_from_iterator(TEXT, trainer)
    if decoder is not None:
        tok.decoder = decoder
    if post is not None:
        tok.post_processor = post(tok) if callable(post) else post
    return tok


def byte_bpe(pre, size=420, **more):
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=["<|endoftext|>", "<s>", "</s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    return trained(models.BPE(), trainer, pre, decoder=decoders.ByteLevel(), **more)


def with_model(tok, **fields):
    """The tokenizer with other values in its model."""
    j = json.loads(tok.to_str())
    j["model"].update(fields)
    return Tokenizer.from_str(json.dumps(j))


def bos(tok):
    return processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s>:1 $B:1", special_tokens=[("<s>", tok.token_to_id("<s>"))]
    )


def cls_sep(tok):
    return processors.BertProcessing(("[SEP]", tok.token_to_id("[SEP]")), ("[CLS]", tok.token_to_id("[CLS]")))


def split(pattern, behavior, invert=False):
    return pre_tokenizers.Split(pattern, behavior, invert)


def gpt2():
    tok = byte_bpe(pre_tokenizers.ByteLevel(add_prefix_space=False), post=processors.ByteLevel(trim_offsets=False))
    tok.add_special_tokens(["<|im_start|>"])
    return tok


def roberta():
    def post(tok):
        return processors.RobertaProcessing(("</s>", tok.token_to_id("</s>")), ("<s>", tok.token_to_id("<s>")))

    tok = byte_bpe(pre_tokenizers.ByteLevel(add_prefix_space=True), post=post)
    tok.add_special_tokens([AddedToken("<mask>", lstrip=True)])
    return tok


def llama3():
    pre = pre_tokenizers.Sequence([split(Regex(LLAMA3), "isolated"), pre_tokenizers.ByteLevel(False, use_regex=False)])

    def post(tok):
        return processors.Sequence([processors.ByteLevel(trim_offsets=False), bos(tok)])

    tok = with_model(byte_bpe(pre, post=post), ignore_merges=True)
    tok.add_special_tokens([f"<|reserved_special_token_{i}|>" for i in range(5)])
    return tok


def qwen2():
    pre = pre_tokenizers.Sequence([split(Regex(QWEN2), "isolated"), pre_tokenizers.ByteLevel(False, use_regex=False)])
    tok = byte_bpe(pre, norm=normalizers.NFC(), post=processors.ByteLevel(trim_offsets=False))
    tok.add_special_tokens(["<|im_start|>", "<|im_end|>"])
    tok.add_tokens([AddedToken("<tool_call>", normalized=False), AddedToken("</tool_call>", normalized=False)])
    return tok


def pattern(regex, behavior="isolated", invert=False):
    def build():
        pre = pre_tokenizers.Sequence(
            [split(Regex(regex), behavior, invert), pre_tokenizers.ByteLevel(False, use_regex=False)]
        )
        return byte_bpe(pre)

    return build


def digits_bytes():
    """The chain of StarCoder and SmolLM."""
    return byte_bpe(pre_tokenizers.Sequence([pre_tokenizers.Digits(True), pre_tokenizers.ByteLevel(False)]))


def spm_bpe(pre, norm, decoder, size=700, **fields):
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=["<unk>", "<s>", "</s>"] + BYTES, show_progress=False)
    tok = trained(models.BPE(unk_token="<unk>"), trainer, pre, norm, decoder, post=bos)
    j = json.loads(tok.to_str())
    j["added_tokens"] = [t for t in j["added_tokens"] if t["content"] in SPECIAL]
    j["model"].update(fields)
    return Tokenizer.from_str(json.dumps(j))


SPM_DECODER = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]


def llama2():
    norm = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    dec = decoders.Sequence(SPM_DECODER + [decoders.Strip(" ", 1, 0)])
    return spm_bpe(None, norm, dec, size=400, fuse_unk=True, byte_fallback=True)


def mistral():
    dec = decoders.Sequence(SPM_DECODER + [decoders.Strip(" ", 1, 0)])
    return spm_bpe(pre_tokenizers.Metaspace(prepend_scheme="first", split=False), None, dec, fuse_unk=True, byte_fallback=True)


def gemma():
    pre = split(" ", "merged_with_previous")
    return spm_bpe(pre, normalizers.Replace(" ", "▁"), decoders.Sequence(SPM_DECODER), byte_fallback=True)


def metaspace_first():
    norm = normalizers.Sequence([normalizers.Strip(), normalizers.NFKC(), normalizers.Replace(Regex(r"\s{2,}"), " ")])
    tok = spm_bpe(pre_tokenizers.Metaspace(prepend_scheme="first"), norm, decoders.Metaspace(prepend_scheme="first"))
    tok.add_tokens([AddedToken("color", normalized=True), AddedToken("grass", normalized=False, rstrip=True)])
    return tok


def metaspace_never():
    pre = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(prepend_scheme="never")])
    return spm_bpe(pre, None, decoders.Metaspace(prepend_scheme="never"), fuse_unk=False)


def word_end():
    pre = pre_tokenizers.Sequence([pre_tokenizers.Whitespace(), pre_tokenizers.Punctuation("contiguous")])
    trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=["[UNK]"], end_of_word_suffix="</w>", show_progress=False)
    model = models.BPE(unk_token="[UNK]", end_of_word_suffix="</w>")
    return trained(model, trainer, pre, normalizers.Lowercase(), decoders.BPEDecoder())


def continuing():
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=["[UNK]"], continuing_subword_prefix="##", show_progress=False
    )
    model = models.BPE(unk_token="[UNK]", continuing_subword_prefix="##", fuse_unk=True)
    return trained(model, trainer, pre_tokenizers.BertPreTokenizer(), decoder=decoders.WordPiece())


def no_unk():
    trainer = trainers.BpeTrainer(vocab_size=300, limit_alphabet=40, show_progress=False)
    return trained(models.BPE(), trainer, pre_tokenizers.CharDelimiterSplit("e"))


def bert(norm, decoder, size=500):
    def build():
        trainer = trainers.WordPieceTrainer(
            vocab_size=size, special_tokens=["[UNK]", "[CLS]", "[SEP]", "[MASK]"], show_progress=False
        )
        model = models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=20)
        return trained(model, trainer, pre_tokenizers.BertPreTokenizer(), norm, decoder, post=cls_sep)

    return build


def unigram(pre, norm, decoder, fallback=False):
    def build():
        special = ["<unk>", "<s>", "</s>"] + (BYTES if fallback else [])
        trainer = trainers.UnigramTrainer(vocab_size=400 + len(special), special_tokens=special, unk_token="<unk>", show_progress=False)
        tok = trained(models.Unigram(), trainer, pre, norm, decoder, post=bos)
        j = json.loads(tok.to_str())
        j["added_tokens"] = [t for t in j["added_tokens"] if t["content"] in SPECIAL]
        j["model"]["byte_fallback"] = fallback
        j["model"]["vocab"] = [[t, round(s, 6)] for t, s in j["model"]["vocab"]]
        return Tokenizer.from_str(json.dumps(j))

    return build


RULES = {
    "\t": " ", "\n": " ", "\r": " ", "\r\n": " ", "\xa0": " ", "\u3000": " ", "\u2003": " ", "\u200b": "", "\ufeff": "", "\x7f": "",
    "\ufb01": "fi", "\u2460": "1", "\xbd": "1/2", "\xa9": "(c)", "A\u030a": "\xc5", "e\u0301": "\xe9", "\u0915": "K", "\u0600": "N",
    "a": "\u0251", "\uac00": "ga", "\uff76\uff9e": "\u30ac", "\uff76": "\u30ab", "\u1e9b": "\u1e61", "\ufdfa": "long text", "\U0001f642": ":)",
    "\u0301": "'", "\xb2": "2", "I": "", "h": "", "o\u0301\u0327": "!",
}  # fmt: skip


def precompiled(replace):
    norms = [normalizers.Precompiled(charsmap(RULES))] + ([normalizers.Replace(Regex(" {2,}"), " ")] if replace else [])
    pre = pre_tokenizers.Metaspace(prepend_scheme="first" if replace else "always")
    build = unigram(pre, normalizers.Sequence(norms), decoders.Metaspace(), fallback=not replace)

    def more():
        tok = build()
        if replace:
            tok.add_tokens([AddedToken("color", normalized=True)])
        return tok

    return more


def word_level():
    norm = normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents(), normalizers.Lowercase()])
    trainer = trainers.WordLevelTrainer(vocab_size=200, special_tokens=["[UNK]", "[CLS]", "[SEP]"], show_progress=False)
    return trained(models.WordLevel(unk_token="[UNK]"), trainer, pre_tokenizers.Whitespace(), norm, post=cls_sep)


def added():
    """Added tokens of every kind, where a normalizer changes the text."""
    tok = byte_bpe(pre_tokenizers.ByteLevel(add_prefix_space=False), norm=normalizers.Lowercase())
    tok.add_special_tokens([AddedToken("[MASK]", lstrip=True, normalized=False), AddedToken("[Sep]", normalized=True)])
    tok.add_tokens(
        [
            AddedToken("Hello", normalized=True),
            AddedToken("hell", normalized=False),
            AddedToken("WORLD", normalized=False, single_word=True),
            AddedToken("quick", rstrip=True, lstrip=True),
            AddedToken("the", single_word=True),
            AddedToken("   ", normalized=False),
            AddedToken("中", normalized=False, rstrip=True),
            AddedToken("\n\n", normalized=True),
        ]
    )
    return tok


def byte_normalizer():
    pre = pre_tokenizers.Split("Ġ", "merged_with_next")
    tok = byte_bpe(pre, norm=normalizers.ByteLevel())
    tok.add_tokens([AddedToken("é!", normalized=True)])
    return tok


def chain(*norms):
    """Normalizers, seen through single characters."""

    def build():
        tok = spm_bpe(None, normalizers.Sequence(list(norms)), decoders.Fuse(), size=300, byte_fallback=True)
        return tok

    return build


def behaviors(pre):
    def build():
        return spm_bpe(pre, None, None, size=500, byte_fallback=True)

    return build


BERT_NORM = normalizers.BertNormalizer
KINDS = {
    "gpt2": gpt2,
    "roberta": roberta,
    "llama3": llama3,
    "qwen2": qwen2,
    "o200k": pattern(O200K),
    "cl100k": pattern(CL100K, "removed", True),
    "deepseek": pattern(DEEPSEEK),
    "digits-bytes": digits_bytes,
    "llama2": llama2,
    "mistral": mistral,
    "gemma": gemma,
    "metaspace-first": metaspace_first,
    "metaspace-never": metaspace_never,
    "word-end": word_end,
    "continuing": continuing,
    "no-unk": no_unk,
    "bert-uncased": bert(BERT_NORM(True, True, None, True), decoders.WordPiece()),
    "bert-cased": bert(BERT_NORM(True, True, None, False), decoders.WordPiece(cleanup=False)),
    "bert-bare": bert(BERT_NORM(False, False, True, False), decoders.WordPiece("##", True)),
    "unigram": unigram(pre_tokenizers.Metaspace(), normalizers.NFKC(), decoders.Metaspace()),
    "unigram-bytes": unigram(
        pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]),
        normalizers.Sequence([normalizers.Nmt(), normalizers.NFKD()]),
        decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace()]),
        True,
    ),
    "precompiled": precompiled(False),
    "precompiled-first": precompiled(True),
    "word-level": word_level,
    "added": added,
    "byte-normalizer": byte_normalizer,
    "norm-nfc": chain(normalizers.NFC(), normalizers.Strip(True, False)),
    "norm-nfd": chain(normalizers.NFD(), normalizers.Prepend("x")),
    "norm-nfkc": chain(normalizers.NFKC(), normalizers.Strip(False, True)),
    "norm-nfkd": chain(normalizers.Lowercase(), normalizers.NFKD()),
    "norm-bert": chain(BERT_NORM(True, True, True, True), normalizers.Nmt()),
    "norm-marks": chain(normalizers.StripAccents(), normalizers.Replace(Regex(r"(?:\d|[^\w\s])+$"), "#")),
    "split-next": behaviors(split(Regex(r"[aeiou]+?|\n^|(?=x)"), "merged_with_next")),
    "split-previous": behaviors(split(Regex(r"[\p{Ll}-]b|\W{2,3}|(?>é|e)e"), "merged_with_previous")),
    "split-contiguous": behaviors(split(Regex(r"\S\s|o"), "contiguous", True)),
    "split-removed": behaviors(pre_tokenizers.Sequence([split("o", "removed"), split(Regex(r"(?:ab|[\u4e00-\u9fff]|\P{Han}){2}"), "isolated")])),
    "punctuation": behaviors(pre_tokenizers.Sequence([pre_tokenizers.Punctuation("merged_with_previous"), pre_tokenizers.Digits()])),
}

# Strings to try: parts of every kind, joined at random.
EMOJI = ["🙂", "👩‍👩‍👧", "🏳️‍🌈", "👍🏽", "🇩🇪", "1️⃣", "☃︎", "❤️"]
SPACES = [" ", "  ", "   ", "\t", "\n", "\r\n", "\n\n", "\r", "\x0b", "\x0c", "\x85", "\xa0", "\u2003", "\u200b", "\u3000", "\u2028", "\ufeff"]
PLANES = [
    (0x20, 0x7E), (0x80, 0x24F), (0x250, 0x36F), (0x370, 0x5FF), (0x600, 0x8FF), (0x900, 0xDFF), (0xE00, 0x10FF),
    (0x1100, 0x11FF), (0x1680, 0x1FFF), (0x2000, 0x2BFF), (0x2E80, 0x33FF), (0x4E00, 0x9FFF), (0xA000, 0xD7FF),
    (0xE000, 0xFAFF), (0xFB00, 0xFFFF), (0x10000, 0x12FFF), (0x16000, 0x1BFFF), (0x1D000, 0x1FAFF), (0x20000, 0x323AF),
    (0xE0000, 0xE01EF), (0xF0000, 0x10FFFF),
]  # fmt: skip


CLUSTERS = [
    "\u2460\u0301", "\xa9\u200d\xa9\u0301", "\u0600a", "\u0600\u0301", "\u0915\u094d\u0915\u0301", "\u1100\uac00\u0301", "\uac00\u0301", "a\u200d",
    "a\U000e0100", "\r\n\u0301", "\n\u0301", "a\u0301\u0327", "o\u0301\u0327", "e\u0301", "\uff76\uff9e", "\xa9\u0903\u200d\xa9\u0301", "\U000110bda", "I\u0301",
]  # fmt: skip


def char(rng):
    lo, hi = rng.choice(PLANES)
    while True:
        c = rng.randint(lo, hi)
        if not 0xD800 <= c <= 0xDFFF:
            return chr(c)


def part(rng):
    k = rng.randrange(12)
    if k < 3:
        return rng.choice(WORDS)
    if k < 5:
        return "".join(rng.choices(SPACES, k=rng.choice([1, 1, 1, 2, 3, 9])))
    if k == 5:
        return "".join(char(rng) for _ in range(rng.randint(1, 6)))
    if k == 6:
        return rng.choice(EMOJI)
    if k == 7:
        base = rng.choice("aeionuAEÅｶ가각ᄀ丽ά") + rng.choice(["", "\u0301"])
        marks = "".join(chr(rng.randint(0x300, 0x36F)) for _ in range(rng.choice([1, 2, 3, 40])))
        return base + marks + rng.choice(["", "\u11a8", "\u1161\u11a8", "\u0327", "\u3099"])
    if k == 8:
        return "".join(rng.choices("0123456789٣३Ⅷ½²", k=rng.choice([1, 2, 3, 4, 7, 30])))
    if k == 9:
        return "".join(chr(rng.randrange(0x20)) for _ in range(rng.randint(1, 3)))
    if k == 10:
        return "".join(rng.choices("'\"!?.,;:-_()[]{}<>/\\|@#$%^&*+=~`", k=rng.randint(1, 4)))
    return rng.choice(["'S", "'ſ", "'LL", "ſ", "K", "İ", "ß", "ﬁ", "ς", "ΑΣ", "ǅ", "ﷺ", "\u1e9b\u0323", *CLUSTERS, "\x00", "\ufffd", "'re", "n't", " ' "])


def string(rng):
    k = rng.randrange(10)
    if k == 0:
        return rng.choice([part(rng) for _ in range(3)])
    if k == 1:
        return part(rng) * rng.choice([2, 5, 60])
    sep = rng.choice(["", "", " ", " "])
    return sep.join(part(rng) for _ in range(rng.randint(1, 10)))


def broken(rng, raw):
    """Damages UTF-8: bytes dropped, changed, put in."""
    raw = bytearray(raw)
    for _ in range(rng.randint(1, 3)):
        i = rng.randrange(len(raw) + 1)
        k = rng.randrange(3)
        if k == 0:
            raw[i:i] = bytes([rng.choice([0x80, 0xBF, 0xC0, 0xE0, 0xED, 0xF0, 0xF4, 0xFF])])
        elif k == 1:
            del raw[i : i + 1]
        else:
            raw[i : i + 1] = bytes([rng.randrange(256)])
    return bytes(raw)


def case(tok, rng):
    raw = string(rng).encode()
    if rng.randrange(10) == 0:
        raw = broken(rng, raw)
    text = raw.decode("utf-8", "replace")
    tok.encode_special_tokens = False
    special = tok.encode(text).ids
    tok.encode_special_tokens = True
    plain = tok.encode(text, add_special_tokens=False).ids
    size = tok.get_vocab_size()
    ids = [rng.randrange(size + 3) for _ in range(rng.randrange(12))]
    dec = [tok.decode(x, skip_special_tokens=s) for x in (special, ids) for s in (False, True)]
    return {"text": raw.hex(), "special": special, "plain": plain, "ids": ids, "decoded": dec}


def build(name):
    """The tokenizer as its file makes it."""
    tok = Tokenizer.from_str(KINDS[name]().to_str())
    return tok, json.loads(tok.to_str())


def write(name):
    tok, file = build(name)
    rng = random.Random(name)
    cases = [case(tok, rng) for _ in range(40)]
    text = json.dumps({"tokenizer": file, "cases": cases}, separators=(",", ":"))
    with open(os.path.join(HERE, "golden", name + ".json.gz"), "wb") as f:
        f.write(gzip.compress(text.encode(), mtime=0))


def write_train():
    """What the library's own trainer learns, for the test of TrainBPE."""
    rng = random.Random("train")
    texts = TEXT + [string(rng) for _ in range(400)]
    special = ["<|endoftext|>", "<s>"]
    trainer = trainers.BpeTrainer(
        vocab_size=1200, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tok = Tokenizer(models.BPE())
    tok.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tok.train_from_iterator(texts, trainer)
    model = json.loads(tok.to_str())["model"]
    text = json.dumps({"texts": texts, "special": special, "vocab": model["vocab"], "merges": model["merges"]})
    with open(os.path.join(HERE, "train.json.gz"), "wb") as f:
        f.write(gzip.compress(text.encode(), mtime=0))


def main(args):
    if args == ["--list"]:
        print("\n".join(KINDS))
        return
    if not args:
        os.makedirs(os.path.join(HERE, "golden"), exist_ok=True)
        for name in KINDS:
            write(name)
        write_train()
        return
    name, count, seed = args[0], int(args[1]), int(args[2])
    if name in KINDS:
        tok, file = build(name)
    else:  # a tokenizer.json
        tok = Tokenizer.from_file(name)
        tok.no_padding()
        tok.no_truncation()
        file = None
    print(json.dumps({"tokenizer": file}))
    rng = random.Random(seed)
    for _ in range(count):
        print(json.dumps(case(tok, rng)))


if __name__ == "__main__":
    main(sys.argv[1:])
