#!/usr/bin/env python3
"""The reward path of a run of verl, without a GPU: check.py [OVERRIDE...]

Reads grpo.yaml with the overrides as the trainer does, checks it as the trainer does, begins verl's
reward workers on Ray and has them score answers to the first rows: the reference, and that of the next
row. Ends with 1 where the references do not get more.
"""

import json
import os
import sys

import numpy
import ray
import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from verl import DataProto
from verl.experimental.reward_loop import RewardLoopManager, migrate_legacy_reward_impl
from verl.trainer.ppo.utils import create_rl_dataset, need_critic, need_reference_policy
from verl.utils import hf_tokenizer
from verl.utils.config import validate_config

ROWS = 8


def batch(tokenizer, rows, answers):
    """What the trainer hands to the reward workers after the rollout, with these answers."""
    ids = [tokenizer(answer, add_special_tokens=False)["input_ids"] + [tokenizer.eos_token_id] for answer in answers]
    most = max(map(len, ids))
    prompts = torch.full((len(ids), 1), tokenizer.eos_token_id)
    responses = torch.tensor([row + [tokenizer.eos_token_id] * (most - len(row)) for row in ids])
    mask = torch.tensor([[1] * (1 + len(row)) + [0] * (most - len(row)) for row in ids])
    columns = {key: numpy.array([row[key] for row in rows], dtype=object) for key in ("data_source", "reward_model", "extra_info")}
    return DataProto.from_dict(tensors={"prompts": prompts, "responses": responses, "attention_mask": mask}, non_tensors=columns)


def main():
    with initialize_config_dir(os.path.dirname(os.path.abspath(__file__)), version_base=None):
        config = compose("grpo", sys.argv[1:])
    validate_config(config, use_reference_policy=need_reference_policy(config), use_critic=need_critic(config))
    config = migrate_legacy_reward_impl(config)
    OmegaConf.resolve(config)
    tokenizer = hf_tokenizer(config.actor_rollout_ref.model.path)
    data = create_rl_dataset(config.data.train_files, config.data, tokenizer, None, max_samples=ROWS)
    rows = [data[i] for i in range(len(data))]
    references = [row["reward_model"]["ground_truth"] for row in rows]
    ray.init()
    manager = RewardLoopManager(config)
    means = []
    for name, answers in (("reference", references), ("another", references[1:] + references[:1])):
        scored = manager.compute_rm_score(batch(tokenizer, rows, answers))
        rewards = scored.batch["rm_scores"].sum(-1).tolist()
        for row, answer, reward, unscored in zip(rows, answers, rewards, scored.non_tensor_batch["pgsrm_unscored"]):
            print(json.dumps({"prompt": row["extra_info"]["prompt"], "answer": answer, "reward": reward, "unscored": unscored}))
        means.append(sum(rewards) / len(rewards))
    ray.shutdown()
    print(json.dumps({"mean_reference": means[0], "mean_another": means[1]}))
    return 0 if means[0] > means[1] else 1


if __name__ == "__main__":
    sys.exit(main())
