package run

import (
	"fmt"
	"math"
	"strings"

	"pgsrm/embed"
	"pgsrm/lm"
	"pgsrm/parent"
)

// Validate reports the first value that cannot be used.
func (c *Config) Validate() error {
	for _, check := range []func() error{
		c.validateNames, c.validateParent, c.validateEmbedder, c.LoRA.Validate, c.validateReward, c.validateAlgorithm, c.validateRollout, c.validateOptimizer, c.validateRun,
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

// validateParent refuses a spec with a secret in it before it is written down.
func (c *Config) validateParent() error {
	if err := parent.CheckSpec(c.Parent); err != nil {
		return keyErrorf("parent", "%v", err)
	}
	if err := (lm.TemplateOptions{Use: c.ChatTemplate.Use, Date: c.ChatTemplate.Date, Variables: c.ChatTemplate.Variables}).Validate(); err != nil {
		return keyed(fmt.Errorf("chat_template.%w", err))
	}
	if err := c.Chat.Validate(); err != nil {
		return keyed(fmt.Errorf("chat.%w", err))
	}
	return nil
}

// validateEmbedder is validateParent for the embedder.
func (c *Config) validateEmbedder() error {
	if err := embed.CheckSpec(c.Embedder); err != nil {
		return keyErrorf("embedder", "%v", err)
	}
	if err := c.Embedding.Validate(); err != nil {
		return keyed(fmt.Errorf("embedding.%w", err))
	}
	return nil
}

func (c *Config) validateAlgorithm() error {
	if err := c.Options.Validate(c.Algorithm); err != nil {
		return keyed(err)
	}
	if err := c.Schedule.Validate(); err != nil {
		return keyed(err)
	}
	return c.validateGroups()
}

// validateGroups demands the samples that a baseline of their prompt needs.
func (c *Config) validateGroups() error {
	name, g := c.Algorithm, c.Rollout.SamplesPerPrompt
	grouped := name == "grpo" || name == "rloo" || name == "ppo" && c.Options.PPO.Baseline == "group"
	if grouped && g < 2 {
		return keyErrorf("rollout.samples_per_prompt", "must be at least 2 for %s with a baseline of the group (got %d)", name, g)
	}
	return nil
}

// keyed makes a keyError of an error whose text is "key: what must hold".
func keyed(err error) error {
	key, text, _ := strings.Cut(err.Error(), ": ")
	return &keyError{key, text}
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
		below("optimizer.beta1", o.Beta1, 1),
		below("optimizer.beta2", o.Beta2, 1),
		above("optimizer.eps", o.Eps, 0),
		atLeast("optimizer.weight_decay", o.WeightDecay, 0),
	)
}

// validateReward checks the terms; a reward given by its name alone has none yet.
func (c *Config) validateReward() error {
	if len(c.Reward.Terms) == 0 {
		return nil
	}
	if err := c.Reward.Validate(); err != nil {
		return keyed(err)
	}
	return nil
}

func (c *Config) validateRun() error {
	return firstError(
		intAtLeast("episodes", c.Episodes, 1),
		intAtLeast("eval_every", c.EvalEvery, 0),
		intAtLeast("eval_prompts", c.EvalPrompts, 0),
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

func below(key string, v, high float64) error {
	if !(v >= 0 && v < high) {
		return keyErrorf(key, "must be at least 0 and below %g (got %g)", high, v)
	}
	return nil
}
