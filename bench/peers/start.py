"""The time until a program that trains with TRL begins: a new Python that imports it."""

import subprocess
import sys

import measure


def measured(job):
    command = [sys.executable, "-I", "-c", "import torch, transformers\nfrom trl import GRPOTrainer"]
    seconds = measure.seconds(lambda: subprocess.run(command, check=True), job)
    return measure.value(seconds, job), "import of TRL", ["torch", "transformers", "trl"]
