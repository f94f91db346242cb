"""verl, SkyRL and AReaL as they come from PyPI, against a live server: engines.py CASES.

CASES is the file that test_live.py describes. go test ./python runs it where PGSRM_ENGINES is set.
"""

import asyncio
import concurrent.futures
import functools
import json
import os
import sys
import tempfile
import unittest

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import torch  # noqa: E402
from tokenizers import Tokenizer, decoders, models, pre_tokenizers  # noqa: E402
from transformers import PreTrainedTokenizerFast  # noqa: E402

END = "<|im_end|>"
TEMPLATE = "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}<|im_start|>assistant\n"


@functools.cache
def tokenizer():
    """Bytes and the markers of ChatML: every text comes back as it was."""
    words = ["<|pad|>", END, "<|im_start|>", *sorted(pre_tokenizers.ByteLevel.alphabet())]
    raw = Tokenizer(models.BPE({word: k for k, word in enumerate(words)}, []))
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    raw.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=raw,
        pad_token=words[0],
        eos_token=END,
        additional_special_tokens=words[2:3],
        chat_template=TEMPLATE,
        clean_up_tokenization_spaces=False,
    )


def messages(prompt):
    return [{"role": "system", "content": "Answer in one word."}, {"role": "user", "content": prompt}]


class Verl(unittest.TestCase):
    """The loader of reward functions and the managers, with verl's own configuration."""

    def manager(self, name, function, *settings):
        import verl.trainer.config
        from hydra import compose, initialize_config_module
        from verl.trainer.ppo.reward import get_custom_reward_fn, load_reward_manager

        with initialize_config_module(verl.trainer.config.__name__, version_base=None):
            config = compose(
                "ppo_trainer",
                [
                    f"reward.reward_manager.name={name}",
                    "reward.custom_reward_function.path=pkg://pgsrm_reward.verl",
                    f"reward.custom_reward_function.name={function}",
                    *settings,
                ],
            )
        self.assertIsNotNone(get_custom_reward_fn(config))
        return load_reward_manager(config, tokenizer())

    def data(self, cases):
        import numpy
        from verl import DataProto

        ids = [tokenizer()(case["response"] + END)["input_ids"] for case in cases]
        most = max(map(len, ids))
        mask = torch.tensor([[1, 1] + [1] * len(row) + [0] * (most - len(row)) for row in ids])
        columns = {
            "data_source": ["pgsrm"] * len(cases),
            "reward_model": [{"style": "rule", "ground_truth": case.get("reference")} for case in cases],
            "extra_info": [{"prompt": messages(case["prompt"]), "weights": numpy.ones(2)} for case in cases],
        }
        return DataProto.from_dict(
            tensors={"prompts": torch.full((len(ids), 2), 3), "responses": torch.tensor([row + [0] * (most - len(row)) for row in ids]), "attention_mask": mask},
            non_tensors={key: numpy.array(value, dtype=object) for key, value in columns.items()},
        )

    def run_single(self, manager, data):
        async def together():
            return await asyncio.gather(*(manager.run_single(data[i : i + 1]) for i in range(len(data))))

        return manager.loop.run_until_complete(together())

    def test_rewards(self):
        for name in ("naive", "rate_limited"):
            for function in ("compute_score", "compute_score_sync"):
                with self.subTest(name, function=function):
                    manager = self.manager(
                        name, function, f"+reward.custom_reward_function.reward_kwargs.url={URL}", "+reward.max_concurrent=64"
                    )
                    data = self.data(CASES)
                    got = self.run_single(manager, data)
                    self.assertEqual([g["reward_score"] for g in got], [w or 0.0 for w in WANT])
                    extra = [g["reward_extra_info"] for g in got]
                    self.assertEqual([e["pgsrm_unscored"] for e in extra], [float(w is None) for w in WANT])
                    self.assertEqual(len({tuple(e) for e in extra}), 1)
                    if name == "rate_limited":
                        tensor = manager(data)
                        self.assertEqual(tensor.sum(-1).tolist(), torch.tensor([w or 0.0 for w in WANT]).tolist())

    def test_no_server(self):
        kwargs = "+reward.custom_reward_function.reward_kwargs."
        settings = (kwargs + "url=http://127.0.0.1:9", kwargs + "deadline=0.2")
        with self.assertRaisesRegex(Exception, "127.0.0.1:9: .* attempts"):
            self.run_single(self.manager("naive", "compute_score", *settings), self.data(CASES[:1]))
        got = self.run_single(self.manager("rate_limited", "compute_score", *settings), self.data(CASES[:1]))
        self.assertEqual(got[0]["reward_score"], 0.0)
        self.assertIn("127.0.0.1:9", got[0]["reward_extra_info"]["error"])


class SkyRL(unittest.TestCase):
    """The environment as skyrl_gym makes it, in threads as its generator steps it."""

    def test_rewards(self):
        import skyrl_gym
        from omegaconf import OmegaConf

        skyrl_gym.register(id="pgsrm", entry_point="pgsrm_reward.skyrl:PgsrmEnv")

        def episode(case):
            prompt = messages(case["prompt"])
            extras = {"prompt": prompt, "env_class": "pgsrm", "reward_spec": {"method": "rule", "ground_truth": case.get("reference")}, "max_turns": 1}
            env = skyrl_gym.make("pgsrm", env_config=OmegaConf.create({"url": URL}), extras=extras)
            asked, _ = env.init(prompt)
            self.assertEqual(asked, prompt)
            step = env.step(case["response"])
            self.assertTrue(step["done"] and step["observations"] == [])
            metrics = env.get_metrics()
            env.close()
            return step["reward"], metrics, type(env)

        with concurrent.futures.ThreadPoolExecutor(32) as pool:
            got = list(pool.map(episode, CASES))
        self.assertEqual([g[0] for g in got], [w or 0.0 for w in WANT])
        total = got[0][2].aggregate_metrics([g[1] for g in got])
        self.assertAlmostEqual(total["pgsrm_unscored"], WANT.count(None) / len(WANT))


class AReaL(unittest.TestCase):
    """Its workflow of one turn, which decodes the answer with the end marker and asks in other processes."""

    def test_rewards(self):
        from areal.api import ModelResponse
        from areal.api.cli_args import GenerationHyperparameters
        from areal.workflow.rlvr import RLVRWorkflow

        from pgsrm_reward.areal import areal_reward

        class Engine:
            """Answers from a list in the place of a model."""

            def __init__(self, answer):
                self.answer = answer

            async def agenerate(self, request):
                out = tokenizer()(self.answer + END)["input_ids"]
                return ModelResponse(input_tokens=request.input_ids, output_tokens=out, output_logprobs=[0.0] * len(out), output_versions=[0] * len(out))

        async def together(reward):
            workflow = RLVRWorkflow(reward, GenerationHyperparameters(), tokenizer())
            return await asyncio.gather(
                *(workflow.arun_episode(Engine(c["response"]), {"messages": messages(c["prompt"]), "gold": c.get("reference")}) for c in CASES)
            )

        want = torch.tensor([-1.0 if w is None else w for w in WANT]).tolist()
        got = asyncio.run(together(areal_reward(URL, reference="gold", unscored=-1.0)))
        self.assertEqual([g["rewards"].item() for g in got], want)


if __name__ == "__main__":
    with open(sys.argv.pop(), encoding="utf-8") as file:
        given = json.load(file)
    URL, CASES = given["url"], given["cases"]
    WANT = [case.get("reward") for case in CASES]
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        unittest.main()
