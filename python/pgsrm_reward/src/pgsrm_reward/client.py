"""The client of ``POST /v1/reward`` (docs/serve.md): connections that are kept, one request
for many samples, deadlines, and one layer of retries."""

from __future__ import annotations

import email.utils
import functools
import http.client
import json
import math
import os
import random
import ssl
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

TOKEN_VARIABLE = "PGSRM_SERVE_TOKEN"
URL_VARIABLE = "PGSRM_SERVE_URL"
_MOST_REPLY = 1 << 30  # bytes of a reply
_AGAIN = frozenset({408, 409, 425, 429, 500, 502, 503, 504})


class RewardError(Exception):
    """The server will never give what was asked: a mistake in the request or the set-up."""


class Unavailable(RewardError):
    """No answer of the server before the deadline; the text names the last failure."""


@dataclass(frozen=True)
class Options:
    """Where to ask and how long. Two equal options share one client in a process.

    url: of the server; empty = PGSRM_SERVE_URL of the environment, else http://127.0.0.1:8900.
    name: of the reward where the server has several; empty = its first.
    token: bearer token; empty = PGSRM_SERVE_TOKEN of the environment, else none.
    timeout: seconds that one attempt may take.
    deadline: seconds that a call may take with all its attempts and pauses.
    batch: samples of one request at most; a group of equal prompts is never split.
    ca_file: certificates in PEM that https is checked with; empty = those of the system.
    """

    url: str = ""
    name: str = ""
    token: str = field(default="", repr=False)
    timeout: float = 60.0
    deadline: float = 600.0
    batch: int = 4096
    ca_file: str = ""

    def __post_init__(self) -> None:
        for key in ("timeout", "deadline"):
            value = getattr(self, key)
            if not 0 < value < math.inf:
                raise ValueError(f"{key}: must be seconds above 0 (got {value!r})")
        if self.batch < 1:
            raise ValueError(f"batch: must be at least 1 (got {self.batch!r})")


@dataclass(frozen=True)
class Sample:
    """One answer. Without a reference the server takes that of its task or parent.

    prompt: text; may be empty where id names an item of the server's task.
    finish: how the answer ended: eos, stop, length; empty = by itself.
    columns: what the terms exec, http and judge may read.
    """

    prompt: str
    response: str
    reference: str | None = None
    finish: str = ""
    id: str = ""
    columns: Mapping[str, Any] | None = None

    def body(self) -> dict[str, Any]:
        """The sample as the route takes it."""
        out: dict[str, Any] = {"prompt": self.prompt, "response": self.response}
        for key in ("reference", "finish", "id", "columns"):
            value = getattr(self, key)
            if value is not None and value != "":
                out[key] = value
        return out


@dataclass(frozen=True)
class Result:
    """What came of a sample: a finite reward with its unweighted terms, or an error."""

    reward: float | None
    terms: dict[str, float]  # has every name of ``names`` where there is a reward, else nothing
    names: tuple[str, ...] = ()  # of the terms of this reward, in their order
    right: bool = False
    reference: str | None = None
    code: str = ""  # of the error; empty = scored
    message: str = ""
    retry: bool = False  # the sample may be scored later
    groups: bool = False  # the reward compares the answers to one prompt

    def extras(self) -> dict[str, float]:
        """Terms and ``pgsrm_unscored`` with the same keys for every sample, prefixed ``pgsrm_``."""
        out = {f"pgsrm_{name}": self.terms.get(name, 0.0) for name in self.names}
        out["pgsrm_unscored"] = 1.0 if self.reward is None else 0.0
        return out


class _Attempt(Exception):
    """An attempt failed in a way that may pass."""

    def __init__(self, text: str, pause: float | None = None) -> None:
        super().__init__(text)
        self.pause = pause  # seconds that the server asks for


