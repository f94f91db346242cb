"""Runs the NeMo Gym task of verifiers, as it is, against a reward server: python verifiers_client.py URL.

Reads a list of {"row","response"} and prints one JSON object for each.
"""

import asyncio
import json
import sys
import types

from verifiers.v1.tasksets.nemo_gym.taskset import NeMoGymData, NeMoGymTask, NeMoGymTaskConfig
from verifiers.v1.tasksets.nemo_gym.toolset import NeMoGymState
from verifiers.v1.types import AssistantMessage


class Trace:
    """One branch with one message of the assistant, and the metrics that the task records."""

    def __init__(self, text):
        message = AssistantMessage(content=text, reasoning_content="perhaps something else")
        node = types.SimpleNamespace(message=message, sampled=True, timestamp=1.5)
        self.id, self.info, self.metrics, self.state = "t", {}, {}, NeMoGymState()
        self.branches = [types.SimpleNamespace(nodes=[node])]

    def record_metric(self, name, value):
        self.metrics[name] = value


async def score(url, sample):
    config = NeMoGymTaskConfig(resources_url=url + "/", headers={"X-Run": "1"})
    task = NeMoGymTask(NeMoGymData(name="t", prompt="p", row=sample["row"]), config)
    trace = Trace(sample["response"])
    await task.setup(trace, None)
    reward = await task.nemo_gym(trace)
    return {"reward": reward, "metrics": trace.metrics, "cookies": trace.state.cookies}


async def main(url):
    for done in await asyncio.gather(*[score(url, s) for s in json.load(sys.stdin)]):
        print(json.dumps(done))


asyncio.run(main(sys.argv[1]))
