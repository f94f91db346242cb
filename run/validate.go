package run

import "math"

// Validate reports the first value that cannot be used.
func (c *Config) Validate() error {
	for _, check := range []func() error{
		c.validateNames, c.validateAlgorithm, c.validateRollout, c.validateOptimizer, c.validateControl, c.validateRun,
	} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (c *Config) validateNames() error {
	return firstError(
		notEmpty("task", c.Task),
		notEmpty("child", c.Child),
		notEmpty("parent", c.Parent),
		notEmpty("embedder", c.Embedder),
	)
}

func (c *Config) validateAlgorithm() error {
	a := c.Algorithm
	return firstError(
		oneOf("algorithm.name", a.Name, "ppo", "grpo", "rloo", "paper"),
		intAtLeast("algorithm.epochs", a.Epochs, 1),
		intAtLeast("algorithm.minibatches", a.Minibatches, 1),
		atLeast("algorithm.clip", a.Clip, 0),
		atLeast("algorithm.value_clip", a.ValueClip, 0),
		atLeast("algorithm.value_coef", a.ValueCoef, 0),
		between("algorithm.gamma", a.Gamma, 0, 1),
		between("algorithm.lambda", a.Lambda, 0, 1),
		atLeast("algorithm.target_kl", a.TargetKL, 0),
		c.validateGroups(),
	)
}

// validateGroups demands a baseline for the algorithms without a value function.
func (c *Config) validateGroups() error {
	if g := c.Rollout.SamplesPerPrompt; g < 2 && (c.Algorithm.Name == "grpo" || c.Algorithm.Name == "rloo") {
		return keyErrorf("rollout.samples_per_prompt", "must be at least 2 for %s (got %d)", c.Algorithm.Name, g)
	}
	return nil
}

func (c *Config) validateRollout() error {
	r := c.Rollout
	return firstError(
		intAtLeast("rollout.prompts_per_step", r.PromptsPerStep, 1),
		intAtLeast("rollout.samples_per_prompt", r.SamplesPerPrompt, 1),
		above("rollout.temperature", r.Temperature, 0),
		intAtLeast("rollout.top_k", r.TopK, 0),
		between("rollout.top_p", r.TopP, 0, 1),
		between("rollout.min_p", r.MinP, 0, 1),
		intAtLeast("rollout.max_new_tokens", r.MaxNewTokens, 0),
	)
}

func (c *Config) validateOptimizer() error {
	o := c.Optimizer
	return firstError(
		above("optimizer.learning_rate", o.LearningRate, 0),
		atLeast("optimizer.value_learning_rate", o.ValueLearningRate, 0),
		between("optimizer.beta1", o.Beta1, 0, 1),
		between("optimizer.beta2", o.Beta2, 0, 1),
		above("optimizer.eps", o.Eps, 0),
		atLeast("optimizer.weight_decay", o.WeightDecay, 0),
		atLeast("optimizer.max_grad_norm", o.MaxGradNorm, 0),
		oneOf("schedule.kind", c.Schedule.Kind, "constant", "linear", "cosine"),
		intAtLeast("schedule.warmup_steps", c.Schedule.WarmupSteps, 0),
		between("schedule.final", c.Schedule.Final, 0, 1),
	)
}

func (c *Config) validateControl() error {
	return firstError(
		atLeast("kl.coef", c.KL.Coef, 0),
		oneOf("kl.in", c.KL.In, "reward", "loss"),
		atLeast("kl.target", c.KL.Target, 0),
		atLeast("kl.min", c.KL.Min, 0),
		atLeast("kl.max", c.KL.Max, c.KL.Min),
		atLeast("entropy.coef", c.Entropy.Coef, 0),
		atLeast("entropy.target", c.Entropy.Target, 0),
		atLeast("entropy.min", c.Entropy.Min, 0),
		atLeast("entropy.max", c.Entropy.Max, c.Entropy.Min),
	)
}

func (c *Config) validateRun() error {
	return firstError(
		intAtLeast("episodes", c.Episodes, 1),
		intAtLeast("eval_every", c.EvalEvery, 0),
		intAtLeast("checkpoint_every", c.CheckpointEvery, 0),
		intAtLeast("keep_checkpoints", c.KeepCheckpoints, 0),
		intAtLeast("log_samples", c.LogSamples, 0),
		between("max_failure_share", c.MaxFailureShare, 0, 1),
		intAtLeast("threads", c.Threads, 0),
	)
}

// firstError is the first error that is not nil.
func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func notEmpty(key, v string) error {
	if v == "" {
		return keyErrorf(key, "must not be empty")
	}
	return nil
}

func oneOf(key, v string, allowed ...string) error {
	list := ""
	for i, a := range allowed {
		if v == a {
			return nil
		}
		if i > 0 {
			list += ", "
		}
		list += a
	}
	return keyErrorf(key, "must be one of %s (got %q)", list, v)
}

func intAtLeast(key string, v, low int) error {
	if v < low {
		return keyErrorf(key, "must be at least %d (got %d)", low, v)
	}
	return nil
}

// The conditions are written so that NaN fails them.

func atLeast(key string, v, low float64) error {
	if !(v >= low) || math.IsInf(v, 0) {
		return keyErrorf(key, "must be a finite number of at least %g (got %g)", low, v)
	}
	return nil
}

func above(key string, v, low float64) error {
	if !(v > low) || math.IsInf(v, 0) {
		return keyErrorf(key, "must be a finite number above %g (got %g)", low, v)
	}
	return nil
}

func between(key string, v, low, high float64) error {
	if !(v >= low && v <= high) {
		return keyErrorf(key, "must be between %g and %g (got %g)", low, high, v)
	}
	return nil
}
