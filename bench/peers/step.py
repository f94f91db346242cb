"""A GPT-2, or a Llama where a shape has key and value heads of its own, in PyTorch as fast as it gets: logits at response positions only, fused attention and optimizer.

The step is one update on the loss of PPO with an entropy bonus; with `train` unset, the forward of it up to
log-probabilities. Measured as written and, where there is a C++ compiler, through torch.compile: the faster one counts.
"""

import os
import shutil
import sys

import torch
from torch import nn
from torch.nn import functional as F

import measure

CLIP, ENTROPY, RATE, MAX_NORM = 0.2, 0.01, 1e-5, 1.0


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        batch, length, width = x.shape
        split = self.qkv(self.norm1(x)).view(batch, length, 3, self.heads, width // self.heads)
        q, k, v = split.permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(mixed.transpose(1, 2).reshape(batch, length, width))
        return x + self.down(F.gelu(self.up(self.norm2(x)), approximate="tanh"))


class GPT2(nn.Module):
    def __init__(self, job):
        super().__init__()
        self.response = job.response
        self.tokens, self.places = nn.Embedding(job.vocab, job.width), nn.Embedding(1024, job.width)
        self.blocks = nn.ModuleList(Block(job.width, job.heads) for _ in range(job.layers))
        self.norm = nn.LayerNorm(job.width)
        for weights in self.parameters():
            nn.init.normal_(weights, std=0.02)

    def forward(self, tokens):
        length = tokens.shape[1]
        x = self.tokens(tokens) + self.places(torch.arange(length))
        for block in self.blocks:
            x = block(x)
        return F.linear(self.norm(x[:, length - self.response - 1 : length - 1]), self.tokens.weight)


class GatedBlock(nn.Module):
    """A block of a Llama: root-mean-square norms, rotary positions, grouped-query attention, SwiGLU."""

    def __init__(self, job):
        super().__init__()
        self.heads, self.kv_heads, self.size = job.heads, job.kv_heads, job.width // job.heads
        self.norm1, self.norm2 = nn.RMSNorm(job.width, eps=1e-5), nn.RMSNorm(job.width, eps=1e-5)
        self.qkv = nn.Linear(job.width, (job.heads + 2 * job.kv_heads) * self.size, bias=False)
        self.out = nn.Linear(job.width, job.width, bias=False)
        self.gate_up, self.down = nn.Linear(job.width, 2 * job.ff, bias=False), nn.Linear(job.ff, job.width, bias=False)

    def forward(self, x, cos, sin):
        batch, length, width = x.shape
        split = self.qkv(self.norm1(x)).view(batch, length, -1, self.size).transpose(1, 2)
        q, k, v = split.split([self.heads, self.kv_heads, self.kv_heads], dim=1)
        q, k = turned(q, cos, sin), turned(k, cos, sin)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
        x = x + self.out(mixed.transpose(1, 2).reshape(batch, length, width))
        gate, up = self.gate_up(self.norm2(x)).chunk(2, dim=-1)
        return x + self.down(F.silu(gate) * up)


def turned(x, cos, sin):
    """Rotary positions (Su et al. 2021), halves of a head as pairs."""
    a, b = x.chunk(2, dim=-1)
    return torch.cat((a * cos - b * sin, b * cos + a * sin), dim=-1)


class Llama(nn.Module):
    def __init__(self, job):
        super().__init__()
        self.response = job.response
        self.tokens = nn.Embedding(job.vocab, job.width)
        self.blocks = nn.ModuleList(GatedBlock(job) for _ in range(job.layers))
        self.norm = nn.RMSNorm(job.width, eps=1e-5)
        for weights in self.parameters():
            nn.init.normal_(weights, std=0.02)
        size = job.width // job.heads
        angles = torch.outer(torch.arange(job.prompt + job.response).float(), 1e5 ** (-torch.arange(0, size, 2) / size))
        self.register_buffer("cos", angles.cos())
        self.register_buffer("sin", angles.sin())

    def forward(self, tokens):
        length = tokens.shape[1]
        x = self.tokens(tokens)
        for block in self.blocks:
            x = block(x, self.cos[:length], self.sin[:length])
        return F.linear(self.norm(x[:, length - self.response - 1 : length - 1]), self.tokens.weight)


def scores(model, tokens, response):
    """Log-probabilities of all tokens at the response positions, and of those that stand there."""
    every = F.log_softmax(model(tokens), dim=-1)
    return every, every.gather(-1, tokens[:, -response:, None]).squeeze(-1)


def trainer(model, parameters, tokens, job):
    """Returns the function that does one step."""
    optimizer = torch.optim.AdamW(parameters, lr=RATE, fused=True)
    advantages = torch.randn(job.batch, 1)
    with torch.no_grad():
        old = scores(model, tokens, job.response)[1]

    def step():
        every, chosen = scores(model, tokens, job.response)
        ratio = torch.exp(chosen - old)
        surrogate = torch.min(advantages * ratio, advantages * ratio.clamp(1 - CLIP, 1 + CLIP))
        entropy = -(every.exp() * every).sum(-1)
        optimizer.zero_grad()
        (-surrogate.mean() - ENTROPY * entropy.mean()).backward()
        nn.utils.clip_grad_norm_(parameters, MAX_NORM)
        optimizer.step()

    return step


def scorer(model, tokens, job):
    """Returns the function that does one forward."""

    def forward():
        with torch.no_grad():
            scores(model, tokens, job.response)

    return forward


def measured(job):
    torch.set_num_threads(job.threads)
    model = Llama(job) if job.kv_heads else GPT2(job)
    tokens = torch.randint(job.vocab, (job.batch, job.prompt + job.response))

    def runner(form):
        return trainer(form, list(model.parameters()), tokens, job) if job.train else scorer(form, tokens, job)

    if job.memory:
        return measure.gigabytes(runner(model)), "PyTorch", ["torch"]
    job.say("PyTorch")
    best, what = measure.seconds(runner(model), job), "PyTorch"
    if job.compile and (os.environ.get("CXX") or shutil.which("g++") or shutil.which("clang++")):
        job.say("PyTorch, compiled")
        try:
            compiled = measure.seconds(runner(torch.compile(model)), job)
        except Exception as e:  # whatever a compiler says, there is the other figure
            print(f"torch.compile: {e}", file=sys.stderr)
        else:
            if compiled < best:
                best, what = compiled, "PyTorch, compiled"
    return measure.value(best, job), what, ["torch"]
