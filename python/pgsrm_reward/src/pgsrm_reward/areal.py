"""A reward function for AReaL: AsyncRewardWrapper(areal_reward(URL))."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .client import Options, Sample
from .one import answer_text, options_of, prompt_text, score_one, text_of
from .trl import LABELS

# Texts that end an answer, which AReaL decodes with its special tokens; those of pgsrm serve.
END_MARKERS = (
    "<|endoftext|>",
    "<|im_end|>",
    "<|eot_id|>",
    "<|end_of_text|>",
    "<|end|>",
    "<end_of_turn>",
    "<｜end▁of▁sentence｜>",
    "</s>",
    "<eos>",
)


class ARealReward:
    """What areal_reward makes. It can be pickled: AReaL calls it in other processes."""

    def __init__(self, options: Options, reference: str | None, raw_prompt: str, end_markers: Sequence[str], unscored: float) -> None:
        self.options, self.reference, self.raw_prompt, self.unscored = options, reference, raw_prompt, unscored
        self.end_markers = tuple(end_markers)

    def __call__(self, prompt: Any, completions: Any, prompt_ids: Sequence[int] = (), completion_ids: Sequence[int] = (), **columns: Any) -> float:
        names = LABELS if self.reference is None else (self.reference,)
        label = next((columns[name] for name in names if name in columns), None)
        answer = answer_text(completions)
        for marker in self.end_markers:
            answer = answer.partition(marker)[0]
        result = score_one(Sample(prompt_text(columns.get(self.raw_prompt, prompt)), answer, text_of(label)), self.options)
        return self.unscored if result.reward is None else result.reward


def areal_reward(
    url: str = "",
    *,
    reference: str | None = None,
    raw_prompt: str = "messages",
    end_markers: Sequence[str] = END_MARKERS,
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
    raw_prompt: column with the prompt as the data set has it (text or messages), by which the
    server looks the reference up; where the data has none, the text that the model got.
    end_markers: the answer ends before the first of them.
    unscored: the reward of a sample that can never be scored.
    """
    if url:
        settings["url"] = url
    if options is None:
        settings.update(timeout=timeout, deadline=deadline)
    return ARealReward(options_of(options, settings), reference, raw_prompt, end_markers, unscored)
