package run

import (
	"fmt"

	"pgsrm/config"
	"pgsrm/embed"
	"pgsrm/parent"
)

// maxEpisodesPerStep is the most samples of one step: more than any machine
// holds, and small enough that no number made of it overflows.
const maxEpisodesPerStep = 1 << 20

// Validate reports the first value that cannot be used, as a config.Error.
func (c *Config) Validate() error { return config.Check(c) }

// Rules reports values that do not go together, and names that nothing can have.
func (c Config) Rules() error {
	return config.First(
		config.At("parent", parent.CheckSpec(c.Parent)), // before a secret in it is written down
		config.At("embedder", embed.CheckSpec(c.Embedder)),
		config.At("data", c.Data.Suits(c.Task)),
		c.Options.Validate(c.Algorithm),
		c.checkGroups(),
		c.checkStep(),
		c.checkReplay(),
		c.checkBest(),
	)
}

// checkGroups demands the samples that a baseline of their prompt needs.
func (c *Config) checkGroups() error {
	name, g := c.Algorithm, c.Rollout.SamplesPerPrompt
	if c.Options.Grouped(name) && g < 2 {
		return &config.Error{
			Key: "rollout.samples_per_prompt", Value: fmt.Sprint(g),
			Must: "must be at least 2 for " + name + " with a baseline of the group",
		}
	}
	return nil
}

// checkStep bounds the samples of a step.
func (c *Config) checkStep() error {
	if c.EpisodesPerStep() > maxEpisodesPerStep {
		return &config.Error{
			Key: "rollout.samples_per_prompt", Value: fmt.Sprintf("%d * %d", c.Rollout.PromptsPerStep, c.Rollout.SamplesPerPrompt),
			Must: fmt.Sprintf("times prompts_per_step must be at most %d", maxEpisodesPerStep),
		}
	}
	return nil
}
