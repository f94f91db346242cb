#!/usr/bin/env python3
"""TRL's GRPO under Ray Train with the reward of a pgsrm server.

On a cluster, one GPU a worker:

    pip install "ray[train]==2.60.0" trl==1.16.0 ./python/pgsrm_reward     # on every node
    pgsrm serve --task prompts.jsonl --reward pgsrm --listen :8900 --insecure
    python train.py --url http://HOST:8900 --model Qwen/Qwen3-0.6B --data prompts.jsonl --workers 8 --gpu --storage s3://BUCKET/runs

Here, two workers on CPU and a random model of 20 words:

    pgsrm serve --task opposites --reward nearer
    python train.py --url http://127.0.0.1:8900 --steps 20 --storage /tmp/ray_trl

Rows of --data: {"prompt": ..., "answer": ...}. A worker that dies is started again from the last
checkpoint, by itself; the server may be away for ten minutes.
"""

import argparse
import json
import os
import tempfile

import ray.train
from ray.train import FailureConfig, RunConfig, ScalingConfig
from ray.train.huggingface.transformers import RayTrainReportCallback, prepare_trainer
from ray.train.torch import TorchTrainer

WORDS = "the opposite of hot tall dark is cold short light red banana seven wolf quickly under pencil".split()
QUESTIONS = {"hot": "cold", "tall": "short", "dark": "light"}


def tiny():
    """A random model of one layer with its tokenizer and rows."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    words = {word: k for k, word in enumerate(["<pad>", "<eos>", "<unk>", *WORDS])}
    raw = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    raw.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>", padding_side="left")
    config = GPT2Config(vocab_size=len(words), n_positions=16, n_embd=32, n_layer=1, n_head=2, bos_token_id=1, eos_token_id=1, pad_token_id=0)
    rows = [{"prompt": f"the opposite of {word} is", "answer": answer} for word, answer in QUESTIONS.items()] * 64
    return GPT2LMHeadModel(config), tokenizer, rows


def worker(o):
    """What each worker runs."""
    from datasets import Dataset, load_dataset
    from transformers import set_seed
    from trl import GRPOConfig, GRPOTrainer

    from pgsrm_reward import trl_reward

    set_seed(1)
    settings = dict(max_completion_length=256, num_generations=8, per_device_train_batch_size=8, learning_rate=1e-6, bf16=o["gpu"])
    model, tokenizer = o["model"], None
    if model:
        data = load_dataset("json", data_files=o["data"], split="train")
        settings["scale_rewards"] = "none"  # a dense reward is not to be divided by its deviation, see docs/engines.md
    else:
        model, tokenizer, rows = tiny()
        data = Dataset.from_list(rows)
        settings.update(max_completion_length=1, num_generations=16, per_device_train_batch_size=48, learning_rate=1e-2, lr_scheduler_type="constant")
    with tempfile.TemporaryDirectory() as folder:
        config = GRPOConfig(
            output_dir=folder,
            max_steps=o["steps"],
            logging_steps=1,
            save_steps=o["save_steps"],
            save_total_limit=2,
            beta=0.0,
            report_to=[],
            use_cpu=not o["gpu"],
            disable_tqdm=True,
            **settings,
        )
        trainer = GRPOTrainer(
            model=model,
            reward_funcs=trl_reward(o["url"], reference="answer"),
            args=config,
            train_dataset=data,
            processing_class=tokenizer,
        )
        trainer.add_callback(RayTrainReportCallback())
        trainer = prepare_trainer(trainer)
        checkpoint = ray.train.get_checkpoint()
        if checkpoint is None:
            trainer.train()
            return
        with checkpoint.as_directory() as saved:
            trainer.train(resume_from_checkpoint=os.path.join(saved, RayTrainReportCallback.CHECKPOINT_NAME))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True, help="of pgsrm serve")
    parser.add_argument("--model", default="", help="name or folder; empty = a tiny random one")
    parser.add_argument("--data", help="JSONL with prompt and answer, at a path that every node has")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--gpu", action="store_true", help="one GPU a worker")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--save-steps", type=int, default=10)
    parser.add_argument("--storage", required=True, help="folder or bucket of checkpoints that every node reaches")
    parser.add_argument("--name", default="ray_trl", help="of the run; the same name goes on where it stopped")
    o = parser.parse_args()
    if o.model and not o.data:
        parser.error("--data: needed beside --model")
    trainer = TorchTrainer(
        worker,
        train_loop_config=vars(o),
        scaling_config=ScalingConfig(num_workers=o.workers, use_gpu=o.gpu),
        run_config=RunConfig(name=o.name, storage_path=o.storage, failure_config=FailureConfig(max_failures=5)),
    )
    result = trainer.fit()
    print(json.dumps({"checkpoint": result.checkpoint.path, "reward": result.metrics["reward"], "step": result.metrics["step"]}))


if __name__ == "__main__":
    main()
