"""Sampling with generate of transformers. It knows no shared prefixes: prompts that share some cost as much as others."""

import random

import torch

import measure
import models


def measured(job):
    torch.set_num_threads(job.threads)
    model = models.make(job).eval()
    rng = random.Random(0)

    def run():
        tokens = torch.tensor(models.prompts(job, job.batch // job.group, rng)).repeat_interleave(job.group, dim=0)
        with torch.no_grad():
            model.generate(
                tokens,
                attention_mask=torch.ones_like(tokens),
                max_new_tokens=job.new_tokens,
                min_new_tokens=job.new_tokens,
                do_sample=True,
                temperature=1.0,
                top_k=job.top_k,
            )

    if job.memory:
        return measure.gigabytes(run), "generate of transformers", ["torch", "transformers"]
    return measure.value(measure.seconds(run, job), job), "generate of transformers", ["torch", "transformers"]
