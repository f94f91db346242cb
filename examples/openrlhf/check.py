#!/usr/bin/env python3
"""The reward path of a run of OpenRLHF, without a GPU: CHECK=1 sh train.sh SERVER MODEL DATA OUT

Reads the flags with the trainer's own parser and checks, the data with its readers, and has its agent
ask for rewards in a Ray actor, as the rollout does; in the place of vLLM stands an engine that answers
with the label, and with that of the next row. Ends with 1 where the labels do not get more.
"""

import argparse
import ast
import asyncio
import importlib.util
import json
import os
import sys
import types
from datetime import datetime
from pathlib import Path

import ray
from openrlhf.datasets import PromptDataset
from openrlhf.datasets.utils import blending_datasets
from openrlhf.utils import get_tokenizer
from openrlhf.utils.agent import SingleTurnAgentExecutor

ROWS = 8


def parse():
    """The arguments as train_ppo_ray hands them to train(); importing it would need vLLM and DeepSpeed."""
    path = Path(importlib.util.find_spec("openrlhf").origin).parent / "cli" / "train_ppo_ray.py"
    program = ast.parse(path.read_text(encoding="utf-8"))
    program.body = next(node.body for node in program.body if isinstance(node, ast.If))
    given = []
    exec(compile(program, str(path), "exec"), {"argparse": argparse, "os": os, "datetime": datetime, "train": given.append})
    return given[0]


@ray.remote
class Rollout:
    """RolloutRayActor with answers from a list."""

    def __init__(self, urls, args):
        self.executor = SingleTurnAgentExecutor(urls)
        self.tokenizer = get_tokenizer(args.actor.model_name_or_path, None)
        self.params = types.SimpleNamespace(max_tokens=args.rollout.max_new_tokens, logprobs=None)
        self.max_len = args.data.max_len

    async def answers(self, rows):
        return await asyncio.gather(
            *(self.executor.execute(prompt, label, self.params, self.max_len, self.tokenizer, Engine(self.tokenizer, answer)) for prompt, label, answer in rows)
        )


class Engine:
    def __init__(self, tokenizer, answer):
        self.ids = tokenizer(answer, add_special_tokens=False)["input_ids"] + [tokenizer.eos_token_id]

    async def generate(self, prompt_token_ids, params, multi_modal_data=None):
        out = types.SimpleNamespace(token_ids=self.ids, finish_reason="stop", logprobs=None)
        return types.SimpleNamespace(outputs=[out])


def main():
    args = parse()
    strategy = types.SimpleNamespace(args=args, print=lambda *_: None, is_rank_0=lambda: False)
    data = blending_datasets(args.data.prompt_dataset, args.data.prompt_probs, strategy, args.train.seed, ROWS, dataset_split=args.data.prompt_split)
    data = PromptDataset(data, get_tokenizer(args.actor.model_name_or_path, None), strategy, input_template=args.data.input_template)
    rows = [data[i] for i in range(len(data))]
    labels = [label for _, _, label, _ in rows]
    ray.init()
    rollout = Rollout.remote(args.reward.remote_url, args)
    means = []
    for answers in (labels, labels[1:] + labels[:1]):
        done = ray.get(rollout.answers.remote([(prompt, label, answer) for (_, prompt, label, _), answer in zip(rows, answers)]))
        for sample, answer in zip(done, answers):
            print(json.dumps({key: sample[key] for key in ("prompt", "reward", "extra_logs")} | {"answer": answer}))
        means.append(sum(sample["reward"][0] for sample in done) / len(done))
    ray.shutdown()
    print(json.dumps({"mean_label": means[0], "mean_another": means[1]}))
    return 0 if means[0] > means[1] else 1


if __name__ == "__main__":
    sys.exit(main())
