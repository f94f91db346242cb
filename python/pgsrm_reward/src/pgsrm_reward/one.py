"""One sample a call, as most engines ask: those that wait in a process go out together."""

from __future__ import annotations

import asyncio
import functools
import os
import threading
import time
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from .client import Client, Options, Result, RewardError, Sample, Unavailable, backoff, client_of

_THREADS = 4  # requests of one client at once


@dataclass
class _Waiting:
    """A sample that waits."""

    sample: Sample
    until: float  # by time.monotonic
    future: Future[Result]
    last: Result | None = None  # a failure that might have passed


class Batcher:
    """Collects single samples: a thread that is free sends all that wait in one request, so a
    sample never waits for others while there is a free thread."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._waiting: deque[_Waiting] = deque()
        self._ready = threading.Condition()
        self._idle = self._threads = 0

    def submit(self, sample: Sample) -> Future[Result]:
        """The result to come of one sample."""
        one = _Waiting(sample, time.monotonic() + self._client.options.deadline, Future())
        with self._ready:
            self._waiting.append(one)
            if self._idle == 0 and self._threads < _THREADS:
                self._threads += 1
                threading.Thread(target=self._work, name="pgsrm-reward", daemon=True).start()
            self._ready.notify()
        return one.future

    def _work(self) -> None:
        again: list[_Waiting] = []  # failed in a way that may pass: they go with the next request
        tries = 0
        while True:
            again = self._send(again + self._take(wait=not again))
            if again:
                time.sleep(backoff(tries))
            tries = tries + 1 if again else 0

    def _take(self, wait: bool) -> list[_Waiting]:
        """What waits and was not given up, as much as a request may bring."""
        with self._ready:
            self._idle += 1
            while wait and not self._waiting:
                self._ready.wait()
            self._idle -= 1
            n = min(len(self._waiting), self._client.options.batch)
            taken = [self._waiting.popleft() for _ in range(n)]
        return [one for one in taken if one.future.set_running_or_notify_cancel()]

    def _send(self, asked: list[_Waiting]) -> list[_Waiting]:
        """Asks for the samples and returns those that are to be asked for again."""
        if not asked:
            return []
        first = min(one.until for one in asked)
        try:
            results = self._client.ask([one.sample for one in asked], first)
        except BaseException as problem:
            late = first + 1 if isinstance(problem, Unavailable) else float("inf")
            for one in asked:
                if one.until <= late and one.last is not None:
                    one.future.set_result(one.last)
                elif one.until <= late:
                    one.future.set_exception(problem)
            return [one for one in asked if one.until > late]
        again = []
        for one, result in zip(asked, results):
            if result.retry and one.until > time.monotonic():
                one.last = result
                again.append(one)
            else:
                one.future.set_result(result)
        return again


@functools.lru_cache(maxsize=64)
def _batcher(options: Options, pid: int) -> Batcher:
    return Batcher(client_of(options))


def score_one(sample: Sample, options: Options) -> Result:
    """The result of one sample; samples of other threads travel along. A failure that outlasts
    the deadline raises; a sample that can never be scored is a result without a reward."""
    return _settled(_batcher(options, os.getpid()).submit(sample).result())


async def ascore_one(sample: Sample, options: Options) -> Result:
    """As score_one, for any number of tasks of an event loop."""
    return _settled(await asyncio.wrap_future(_batcher(options, os.getpid()).submit(sample)))


def _settled(result: Result) -> Result:
    if result.groups:
        raise RewardError("the reward compares the answers to one prompt: an engine that asks for one answer at a time cannot have it")
    if result.retry:
        raise Unavailable(f"the sample was not scored before the deadline: {result.message}")
    return result


def text_of(value: Any) -> str | None:
    """A label of a data set as the reference: texts as they are, numbers and booleans as JSON
    writes them, of a list its first; None and empty texts are no label."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        value = value[0] if value else None
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    raise RewardError(f"reference: must be a text, a number, a boolean or a list of these (got {type(value).__name__})")


def prompt_text(prompt: Any) -> str:
    """A prompt as text: of a conversation the last message of the user."""
    if isinstance(prompt, str):
        return prompt
    for message in reversed(prompt):
        if message["role"] == "user":
            return content_text(message["content"])
    return ""


def answer_text(completion: Any) -> str:
    """An answer as text: of messages the last one of the assistant that has a text."""
    if isinstance(completion, str):
        return completion
    for message in reversed(completion):
        if message["role"] == "assistant" and message.get("content"):
            return content_text(message["content"])
    return ""


def content_text(content: Any) -> str:
    """The text of a message: its content, or the text parts of it."""
    if content is None or isinstance(content, str):
        return content or ""
    return "".join(part.get("text", "") for part in content)


def options_of(options: Options | None, changes: dict[str, Any]) -> Options:
    """Options given whole or one by one."""
    if options is not None and changes:
        raise TypeError("options or single settings, not both")
    return options or Options(**changes)