class Client:
    """Asks one server; for use by any number of threads, also after a fork, and can be pickled."""

    def __init__(self, options: Options | None = None, **changes: Any) -> None:
        if options is not None and changes:
            raise TypeError("Client: options or single settings, not both")
        self.options = options or Options(**changes)
        url = self.options.url or os.environ.get(URL_VARIABLE) or "http://127.0.0.1:8900"
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError(f"url: must be http://HOST:PORT or https://HOST:PORT (got {url!r})")
        self.url = url
        self._host, self._port, self._secure = parts.hostname, parts.port, parts.scheme == "https"
        self._path = parts.path.rstrip("/") + "/v1/reward"
        self._headers = {"Content-Type": "application/json", "Accept": "application/json"}
        token = self.options.token or os.environ.get(TOKEN_VARIABLE, "")
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._tls = ssl.create_default_context(cafile=self.options.ca_file or None) if self._secure else None
        self._idle = _Idle()

    def __reduce__(self) -> tuple[Any, ...]:
        return client_of, (self.options,)

    def score(self, samples: Iterable[Sample], deadline: float | None = None) -> list[Result]:
        """Results in the order of samples. Samples whose failure may pass are asked again until
        the deadline (seconds; None = that of the options); then they come back as errors with
        ``retry``. Where the server gives no answer at all: Unavailable."""
        asked = list(samples)
        until = time.monotonic() + (self.options.deadline if deadline is None else deadline)
        out: list[Result] = []
        for part in _parts(asked, self.options.batch):
            out += self._part(part, until)
        return out

    def _part(self, samples: Sequence[Sample], until: float) -> list[Result]:
        results = self.ask(samples, until)
        tries = 0
        while True:
            again = [i for i, r in enumerate(results) if r.retry]
            pause = backoff(tries)
            if not again or time.monotonic() + pause >= until:
                return results
            time.sleep(pause)
            tries += 1
            if results[0].groups:  # a sample alone would be another group
                again = list(range(len(results)))
            try:
                fresh = self.ask([samples[i] for i in again], until)
            except Unavailable:
                return results
            for i, r in zip(again, fresh):
                results[i] = r

    def ask(self, samples: Sequence[Sample], until: float) -> list[Result]:
        """One request, repeated until it is answered or time.monotonic() is until (Unavailable).
        Results may be failures that pass."""
        tries = 0
        while True:
            left = until - time.monotonic()
            try:
                if left <= 0:
                    raise _Attempt("no time is left")
                return self._attempt(samples, min(self.options.timeout, left))
            except _Attempt as failure:
                pause = backoff(tries) if failure.pause is None else failure.pause
                if time.monotonic() + pause >= until:
                    raise Unavailable(f"{self.url}: {failure} ({tries + 1} attempts)") from failure
            time.sleep(pause)
            tries += 1

    def _attempt(self, samples: Sequence[Sample], timeout: float) -> list[Result]:
        request: dict[str, Any] = {"samples": [s.body() for s in samples], "timeout_s": timeout * 0.9}
        if self.options.name:
            request["name"] = self.options.name
        try:
            body = json.dumps(request, default=_plain, allow_nan=False).encode("ascii")
        except (TypeError, ValueError) as problem:
            raise RewardError(f"columns: must be what JSON can hold: {problem}") from problem
        status, headers, text = self._exchange(body, timeout)
        reply = _decode(text)
        if status != 200:
            error = reply.get("error") if isinstance(reply, dict) else None
            told = error.get("message") if isinstance(error, dict) else text[:200].decode("utf-8", "replace")
            if status in _AGAIN:
                raise _Attempt(f"HTTP {status}: {told}", _retry_after(headers))
            raise RewardError(f"{self.url}: HTTP {status}: {told}")
        if not isinstance(reply, dict):
            raise _Attempt("the reply is no JSON object")
        return _results(reply, len(samples))

    def _exchange(self, body: bytes, timeout: float) -> tuple[int, http.client.HTTPMessage, bytes]:
        """Sends the body over a kept connection or a new one. One that the server closed while it
        was idle is replaced without counting as an attempt: scoring can be repeated."""
        until = time.monotonic() + timeout
        while True:
            connection = self._idle.take()
            fresh = connection is None
            if connection is None:
                connection = self._connect(timeout)
            try:
                answer = _exchange(connection, self._path, body, self._headers, until)
            except (OSError, http.client.HTTPException) as problem:
                connection.close()
                if not fresh and not isinstance(problem, TimeoutError):
                    continue
                if isinstance(problem, ssl.SSLCertVerificationError):
                    raise RewardError(f"{self.url}: {problem}") from problem
                raise _Attempt(f"{type(problem).__name__}: {problem}") from problem
            except BaseException:
                connection.close()
                raise
            status, headers, text, keep = answer
            if keep:
                self._idle.give(connection)
            else:
                connection.close()
            return status, headers, text

    def _connect(self, timeout: float) -> http.client.HTTPConnection:
        timeout = min(timeout, 10.0)
        if self._tls is not None:
            return http.client.HTTPSConnection(self._host, self._port, timeout=timeout, context=self._tls)
        return http.client.HTTPConnection(self._host, self._port, timeout=timeout)

    def close(self) -> None:
        """Closes idle connections; the client stays usable."""
        self._idle.close()


