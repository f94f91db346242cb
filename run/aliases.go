package run

// aliases are the names that users of TRL, Hugging Face's Trainer, OpenRLHF and
// verl know keys by. They are not accepted: the error for one names our key.
var aliases = map[string]string{
	"learning_rate": "schedule.lr", "lr_scheduler_type": "schedule.kind", "lr_scheduler": "schedule.kind",
	"warmup_steps": "schedule.warmup", "warmup_ratio": "schedule.warmup", "num_warmup_steps": "schedule.warmup",
	"adam_beta1": "optimizer.beta1", "adam_beta2": "optimizer.beta2",
	"adam_epsilon": "optimizer.eps", "adam_eps": "optimizer.eps", "epsilon": "optimizer.eps",

	"batch_size": "rollout.prompts_per_step", "rollout_batch_size": "rollout.prompts_per_step",
	"train_batch_size": "rollout.prompts_per_step", "per_device_train_batch_size": "rollout.prompts_per_step",
	"num_generations": "rollout.samples_per_prompt", "n_samples_per_prompt": "rollout.samples_per_prompt",
	"group_size": "rollout.samples_per_prompt", "rloo_k": "rollout.samples_per_prompt",
	"max_length": "rollout.max_new_tokens", "max_completion_length": "rollout.max_new_tokens",
	"response_length": "rollout.max_new_tokens", "max_response_length": "rollout.max_new_tokens",
	"generate_max_len": "rollout.max_new_tokens",

	"num_epochs": "ppo.num_ppo_epochs", "ppo_epochs": "ppo.num_ppo_epochs",
	"mini_batch_size": "ppo.num_minibatches", "num_mini_batches": "ppo.num_minibatches",
	"kl_coef": "ppo.kl.coef", "init_kl_coef": "ppo.kl.coef", "kl_loss_coef": "ppo.kl.coef", "kl_target": "ppo.kl.target",
	"clip_range": "ppo.cliprange", "clip_ratio": "ppo.cliprange", "eps_clip": "ppo.cliprange",
	"ent_coef": "ppo.entropy.coef", "entropy_coef": "ppo.entropy.coef", "entropy_coeff": "ppo.entropy.coef",
	"gae_lambda": "ppo.lambda", "lam": "ppo.lambda",
	"max_norm": "ppo.max_grad_norm", "grad_clip": "ppo.max_grad_norm", "clip_grad": "ppo.max_grad_norm",

	"total_episodes": "episodes", "num_train_epochs": "episodes", "epochs": "episodes", "max_steps": "episodes", "num_steps": "episodes",
	"save_steps": "checkpoint_every", "save_total_limit": "keep_checkpoints", "eval_steps": "eval_every",
	"metric_for_best_model": "best.metric", "monitor": "best.metric", "greater_is_better": "best.mode", "load_best_model_at_end": "best.child",
	"early_stopping_patience": "early_stopping.patience", "patience": "early_stopping.patience",
	"early_stopping_threshold": "early_stopping.threshold", "min_delta": "early_stopping.threshold",
	"output_dir": "out", "save_path": "out", "random_seed": "seed", "num_workers": "threads", "num_threads": "threads",
	"gradient_checkpointing": "recompute", "activation_checkpointing": "recompute",

	"model": "child", "model_name": "child", "model_name_or_path": "child", "base_model": "child",
	"teacher": "parent", "reward_funcs": "reward", "reward_model": "reward",
	"dataset": "task", "dataset_name": "task",

	"lora_r": "lora.rank", "lora_rank": "lora.rank", "lora_alpha": "lora.alpha",
	"lora_target_modules": "lora.targets", "target_modules": "lora.targets", "use_rslora": "lora.rslora",
}
