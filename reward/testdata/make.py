"""Makes the golden file of the terms of texts with the libraries that they must equal.

    python3 -m venv venv && venv/bin/pip install sacrebleu==2.6.0 rouge-score==0.1.2 Levenshtein==0.27.5 rapidfuzz==3.14.6
    venv/bin/python make.py        (in this folder)

texts.jsonl.gz has 500 pairs of texts, each a list: response, reference, and of these
Levenshtein similarity (rapidfuzz; its distance is compared with python-Levenshtein's),
ROUGE-L F1, sentence BLEU and chrF, all as shares.
"""

import gzip
import json
import random

import Levenshtein
from rapidfuzz.distance import Levenshtein as rapid
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu import sentence_bleu, sentence_chrf

rng = random.Random(1)
WORDS = """the a cat dog sat on mat Mat. it's 3.5 1,000 10-12 U.S.A. e.g., don't -- (so) "said" [1] a/b x=y $5.00 50% naïve café Straße
İstanbul ΣΑΣ Москва привет 你好 世界 こんにちは 안녕 العربية हिन्दी ไทย 😀 👩‍👩‍👧 🇩🇪 e\u0301 &amp; &quot;q&quot; &amp;lt; <skipped> semi- #tag @me a_b ~ `code`
\ufb01ne K 𝒳 ½ ² …""".split()
CJK = "今日天気良好東京大阪我們喜歡學習中文日本語ひらがなカタカナ。、，"
SIGNS = " .,;:!?-'\"()[]{}<>/\\|@#$%^&*_+=~`0123456789ab"
BLANKS = " \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0\u2003\u2028\u3000\u200b"


def words(n):
    return rng.choice([" ", " ", " ", "  ", "\n", "-\n"]).join(rng.choice(WORDS) for _ in range(n))


def characters(alphabet, n):
    return "".join(rng.choice(alphabet) for _ in range(n))


def code_points(n):
    return "".join(chr(c) for c in (rng.choice([rng.randrange(1, 0x80), rng.randrange(0x80, 0xD800), rng.randrange(0xE000, 0x20000)]) for _ in range(n)))


def text():
    return rng.choice([
        lambda: words(rng.randrange(1, 12)), lambda: words(rng.randrange(10, 40)), lambda: characters(CJK, rng.randrange(1, 40)),
        lambda: characters(SIGNS, rng.randrange(1, 60)), lambda: characters("ab ", rng.randrange(1, 90)),
        lambda: characters(BLANKS + "ab", rng.randrange(1, 30)), lambda: code_points(rng.randrange(1, 30))])()


def edited(s):
    """A text with some characters, or some words, changed, dropped, put in or moved."""
    parts = list(s) if rng.random() < 0.5 else s.split(" ")
    glue = "" if len(parts) == len(s) else " "
    for _ in range(rng.randrange(1, 2 + len(parts) // 4)):
        i = rng.randrange(len(parts) + 1)
        new = rng.choice(parts) if parts else "x"
        parts[i:i + rng.randrange(3)] = rng.choice([[], [new], [new, new]])
    return glue.join(parts)


def pairs():
    for a, b in [("", ""), ("", "a"), ("a", ""), (" ", "a"), ("a", " "), ("\n", "\n"), ("a", "a"), ("A", "a"), ("a", "b"), ("ab" * 32, "ab" * 32),
                 ("x" * 64, "x" * 65), ("x" * 63 + "y", "y" + "x" * 63), ("abc" * 50, "acb" * 43), ("a b c d", "a b c d"), ("a b c", "c b a"),
                 ("the cat sat on the mat", "the cat sat on the mat"), ("The Cat.", "the cat"), ("1,000.5-6", "1,000.5 - 6"), ("&quot;a&quot;", '"a"')]:
        yield a, b
    for n in [100, 300, 900]:  # long ones
        a = words(n)
        yield a, edited(a)
        yield words(n), words(n // 2)
        yield characters(CJK, 3 * n), characters(CJK, 2 * n)
    while True:
        a = text()
        yield rng.choice([(a, edited(a)), (edited(a), a), (edited(edited(a)), a), (a, a), (a, text())])


rouge = RougeScorer(["rougeL"], use_stemmer=False)
with gzip.GzipFile("texts.jsonl.gz", "wb", mtime=0) as f:
    for (response, reference), _ in zip(pairs(), range(500)):
        assert rapid.distance(response, reference) == Levenshtein.distance(response, reference)
        values = [
            rapid.normalized_similarity(response, reference),
            rouge.score(reference, response)["rougeL"].fmeasure,
            sentence_bleu(response, [reference]).score / 100,
            sentence_chrf(response, [reference]).score / 100,
        ]
        f.write(json.dumps([response, reference, *values]).encode() + b"\n")
