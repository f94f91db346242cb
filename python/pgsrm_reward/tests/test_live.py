"""Every form against a live server. PGSRM_TEST_CASES names a JSON file
{"url", "cases": [{"prompt", "response", "reference", "reward", "terms", "error"}]}, whose
rewards are those of pgsrm score; go test ./python writes it."""

import asyncio
import concurrent.futures
import json
import os
import pickle
import sys
import types
import unittest

from pgsrm_reward import Client, Options, RewardError, Sample, trl_reward
from pgsrm_reward.areal import areal_reward
from pgsrm_reward.verl import compute_score, compute_score_sync

with open(os.environ["PGSRM_TEST_CASES"], encoding="utf-8") as file:
    _given = json.load(file)
URL, CASES = _given["url"], _given["cases"]
WANT = [case.get("reward") for case in CASES]
PROMPTS = [case["prompt"] for case in CASES]
ANSWERS = [case["response"] for case in CASES]
LABELS = [case.get("reference") for case in CASES]


def user(text):
    return [{"role": "system", "content": "s"}, {"role": "user", "content": text}]


class Forms(unittest.TestCase):
    def setUp(self):
        self.assertIn(None, WANT)
        self.assertGreater(len({w for w in WANT if w is not None}), 3)

    def test_client(self):
        results = Client(url=URL, batch=2).score(Sample(p, a, r) for p, a, r in zip(PROMPTS, ANSWERS, LABELS))
        self.assertEqual([r.reward for r in results], WANT)
        for result, case in zip(results, CASES):
            self.assertEqual(result.terms, case.get("terms") or {})
            self.assertEqual(list(result.extras()), [f"pgsrm_{name}" for name in result.names] + ["pgsrm_unscored"])
        self.assertEqual(Client(url=URL).score([]), [])

    def test_trl(self):
        logged = {}
        reward = pickle.loads(pickle.dumps(trl_reward(URL, function_name="meaning")))
        self.assertEqual(reward.__name__, "meaning")
        got = reward(prompts=PROMPTS, completions=ANSWERS, completion_ids=[[1]] * len(ANSWERS), answer=LABELS, log_metric=logged.__setitem__)
        self.assertEqual(got, WANT)
        self.assertEqual(logged["pgsrm/unscored"], WANT.count(None) / len(WANT))
        got = reward(
            prompts=[user(p) for p in PROMPTS],
            completions=[[{"role": "assistant", "content": a}] for a in ANSWERS],
            answer=LABELS,
        )
        self.assertEqual(got, WANT)
        with self.assertRaisesRegex(ValueError, "no column 'gold'"):
            trl_reward(URL, reference="gold")(prompts=PROMPTS, completions=ANSWERS)

    def test_verl(self):
        async def together():
            return await asyncio.gather(
                *(
                    compute_score(data_source="d", solution_str=a, ground_truth=r, extra_info={"prompt": p, "num_turns": 2}, url=URL)
                    for p, a, r in zip(PROMPTS, ANSWERS, LABELS)
                )
            )

        def single(case):
            return compute_score_sync("d", case["response"], case.get("reference"), {"prompt": user(case["prompt"])}, url=URL)

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            sync = list(pool.map(single, CASES))
        for got in (asyncio.run(together()), sync):
            self.assertEqual([s["score"] for s in got], [w or 0.0 for w in WANT])
            self.assertEqual([s["pgsrm_unscored"] for s in got], [float(w is None) for w in WANT])
            self.assertEqual(len({tuple(s) for s in got}), 1)
            self.assertTrue(all(type(v) is float for s in got for v in s.values()))

    def test_areal(self):
        reward = areal_reward(URL, reference="gold", unscored=-1.0)
        with concurrent.futures.ProcessPoolExecutor(2) as pool:
            calls = [pool.submit(reward, p, a, [1], [2], gold=r) for p, a, r in zip(PROMPTS, ANSWERS, LABELS)]
            self.assertEqual([c.result() for c in calls], [-1.0 if w is None else w for w in WANT])

    def test_skyrl(self):
        gym = stand_in("skyrl_gym", "skyrl_gym.envs", "skyrl_gym.envs.base_text_env")
        if gym is not None:
            gym.BaseTextEnv, gym.BaseTextEnvStepOutput = type("BaseTextEnv", (), {}), dict
        from pgsrm_reward.skyrl import PgsrmEnv

        got = []
        for p, a, r in zip(PROMPTS, ANSWERS, LABELS):
            env = PgsrmEnv({"url": URL}, {"reward_spec": {"ground_truth": r}})
            env.init(user(p))
            step = env.step(a)
            self.assertTrue(step["done"] and step["observations"] == [] and type(step["reward"]) is float)
            got.append(step["reward"])
        self.assertEqual(got, [w or 0.0 for w in WANT])

    def test_mistakes(self):
        with self.assertRaisesRegex(RewardError, "HTTP 404: must be one of the rewards default"):
            Client(url=URL, name="no-such").score([Sample("p", "a", "b")])
        with self.assertRaisesRegex(RewardError, "reference: must be a text"):
            compute_score_sync("d", "a", {"x": 1}, None, url=URL)
        for url in ("127.0.0.1:8900", "ftp://x", "http://", "http://h/?q"):
            with self.assertRaisesRegex(ValueError, "url: must be"):
                Client(url=url)
        with self.assertRaisesRegex(ValueError, "deadline: must be"):
            Options(deadline=0)


def stand_in(*names):
    """The last of these modules as an empty one where the package is not installed, else None."""
    try:
        __import__(names[-1])
        return None
    except ImportError:
        for name in names:
            sys.modules[name] = types.ModuleType(name)
        return sys.modules[names[-1]]


if __name__ == "__main__":
    unittest.main()
