"""What other programs reach on a row of `pgsrm bench`, on this machine.

    python -I -u bench/peers modules torch trl     which of these there are: {"python": ..., "modules": {name: version}}
    python -I -u bench/peers row '{"row": ...}'    measures one row

The object of a row is the struct peerJob of bench/peers.go. Lines on stdout are JSON:

    {"progress": text}                             what is being done, any number of times
    {"row", "value", "unit", "is", "versions"}     the result, once

What libraries print goes to stderr. Nothing is downloaded.
"""

import json
import os
import platform
import sys
from importlib import import_module, util
from types import SimpleNamespace

import measure


def modules(names):
    """The version of each module that could be imported, without importing it."""
    found = {name: measure.version(name) for name in names if util.find_spec(name)}
    return {"python": platform.python_version(), "modules": found}


def main():
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # only the lines of the protocol reach the caller

    def write(line):
        print(json.dumps(line), file=out, flush=True)

    if sys.argv[1] == "modules":
        write(modules(sys.argv[2:]))
        return
    job = SimpleNamespace(**json.loads(sys.argv[2]))
    job.say = lambda text: write({"progress": text})
    value, what, used = import_module(job.kind).measured(job)
    write({"row": job.row, "value": value, "unit": job.unit, "is": what, "versions": {name: measure.version(name) for name in used}})


if __name__ == "__main__":  # libraries may start this file again in processes of their own
    main()
