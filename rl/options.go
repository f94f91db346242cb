package rl

import (
	"fmt"
	"slices"
	"strings"
)

// Options holds one section per algorithm; New reads only the section of its name.
type Options struct {
	PPO   PPOOptions   `yaml:"ppo"`
	GRPO  GRPOOptions  `yaml:"grpo"`
	RLOO  RLOOOptions  `yaml:"rloo"`
	Paper PaperOptions `yaml:"paper"`
}

// Needs says what the samples of an algorithm must carry, and how the value
// head is to be built.
type Needs struct {
	Values        bool    // Sample.Values and Eval.Values
	Reference     bool    // Sample.RefLogProbs
	PromptID      bool    // Batch.PromptID
	Detached      bool    // the value head's gradient stops before the trunk
	ValueLRFactor float64 // learning rate of the value head over that of the trunk; 0 = 1
}

// DefaultOptions returns the defaults of every section.
func DefaultOptions() Options {
	return Options{PPO: defaultPPO(), GRPO: defaultGRPO(), RLOO: defaultRLOO(), Paper: defaultPaper()}
}

// Needs says what the named algorithm needs under these options.
func (o Options) Needs(name string) Needs {
	switch name {
	case "ppo":
		return o.PPO.needs()
	case "grpo":
		return o.GRPO.needs()
	case "rloo":
		return o.RLOO.needs()
	case "paper":
		return o.Paper.needs()
	}
	return Needs{}
}

// Validate checks the section of the named algorithm.
func (o Options) Validate(name string) error {
	switch name {
	case "ppo":
		return o.PPO.validate()
	case "grpo":
		return o.GRPO.validate()
	case "rloo":
		return o.RLOO.validate()
	case "paper":
		return o.Paper.validate()
	}
	return oneOf("algorithm", name, "ppo", "grpo", "rloo", "paper")
}

// oneOf holds that got is among the allowed words.
func oneOf(field, got string, allowed ...string) error {
	if slices.Contains(allowed, got) {
		return nil
	}
	return fmt.Errorf("%s: must be one of %s (got %q)", field, strings.Join(allowed, ", "), got)
}

// rangeOf holds that got lies in [lo, hi].
func rangeOf(field string, got, lo, hi float64) error {
	if got >= lo && got <= hi {
		return nil
	}
	return fmt.Errorf("%s: must be in [%g, %g] (got %g)", field, lo, hi, got)
}

// atLeast holds that got >= lo.
func atLeast(field string, got, lo float64) error {
	if got >= lo && isFinite(got) {
		return nil
	}
	return fmt.Errorf("%s: must be at least %g (got %g)", field, lo, got)
}

// first returns the first error that is not nil.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
