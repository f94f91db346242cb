"""A product of float32 matrices in PyTorch (MKL, OpenBLAS or what its build has)."""

import torch

import measure


def measured(job):
    torch.set_num_threads(job.threads)
    x, w = torch.randn(job.m, job.k), torch.randn(job.k, job.n)
    y = torch.empty(job.m, job.n)
    seconds = measure.seconds(lambda: torch.matmul(x, w, out=y), job)
    return measure.value(seconds, job), "torch.matmul", ["torch"]
