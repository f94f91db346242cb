#!/usr/bin/env python3
"""Rows of pgsrm as rows of verl: prepare.py < prompts.jsonl > train.jsonl

Rows: {"prompt": ...} with "reference": ... where the server does not know the answer itself.
"""

import json
import sys

for index, line in enumerate(sys.stdin):
    row = json.loads(line)
    out = {
        "data_source": "pgsrm",
        "prompt": [{"role": "user", "content": row["prompt"]}],
        "reward_model": {"style": "rule", "ground_truth": row.get("reference", "")},
        "extra_info": {"index": index, "prompt": row["prompt"]},
    }
    print(json.dumps(out, ensure_ascii=False))
