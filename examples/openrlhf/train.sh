#!/bin/sh
# GRPO with OpenRLHF 0.11.2, the reward from pgsrm serve; docs/engines.md says how to start it.
#   sh train.sh SERVER MODEL DATA OUT [FLAG...]
# With CHECK=1 in the environment: check.py in the place of the trainer, without a GPU.
set -eu
server=$1 model=$2 data=$3 out=$4
shift 4
if [ -n "${CHECK:-}" ]; then
  program=$(dirname "$0")/check.py
else
  program='-m openrlhf.cli.train_ppo_ray'
fi
# shellcheck disable=SC2086 # two words or one
exec "${PYTHON:-python3}" $program \
  --reward.remote_url "$server/openrlhf" \
  --actor.model_name_or_path "$model" \
  --data.prompt_dataset "$data" --data.input_key prompt --data.label_key reference --data.apply_chat_template \
  --data.max_len 1024 --rollout.max_new_tokens 512 \
  --algo.advantage.estimator dr_grpo --rollout.n_samples_per_prompt 8 --rollout.batch_size 128 --train.batch_size 1024 \
  --rollout.micro_batch_size 8 --train.micro_batch_size 4 --actor.adam.lr 1e-6 \
  --algo.kl.use_loss --algo.kl.estimator k3 --algo.kl.init_coef 0.001 \
  --actor.num_nodes 1 --actor.num_gpus_per_node 8 --ref.num_nodes 1 --ref.num_gpus_per_node 8 \
  --vllm.num_engines 8 --vllm.tensor_parallel_size 1 --vllm.gpu_memory_utilization 0.6 --vllm.enable_sleep --ds.enable_sleep --train.colocate_all \
  --ds.zero_stage 3 --ds.packing_samples --actor.gradient_checkpointing_enable \
  --logger.tensorboard_dir "$out/tensorboard" --ckpt.path "$out/checkpoints" --ckpt.save_steps 20 --ckpt.load_enable --ckpt.output_dir "$out/model" \
  "$@"