class _Idle:
    """Connections nobody uses, the last one first. Those of a parent process are not touched."""

    def __init__(self) -> None:
        self._lock, self._pid = threading.Lock(), os.getpid()
        self._kept: list[http.client.HTTPConnection] = []

    def _here(self) -> None:
        if self._pid != os.getpid():
            self.__init__()  # type: ignore[misc]

    def take(self) -> http.client.HTTPConnection | None:
        self._here()
        with self._lock:
            return self._kept.pop() if self._kept else None

    def give(self, connection: http.client.HTTPConnection) -> None:
        self._here()
        with self._lock:
            self._kept.append(connection)

    def close(self) -> None:
        self._here()
        with self._lock:
            kept, self._kept = self._kept, []
        for connection in kept:
            connection.close()

    def __del__(self) -> None:
        for connection in self._kept:
            connection.close()


@functools.lru_cache(maxsize=64)
def client_of(options: Options) -> Client:
    """The one client of these options in this process."""
    return Client(options)


def _exchange(
    connection: http.client.HTTPConnection, path: str, body: bytes, headers: dict[str, str], until: float
) -> tuple[int, http.client.HTTPMessage, bytes, bool]:
    if connection.sock is None:
        connection.connect()
    connection.sock.settimeout(_left(until))
    connection.request("POST", path, body=body, headers=headers)
    response = connection.getresponse()
    chunks, size = [], 0
    while True:
        if connection.sock is not None:
            connection.sock.settimeout(_left(until))
        chunk = response.read1(1 << 16)
        if not chunk:
            break
        size += len(chunk)
        if size > _MOST_REPLY:
            raise http.client.HTTPException("the reply is too large")
        chunks.append(chunk)
    if response.length:
        raise http.client.IncompleteRead(b"", response.length)
    response.close()  # else the connection could not be used again
    return response.status, response.headers, b"".join(chunks), not response.will_close


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError("no answer in time")
    return left


def _parts(samples: Sequence[Sample], most: int) -> Iterable[Sequence[Sample]]:
    """Slices of at most ``most`` samples and about 16 MiB, cut where the prompt changes."""
    start = 0
    while start < len(samples):
        end, cut, size = start, start, 0
        while end < len(samples):
            if end > start and samples[end].prompt != samples[end - 1].prompt:
                cut = end
            size += 6 * (len(samples[end].prompt) + len(samples[end].response) + len(samples[end].reference or ""))
            full = end - start >= most or size > 16 << 20
            if full and cut > start:
                end = cut
                break
            end += 1
        yield samples[start:end]
        start = end


def _results(reply: dict[str, Any], n: int) -> list[Result]:
    """Reads the results of n samples; a reply of another form counts as a failed attempt."""
    try:
        names = tuple(str(name) for name in reply["terms"])
        groups = reply["groups"] is True
        results = [_result(one, names, groups) for one in reply["results"]]
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        raise _Attempt(f"the reply is not of the form of /v1/reward: {problem!r}") from problem
    if len(results) != n:
        raise _Attempt(f"the reply must have a result for each of {n} samples (got {len(results)})")
    return results


def _result(one: dict[str, Any], names: tuple[str, ...], groups: bool) -> Result:
    error = one["error"]
    if error is not None:
        return Result(None, {}, names, code=str(error["code"]), message=str(error["message"]), retry=error["retry"] is True, groups=groups)
    value = float(one["reward"])
    if not math.isfinite(value):
        raise ValueError(f"reward must be finite (got {value})")
    terms = {name: float(one["terms"][name]) for name in names}
    return Result(value, terms, names, right=one["right"] is True, reference=one["reference"], groups=groups)


def _decode(text: bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _plain(value: Any) -> Any:
    """Arrays and numbers of NumPy and PyTorch as those of Python."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is none")


def backoff(tries: int) -> float:
    """Seconds before the next attempt: 0.5, 1, 2, 4, 8, 8, ... with up to a quarter less."""
    return float(min(0.5 * 2 ** min(tries, 4), 8.0) * (1 - random.random() / 4))


def _retry_after(headers: http.client.HTTPMessage) -> float | None:
    """Seconds that Retry-After asks for, as seconds or as a date, at most 120."""
    text = headers.get("Retry-After")
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(text).timestamp() - time.time()
        except (TypeError, ValueError):
            return None
    return min(max(seconds, 0.0), 120.0) if math.isfinite(seconds) else None
