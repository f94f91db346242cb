"""How a row is measured: as package bench measures its own side (bench/measure.go, bench/process.go)."""

import time
from importlib import metadata
from statistics import median

WARMUPS = 2  # runs that do not count
ENOUGH_S = 0.3  # spent on a row at least
MOST_RUNS = 200


def version(module):
    """The version of an installed module, "?" where it does not tell."""
    try:
        return metadata.version(module.replace("_", "-"))
    except metadata.PackageNotFoundError:
        return "?"


def enough(times, job):
    """Whether these runs, in seconds, will do."""
    return len(times) >= job.repeat and (sum(times) >= ENOUGH_S or len(times) >= MOST_RUNS)


def seconds(run, job):
    """The median time of a run."""
    for _ in range(WARMUPS):
        run()
    times = []
    while not enough(times, job):
        begin = time.perf_counter()
        run()
        times.append(time.perf_counter() - begin)
    return median(times)


def value(seconds_a_run, job):
    """The value of a row: the seconds of a run, or the units that it makes in a second."""
    return job.units / seconds_a_run if job.units else seconds_a_run


def reset_peak():
    """Begins a new peak of resident memory (man 5 proc_pid_clear_refs)."""
    with open("/proc/self/clear_refs", "w") as f:
        f.write("5")


def peak_gigabytes():
    """The most resident memory since reset_peak, in 1e9 bytes."""
    with open("/proc/self/status") as f:
        for line in f:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e9
    raise RuntimeError("/proc/self/status must have a line VmHWM")


def gigabytes(run):
    """The most resident memory during two runs."""
    reset_peak()
    run()
    run()
    return peak_gigabytes()
