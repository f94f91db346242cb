"""Reward functions for TRL (GRPO, RLOO)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

from .client import Options, Result, Sample, client_of
from .one import answer_text, options_of, prompt_text, text_of

# Columns that may hold the reference where none is named; those of pgsrm serve.
LABELS = ("expected_answer", "answer", "reference", "ground_truth", "label", "solution", "target")


class TRLReward:
    """What trl_reward makes. It can be pickled."""

    def __init__(self, options: Options, reference: str | None, columns: Sequence[str], name: str) -> None:
        self.options, self.reference, self.columns = options, reference, tuple(columns)
        self.__name__ = name

    def __call__(
        self,
        prompts: Sequence[Any],
        completions: Sequence[Any],
        log_metric: Callable[[str, float], None] | None = None,
        **columns: Any,
    ) -> list[float | None]:
        """Rewards of a batch in its order; None for a sample that has none."""
        labels = self._labels(columns, len(prompts))
        samples = [
            Sample(
                prompt_text(prompt),
                answer_text(completion),
                text_of(labels[i]),
                columns={name: columns[name][i] for name in self.columns} or None,
            )
            for i, (prompt, completion) in enumerate(zip(prompts, completions, strict=True))
        ]
        results = client_of(self.options).score(samples)
        self._tell(results, log_metric)
        return [r.reward for r in results]

    def _labels(self, columns: dict[str, Any], n: int) -> Sequence[Any]:
        if self.reference is not None:
            if self.reference not in columns:
                raise ValueError(f"reference: the data set has no column {self.reference!r}")
            labels: Sequence[Any] = columns[self.reference]
            return labels
        return next((columns[name] for name in LABELS if name in columns), [None] * n)

    def _tell(self, results: Sequence[Result], log_metric: Callable[[str, float], None] | None) -> None:
        scored = [r for r in results if r.reward is not None]
        lost = [r for r in results if r.reward is None]
        if lost:
            logging.getLogger("pgsrm_reward").warning("%d of %d samples have no reward: %s", len(lost), len(results), lost[0].message)
        if log_metric is None or not results:
            return
        log_metric("pgsrm/unscored", len(lost) / len(results))
        for name in results[0].names if scored else ():
            log_metric(f"pgsrm/{name}", sum(r.terms[name] for r in scored) / len(scored))


def trl_reward(
    url: str = "",
    *,
    reference: str | None = None,
    columns: Sequence[str] = (),
    function_name: str = "pgsrm",
    options: Options | None = None,
    **settings: Any,
) -> TRLReward:
    """A reward function of TRL that asks a pgsrm server, the whole batch in one request.

    reference: column of the data set with the reference; None = the first of LABELS that is
    there, else what the server knows of the prompt.
    columns: columns sent along for the terms exec, http and judge.
    function_name: what TRL calls it in its metrics, rewards/NAME/mean.
    settings: those of Options, such as name, timeout, deadline.

    A sample without a reward is None, which TRL leaves out. A server that gives no answer
    before the deadline raises Unavailable, which ends the training.
    """
    if url:
        settings["url"] = url
    return TRLReward(options_of(options, settings), reference, columns, function_name)
