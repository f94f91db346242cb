"""TRL's GRPO on a tiny random model with the reward of a live server: trl_grpo.py URL STEPS.

Prints {"rewards": [mean of each step], "keys": [of the metrics]}. go test ./python runs it where PGSRM_PYTHON is set.
"""

import json
import os
import sys
import tempfile

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch  # noqa: E402
from datasets import Dataset  # noqa: E402
from tokenizers import Tokenizer, models, pre_tokenizers  # noqa: E402
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast, set_seed  # noqa: E402
from trl import GRPOConfig, GRPOTrainer  # noqa: E402

from pgsrm_reward import trl_reward  # noqa: E402

WORDS = "the opposite of hot tall dark is cold short light red banana seven wolf quickly under pencil".split()
QUESTIONS = {"hot": "cold", "tall": "short", "dark": "light"}


def main(url, steps):
    set_seed(1)
    torch.set_num_threads(1)
    words = {word: k for k, word in enumerate(["<pad>", "<eos>", "<unk>", *WORDS])}
    raw = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    raw.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>", padding_side="left")
    model = GPT2LMHeadModel(
        GPT2Config(vocab_size=len(words), n_positions=16, n_embd=32, n_layer=1, n_head=2, bos_token_id=1, eos_token_id=1, pad_token_id=0)
    )
    rows = [{"prompt": f"the opposite of {word} is", "answer": answer} for word, answer in QUESTIONS.items()] * 64
    with tempfile.TemporaryDirectory() as folder:
        config = GRPOConfig(
            output_dir=folder,
            per_device_train_batch_size=96,
            num_generations=16,
            max_completion_length=1,
            max_steps=steps,
            learning_rate=1e-2,
            lr_scheduler_type="constant",
            logging_steps=1,
            beta=0.0,
            save_strategy="no",
            report_to=[],
            use_cpu=True,
            bf16=False,
            gradient_checkpointing=False,
            disable_tqdm=True,
        )
        trainer = GRPOTrainer(
            model=model,
            reward_funcs=trl_reward(url, reference="answer", deadline=60),
            args=config,
            train_dataset=Dataset.from_list(rows),
            processing_class=tokenizer,
        )
        trainer.train()
    history = [h for h in trainer.state.log_history if "rewards/pgsrm/mean" in h]
    print(json.dumps({"rewards": [h["rewards/pgsrm/mean"] for h in history], "keys": sorted(history[0])}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
