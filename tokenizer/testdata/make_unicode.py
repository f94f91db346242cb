"""Writes ../internal/chars/unicode.txt: the character classes as PyPI `tokenizers` sees them.

The library mixes several versions of Unicode (its regex engines, its category
tables and its normaliser each carry their own), none of which is that of the Go
library. Every class is therefore asked of the library itself, for every code
point: python make_unicode.py > ../internal/chars/unicode.txt (about three minutes).
"""

import sys
import unicodedata

import tokenizers
from charsmap import charsmap
from tokenizers import Regex, normalizers, pre_tokenizers

CHARS = [chr(c) for c in range(1, 0x110000) if not 0xD800 <= c < 0xE000]
CATEGORIES = (
    "Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp Cc Cf Co".split()
)


def chunks():
    for lo in range(0, len(CHARS), 4096):
        yield "".join(CHARS[lo : lo + 4096])


def matched(pattern):
    """Code points that the regex matches."""
    split = pre_tokenizers.Split(Regex(pattern), "removed", invert=True)
    return {ord(c) for text in chunks() for word, _ in split.pre_tokenize_str(text) for c in word}


def removed(pre):
    """Code points that a pre-tokenizer takes away."""
    kept = {ord(c) for text in chunks() for word, _ in pre.pre_tokenize_str(text) for c in word}
    return {ord(c) for c in CHARS} - kept


def changed(norm, to):
    """Code points that a normalizer turns into the given text (None: into another)."""
    out = set()
    for c in CHARS:
        got = norm.normalize_str(c)
        if got == to if to is not None else got != c:
            out.add(ord(c))
    return out


def numeric():
    digits = pre_tokenizers.Digits(individual_digits=True)
    return {ord(c) for c in CHARS if len(digits.pre_tokenize_str("x" + c)) > 1}


def word():
    white = pre_tokenizers.Whitespace()
    return {ord(c) for c in CHARS if white.pre_tokenize_str("a" + c)[0][0] == "a" + c}


def nonstarter(nfd):
    """Code points with a combining class: one of the two marks must trade places
    with it (their classes are 1 and 240)."""
    out = set()
    for c in CHARS:
        if nfd.normalize_str(c) != c:
            continue
        if nfd.normalize_str(c + "\u0334") != c + "\u0334" or nfd.normalize_str("\u0345" + c) != "\u0345" + c:
            out.add(ord(c))
    return out | {0x334, 0x345}


def precompiled(keys):
    return normalizers.Precompiled(charsmap({k: "Q" for k in keys})).normalize_str


def clusters():
    """Properties for grapheme clusters, seen through SentencePiece's normalizer: a
    cluster below six bytes is replaced as a whole if a rule fits its beginning, so
    that the rest of it goes; a longer one is replaced character by character."""
    a, pict, ka = precompiled("a"), precompiled("\u00a9"), precompiled("\u0915")
    table = {name: set() for name in ("joins", "extends", "pict", "linker", "consonant", "prepends", "breaks")}
    for c in CHARS:
        n = len(c.encode())
        if a("a" + c) == "Q" and c != "a":
            table["joins"].add(ord(c))
            if pict("\u00a9" + c + "\u200d\u00a9\u0301").endswith("Q\u0301"):
                table["extends"].add(ord(c))
        if pict("\u00a9\u200d" + c) != "Q" + pict(c):
            table["pict"].add(ord(c))
        if ka("\u0915" + c + "\u0915\u0301").endswith("Q\u0301"):
            table["linker"].add(ord(c))
        if n < 4 and precompiled([c + "\u0301"])(c + "\u0301") != "Q":
            table["breaks"].add(ord(c))
        if unicodedata.category(c) in ("Cf", "Lo", "Mn", "Mc"):
            if precompiled([c + "a"])(c + "a") == "Q":
                table["prepends"].add(ord(c))
            if n == 3 and precompiled([c])("\u0915\u094d" + c + "\u0301").endswith("Q\u0301"):
                table["consonant"].add(ord(c))
    table["pict"] -= table["joins"]
    table["consonant"] -= table["joins"]
    table["linker"] -= table["prepends"]
    table["breaks"].add(0)
    return table


def ranges(points):
    runs = []
    for c in sorted(points):
        if runs and runs[-1][1] == c - 1:
            runs[-1][1] = c
        else:
            runs.append([c, c])
    return " ".join(f"{a:x}" if a == b else f"{a:x}-{b:x}" for a, b in runs)


def main():
    print(f"# PyPI tokenizers {tokenizers.__version__}; made by testdata/make_unicode.py; name, then code points in hex")
    for name in CATEGORIES:
        print(name, ranges(matched(rf"\p{{{name}}}")))
    nfd, nfkd = normalizers.NFD(), normalizers.NFKD()
    clean = normalizers.BertNormalizer(True, False, False, False)
    marks = normalizers.BertNormalizer(False, False, True, False)
    table = {
        "han": matched(r"\p{Han}"),
        "space": matched(r"\s"),
        "regexword": matched(r"[\w]"),
        "word": word(),
        "punct": removed(pre_tokenizers.Punctuation("removed")),
        "numeric": numeric(),
        "control": changed(clean, "") - {0xFFFD},
        "nonspacing": changed(marks, ""),
        "mark": changed(normalizers.StripAccents(), ""),
        "nonstarter": nonstarter(nfd),
        "decomposes": changed(nfkd, None),
        **clusters(),
    }
    for name, points in table.items():
        print(name, ranges(points))
    lower = normalizers.Lowercase()
    pairs = [(c, lower.normalize_str(c)) for c in CHARS if lower.normalize_str(c) != c]
    print("lower", " ".join(f"{ord(c):x}>{'+'.join(f'{ord(d):x}' for d in to)}" for c, to in pairs))


if __name__ == "__main__":
    sys.exit(main())
