"""Whole iterations with TRL: sampling, reward, reference model, one update. The reward is a plain function.

Measured is the time from the end of a step to the end of the next one.
"""

import random
import tempfile
import time
from statistics import median

import torch
from datasets import Dataset
from tokenizers import Tokenizer, models as token_models, pre_tokenizers
from transformers import PreTrainedTokenizerFast, TrainerCallback

import measure
import models


def tokenizer(job):
    """One word a token: w0, w1, ... and the one that ends a text."""
    words = {f"w{i}": i for i in range(job.vocab - 1)}
    t = Tokenizer(token_models.WordLevel({**words, "<end>": job.vocab - 1}, unk_token="<end>"))
    t.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=t, unk_token="<end>", eos_token="<end>", pad_token="<end>")


def share_of_even(completions, completion_ids, **_):
    """The reward of bench/iteration.go: the share of even tokens."""
    return [sum(1 - i % 2 for i in ids) / max(1, len(ids)) for ids in completion_ids]


class Clock(TrainerCallback):
    """Takes the times of steps and ends the training when there are enough of them."""

    def __init__(self, job):
        self.job, self.times, self.before = job, [], None

    def on_step_end(self, args, state, control, **_):
        now = time.perf_counter()
        if self.before is None and self.job.memory:
            measure.reset_peak()
        if self.before is not None:
            self.times.append(now - self.before)
            self.job.say(f"step {len(self.times)}: {self.times[-1]:.3g} s")
        self.before = now
        control.should_training_stop = len(self.times) >= 2 if self.job.memory else measure.enough(self.times, self.job)


def trainer(job, folder, clock):
    settings = dict(
        output_dir=folder,
        use_cpu=True,
        bf16=False,
        per_device_train_batch_size=job.batch,
        gradient_accumulation_steps=1,
        steps_per_generation=1,
        gradient_checkpointing=False,
        num_generations=job.group,
        max_completion_length=job.response,
        generation_kwargs={"min_new_tokens": job.response},
        temperature=1.0,
        top_k=job.top_k,
        beta=0.05,
        learning_rate=1e-5,
        max_steps=measure.MOST_RUNS + 1,
        report_to=[],
        logging_steps=1000,
        save_strategy="no",
        disable_tqdm=True,
    )
    if job.algorithm == "rloo":
        from trl import RLOOConfig as Config, RLOOTrainer as Trainer
    else:
        from trl import GRPOConfig as Config, GRPOTrainer as Trainer
    words = [" ".join(f"w{i}" for i in ids) for ids in models.prompts(job, 2000, random.Random(0))]
    models.make(job).save_pretrained(folder)
    return Trainer(
        model=folder,  # by name, since the reference model is read from there again
        reward_funcs=share_of_even,
        args=Config(**settings),
        train_dataset=Dataset.from_dict({"prompt": words}),
        processing_class=tokenizer(job),
        callbacks=[clock],
    )


def measured(job):
    torch.set_num_threads(job.threads)
    clock = Clock(job)
    job.say("TRL")
    with tempfile.TemporaryDirectory() as folder:
        trainer(job, folder, clock).train()
    what = "TRL, " + job.algorithm.upper()
    value = measure.peak_gigabytes() if job.memory else measure.value(median(clock.times), job)
    return value, what, ["torch", "transformers", "trl"]
