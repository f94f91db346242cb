"""A reward worker for ROLL: rewards.DOMAIN.worker_cls: pgsrm_reward.roll.PgsrmRewardWorker."""

from __future__ import annotations

import os
from typing import Any

import torch
from roll.distributed.executor.worker import Worker
from roll.distributed.scheduler.decorator import Dispatch, register
from roll.distributed.scheduler.protocol import DataProto
from roll.models.model_providers import default_tokenizer_provider

from .client import Options, Sample, client_of
from .one import prompt_text, text_of


class PgsrmRewardWorker(Worker):
    """Scores a batch in one request. Server and token stand in the environment of the workers:
    PGSRM_SERVE_URL, PGSRM_SERVE_TOKEN, and PGSRM_SERVE_NAME where it has several rewards. The
    columns ground_truth and prompt of the data count; a sample that can never be scored is 0."""

    def __init__(self, worker_config: Any) -> None:
        super().__init__(worker_config=worker_config)
        self.rank_info.dp_rank = self.rank_info.rank
        self.rank_info.dp_size = self.rank_info.world_size
        self.tokenizer = default_tokenizer_provider(model_args=self.worker_config.model_args)
        self.options = Options(name=os.environ.get("PGSRM_SERVE_NAME", ""))

    @register(dispatch_mode=Dispatch.ONE_TO_ALL)
    def initialize(self, pipeline_config: Any) -> None:
        """Nothing to load."""

    @register(dispatch_mode=Dispatch.DP_MP_COMPUTE, clear_cache=False)
    def compute_rewards(self, data: Any) -> Any:
        """Tensors response_level_rewards and scores (B), token_level_rewards (B, T) of zeros."""
        responses = data.batch["responses"]
        answers = self.tokenizer.batch_decode(responses, skip_special_tokens=True)
        rewards = torch.tensor(score_batch(answers, data.non_tensor_batch, self.options), dtype=torch.float16)
        tensors = {
            "token_level_rewards": torch.zeros_like(responses, dtype=torch.float16),
            "response_level_rewards": rewards,
            "scores": rewards.clone(),
        }
        return DataProto.from_dict(tensors=tensors)


def score_batch(answers: list[str], columns: Any, options: Options) -> list[float]:
    """Rewards of the answers to the rows of a batch."""
    prompts, labels = columns.get("prompt"), columns.get("ground_truth")
    samples = [
        Sample(
            "" if prompts is None else prompt_text(prompts[i]),
            answer,
            None if labels is None else text_of(labels[i]),
        )
        for i, answer in enumerate(answers)
    ]
    return [r.reward or 0.0 for r in client_of(options).score(samples)]
