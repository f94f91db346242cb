"""Reward functions for verl: reward.custom_reward_function.path=pkg://pgsrm_reward.verl"""

from __future__ import annotations

from typing import Any

from .client import Options, Result, Sample
from .one import ascore_one, prompt_text, score_one, text_of


async def compute_score(*given: Any, **settings: Any) -> dict[str, float]:
    """The score of one answer and its terms, with the same keys for every sample.

    verl gives data_source, solution_str, ground_truth and extra_info; reward_kwargs may set
    url, name, timeout, deadline, prompt_key and id_key. The reference is ground_truth; where
    that is empty the server looks the prompt up, which extra_info must then have under
    prompt_key (text or messages), or the item's id under id_key. A sample that can never be
    scored has score 0.0 and pgsrm_unscored 1.0; a server that gives no answer before the
    deadline raises.
    """
    return _scores(await ascore_one(*_asked(*given, **settings)))


def compute_score_sync(*given: Any, **settings: Any) -> dict[str, float]:
    """compute_score for managers that take no async function, such as remote."""
    return _scores(score_one(*_asked(*given, **settings)))


def _asked(
    data_source: Any = None,
    solution_str: str = "",
    ground_truth: Any = None,
    extra_info: Any = None,
    *,
    url: str = "",
    name: str = "",
    prompt_key: str = "prompt",
    id_key: str = "",
    timeout: float = 60.0,
    deadline: float = 600.0,
    **_: Any,
) -> tuple[Sample, Options]:
    info = extra_info if isinstance(extra_info, dict) else {}
    prompt: Any = info.get(prompt_key)
    if prompt is not None and hasattr(prompt, "tolist"):
        prompt = prompt.tolist()
    item = str(info[id_key]) if id_key and info.get(id_key) is not None else ""
    sample = Sample("" if item else prompt_text(prompt or ""), solution_str, text_of(ground_truth), id=item)
    return sample, Options(url=url, name=name, timeout=timeout, deadline=deadline)


def _scores(result: Result) -> dict[str, float]:
    return {"score": result.reward if result.reward is not None else 0.0, **result.extras()}
