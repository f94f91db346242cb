"""Runs the agent of OpenRLHF, as it is, against a reward server: python openrlhf_client.py URL.

A tokenizer of characters and an engine that answers from a list stand for the model. Prints
one JSON object a sample, in order.
"""

import asyncio
import json
import sys
import types

import aiohttp
from openrlhf.utils.agent import SingleTurnAgentExecutor

EOS = "<|endoftext|>"


class Ids(list):
    def tolist(self):
        return list(self)


class Tokenizer:
    """A token for each character; 0 ends a text."""

    def __call__(self, text, add_special_tokens, return_tensors):
        return {"input_ids": [Ids(ord(c) for c in text)]}

    def decode(self, ids, skip_special_tokens):
        return "".join(EOS if i == 0 else chr(i) for i in ids)


class Engine:
    def __init__(self, answer):
        self.answer = answer

    async def generate(self, prompt_token_ids, params, multi_modal_data=None):
        await asyncio.sleep(0)
        out = types.SimpleNamespace(token_ids=[ord(c) for c in self.answer] + [0], finish_reason="stop", logprobs=None)
        return types.SimpleNamespace(outputs=[out])


async def main(url):
    executor = SingleTurnAgentExecutor(url)
    samples = json.load(sys.stdin)
    params = types.SimpleNamespace(max_tokens=40, logprobs=None)
    done = await asyncio.gather(*[
        executor.execute(s["prompt"], s["label"], params, 4096 if not s.get("cut") else 40 + s["cut"], Tokenizer(), Engine(s["response"]))
        for s in samples
    ])
    for s in done:
        print(json.dumps({k: s[k] for k in ("reward", "scores", "extra_logs")}))
    # Older clients send whole batches, and empty lists to servers that have nothing to do.
    many = await executor._fetch_rewards_via_http(
        [s["prompt"] + s["response"] + EOS for s in samples], [s["prompt"] for s in samples], [s["label"] for s in samples]
    )
    print(json.dumps(many[0]))
    async with aiohttp.ClientSession() as session:
        async with session.post(url, json={"query": [], "prompts": [], "labels": []}) as reply:
            print(json.dumps(await reply.json()))


asyncio.run(main(sys.argv[1]))
