"""Reward functions as they are written for TRL (GRPOTrainer, reward_funcs)."""
import asyncio
import os
import re
import subprocess

print("a line while the module is loaded")


def length(completions, **kwargs):
    print('{"rewards":[9]}')  # must not pass for a reply
    os.write(1, b"nor this\n")
    subprocess.run(["echo", "nor that of a child"])
    return [len(c) / 10 for c in completions]


def format_reward(completions, **kwargs):
    contents = [completion[0]["content"] for completion in completions]
    return [1.0 if re.fullmatch(r"<think>.*</think><answer>.*</answer>", c) else 0.0 for c in contents]


def accuracy(prompts, completions, solution, **kwargs):
    assert all(p[0]["role"] == "user" for p in prompts)
    return [float(s in c[0]["content"]) if s else None for c, s in zip(completions, solution)]


async def slow(prompts, completions, completion_ids, trainer_state, log_extra, log_metric, **columns):
    await asyncio.sleep(0.01)
    log_metric("slow", 1.0)
    assert len(prompts) == len(completions) == len(completion_ids) == len(columns["reference"])
    return [len(p) for p in prompts]


def reference(completions, reference):  # no **kwargs
    return [int(c == r) for c, r in zip(completions, reference)]


def nothing(completions, **kwargs):
    return [None] * len(completions)


def infinite(completions, **kwargs):
    return [float("inf")] + [float("nan")] * (len(completions) - 1)


def short(completions, **kwargs):
    return [1.0]


def broken(completions, **kwargs):
    raise KeyError("no such color")


class Judge:
    def __call__(self, completions, **kwargs):
        return [0.25] * len(completions)


judge = Judge()
