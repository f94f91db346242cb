"""An environment for NeMo RL without Gym: register_env("pgsrm", "pgsrm_reward.nemo_rl.PgsrmEnvironment")."""

from __future__ import annotations

from typing import Any

import ray
import torch
from nemo_rl.environments.interfaces import EnvironmentInterface, EnvironmentReturn

from .client import Options, Sample, client_of
from .one import content_text, prompt_text, text_of


@ray.remote
class PgsrmEnvironment(EnvironmentInterface):
    """One turn, the whole batch in one request.

    cfg may have the settings of Options (url, name, timeout, deadline). A sample's metadata may
    have ground_truth, or the key that cfg["reference"] names, and prompt. A sample that can
    never be scored has reward 0.
    """

    def __init__(self, cfg: dict[str, Any] | None = None) -> None:
        given = dict(cfg or {})
        self.options = Options(**{k: given[k] for k in Options.__dataclass_fields__ if k in given})
        self.reference = given.get("reference", "ground_truth")

    def step(self, message_log_batch: list[Any], metadata: list[Any]) -> EnvironmentReturn:
        results = client_of(self.options).score(sample_of(log, info, self.reference) for log, info in zip(message_log_batch, metadata))
        n = len(results)
        return EnvironmentReturn(
            observations=[{"role": "environment", "content": ""}] * n,
            metadata=metadata,
            next_stop_strings=[None] * n,
            rewards=torch.tensor([r.reward or 0.0 for r in results], dtype=torch.float32).cpu(),
            terminateds=torch.ones(n, dtype=torch.float32).cpu(),
            answers=[None] * n,
        )

    def global_post_process_and_metrics(self, batch: Any) -> tuple[Any, dict[str, Any]]:
        rewards = batch["total_reward"] if "total_reward" in batch else batch["rewards"]
        return batch, {"pgsrm_reward": float(rewards.float().mean())}


def sample_of(log: list[Any], info: Any, reference: str) -> Sample:
    """The last turn of the assistant, with the last question before it."""
    info = info or {}
    answer = "".join(content_text(m["content"]) for m in log[-1:] if m["role"] == "assistant")
    return Sample(prompt_text(info.get("prompt") or log), answer, text_of(info.get(reference)))
