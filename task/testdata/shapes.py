"""Writes the files of shapes/: the same five prompts and answers in the shapes that data
sets have. Needs PyPI pyarrow and zstandard."""
import csv
import gzip
import io
import json
import pathlib

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

OUT = pathlib.Path(__file__).parent / "shapes"
ROWS = [
    ("The capital of France is", "Paris"),
    ("Say \"hi\", then stop.", "hi, there"),
    ("Größer als 3?\nJa oder nein:", "ja — sicher"),
    ("2 + 2 =", "4"),
    ("color of the sky", "blue"),
]


def user(text):
    return {"role": "user", "content": text}


def said(text):
    return {"role": "assistant", "content": text}


def lines(rows):
    return "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows).encode()


def table(delimiter):
    out = io.StringIO()
    w = csv.writer(out, delimiter=delimiter, lineterminator="\r\n")
    w.writerow(["prompt", "reference"])
    w.writerows(ROWS)
    return out.getvalue().encode()


plain = lines({"prompt": p, "reference": a} for p, a in ROWS)
files = {
    "plain.jsonl": plain,
    "completion.jsonl": lines({"prompt": p, "completion": a} for p, a in ROWS),
    "response.ndjson": lines({"prompt": p, "response": a} for p, a in ROWS),
    "question.json": json.dumps([{"question": p, "answer": a} for p, a in ROWS], indent=1).encode(),
    "messages.jsonl": lines({"messages": [user(p), said(a)]} for p, a in ROWS),
    "parts.jsonl": lines({"messages": [user([{"type": "text", "text": p}]), said(a)]} for p, a in ROWS),
    "conversational.jsonl": lines({"prompt": [user(p)], "completion": [said(a)]} for p, a in ROWS),
    "preference.jsonl": lines({"prompt": p, "chosen": a, "rejected": "no"} for p, a in ROWS),
    "implicit.json": json.dumps([{"chosen": [user(p), said(a)], "rejected": [user(p), said("no")]} for p, a in ROWS]).encode(),
    "table.csv": b"\xef\xbb\xbf" + table(","),
    "plain.jsonl.gz": gzip.compress(plain, mtime=0),
    "table.csv.zst": zstandard.compress(table(",")),
    "mapped.jsonl": lines({"instruction": p, "output": a, "difficulty": i} for i, (p, a) in enumerate(ROWS)),
}
tsv = [r for r in ROWS if "\n" not in r[0]]
files["table.tsv"] = "".join("\t".join(r) + "\n" for r in [("question", "answer"), *tsv]).encode()
OUT.mkdir(exist_ok=True)
for name, content in files.items():
    (OUT / name).write_bytes(content)
prompts, answers = [p for p, _ in ROWS], [a for _, a in ROWS]
pq.write_table(pa.table({"prompt": prompts, "reference": answers, "n": list(range(len(ROWS)))}), OUT / "rows.parquet", compression="snappy")
pq.write_table(pa.table({"messages": [[user(p), said(a)] for p, a in ROWS]}), OUT / "messages.parquet", compression="zstd", data_page_version="2.0")
