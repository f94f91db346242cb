"""Reward functions of TRL as the term exec of pgsrm, unchanged: see docs/custom-rewards.md.

    exec(python3 pgsrm_exec.py [--messages] FILE.py:FUNCTION[=WEIGHT] ...)
"""
import asyncio, importlib, inspect, json, math, os, sys

# The pipes are the protocol's: whatever a function prints goes to stderr, and its input is empty.
requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
os.dup2(2, 1)


def load(spec):
    """A function and its weight: FILE.py:FUNCTION or MODULE:FUNCTION, then =WEIGHT unless it is 1."""
    place, _, weight = spec.partition("=")
    path, _, name = place.rpartition(":")
    if path.endswith(".py"):
        folder, path = os.path.split(os.path.abspath(path[:-3]))
        sys.path.insert(0, folder)
    return getattr(importlib.import_module(path), name), float(weight or 1)


def call(function, known):
    """What a function returns for those of the keywords that it takes; of an async one, what is to be awaited."""
    takes = inspect.signature(function).parameters.values()
    if not any(p.kind is p.VAR_KEYWORD for p in takes):
        known = {p.name: known[p.name] for p in takes if p.name in known}
    return function(**known)


async def settle(results):
    waits = [r for r in results if inspect.isawaitable(r)]
    done = iter(await asyncio.gather(*waits))
    return [next(done) if inspect.isawaitable(r) else r for r in results]


def total(values):
    """The weighted sum for one sample, of those functions that do not say None or NaN; None where all do."""
    given = [w * float(v) for v, w in zip(values, weights) if v is not None and not math.isnan(v)]
    return sum(given) if given else None


messages = "--messages" in sys.argv
functions, weights = zip(*(load(spec) for spec in sys.argv[1:] if spec != "--messages"))
loop = asyncio.new_event_loop()
for line in requests:
    request = json.loads(line)
    samples = request["samples"]
    known = {key: [s["columns"].get(key) for s in samples] for s in samples for key in s["columns"]}
    known.setdefault("reference", [s["reference"] for s in samples])
    say = lambda role, text: [{"role": role, "content": text}] if messages else text
    known["prompts"] = [say("user", s["prompt"]) for s in samples]
    known["completions"] = [say("assistant", s["response"]) for s in samples]
    known["completion_ids"] = [None] * len(samples)  # there are none: a function that needs them must fail
    known["trainer_state"] = None
    known["log_extra"] = known["log_metric"] = lambda *args: None
    results = loop.run_until_complete(settle([call(f, known) for f in functions]))
    for function, rewards in zip(functions, results):
        if len(rewards) != len(samples):
            raise ValueError(f"{function.__name__} must return {len(samples)} rewards (got {len(rewards)})")
    reply = {"id": request["id"], "rewards": [total(values) for values in zip(*results)]}
    replies.write(json.dumps(reply).encode() + b"\n")
    replies.flush()
