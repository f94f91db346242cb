"""A reward function for AReaL: AsyncRewardWrapper(areal_reward(URL))."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .client import Options, Sample
from .one import answer_text, options_of, prompt_text, score_one, text_of
from .trl import LABELS


class ARealReward:
    """What areal_reward makes. It can be pickled: AReaL calls it in other processes."""

    def __init__(self, options: Options, reference: str | None, raw_prompt: str | None, unscored: float) -> None:
        self.options, self.reference, self.raw_prompt, self.unscored = options, reference, raw_prompt, unscored

    def __call__(self, prompt: Any, completions: Any, prompt_ids: Sequence[int] = (), completion_ids: Sequence[int] = (), **columns: Any) -> float:
        names = LABELS if self.reference is None else (self.reference,)
        label = next((columns[name] for name in names if name in columns), None)
        asked = columns[self.raw_prompt] if self.raw_prompt is not None else prompt
        result = score_one(Sample(prompt_text(asked), answer_text(completions), text_of(label)), self.options)
        return self.unscored if result.reward is None else result.reward


def areal_reward(
    url: str = "",
    *,
    reference: str | None = None,
    raw_prompt: str | None = None,
    unscored: float = 0.0,
    timeout: float = 6.0,
    deadline: float = 13.0,
    options: Options | None = None,
    **settings: Any,
) -> ARealReward:
    """A reward function of AReaL. Its wrapper gives a call 15 s, four times, so the deadline is
    below that.

    reference: column with the reference; None = the first of LABELS that is there, else what
    the server knows of the prompt.
    raw_prompt: column with the prompt as the data set has it (text or messages); None = the
    text that the model got, in which the server finds prompts of its task.
    unscored: the reward of a sample that can never be scored.
    """
    if url:
        settings["url"] = url
    if options is None:
        settings.update(timeout=timeout, deadline=deadline)
    return ARealReward(options_of(options, settings), reference, raw_prompt, unscored)
