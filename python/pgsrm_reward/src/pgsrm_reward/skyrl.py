"""An environment for SkyRL: skyrl_gym.register("pgsrm", "pgsrm_reward.skyrl:PgsrmEnv")."""

from __future__ import annotations

from typing import Any

from skyrl_gym.envs.base_text_env import BaseTextEnv, BaseTextEnvStepOutput

from .client import Options, Sample
from .one import prompt_text, score_one, text_of


class PgsrmEnv(BaseTextEnv):
    """One turn: the answer is scored and the episode ends.

    env_config may have the settings of Options (url, name, timeout, deadline). The reference is
    extras["reward_spec"]["ground_truth"]; where there is none the server looks the prompt up.
    """

    def __init__(self, env_config: Any = None, extras: dict[str, Any] | None = None) -> None:
        super().__init__()
        given = dict(env_config or {})
        self.options = Options(**{k: given[k] for k in Options.__dataclass_fields__ if k in given})
        self.extras = extras or {}
        self.reference = text_of((self.extras.get("reward_spec") or {}).get("ground_truth"))
        self.prompt = prompt_text(self.extras.get("prompt") or "")
        self.last: dict[str, float] = {}

    def init(self, prompt: Any) -> tuple[Any, dict[str, Any]]:
        self.prompt = prompt_text(prompt)
        return prompt, {}

    def step(self, action: str) -> BaseTextEnvStepOutput:
        result = score_one(Sample(self.prompt, action, self.reference), self.options)
        self.last = result.extras()
        return BaseTextEnvStepOutput(
            observations=[], reward=0.0 if result.reward is None else result.reward, done=True, metadata=dict(self.last)
        )

    def get_metrics(self) -> dict[str, Any]:
        return dict(self.last)
