package rl

import "pgsrm/config"

// Options holds one section per algorithm; New reads only the section of its name.
type Options struct {
	PPO   PPOOptions   `yaml:"ppo"`
	GRPO  GRPOOptions  `yaml:"grpo"`
	RLOO  RLOOOptions  `yaml:"rloo"`
	Paper PaperOptions `yaml:"paper"`
	RAFT  RAFTOptions  `yaml:"raft"`
	SFT   SFTOptions   `yaml:"sft"`
	GKD   GKDOptions   `yaml:"gkd"`
}

// Needs says what the samples of an algorithm must carry, and how the value
// head is to be built.
type Needs struct {
	Values        bool    // Sample.Values and Eval.Values
	Reference     bool    // Sample.RefLogProbs
	PromptID      bool    // Batch.PromptID
	Parent        bool    // the samples are the parent's answers, one for each prompt, in the place of the child's
	Teacher       bool    // the policy is a distiller
	Detached      bool    // the value head's gradient stops before the trunk
	ValueLRFactor float64 // learning rate of the value head over that of the trunk; 0 = 1
}

// DefaultOptions returns the defaults of every section.
func DefaultOptions() Options {
	return Options{PPO: defaultPPO(), GRPO: defaultGRPO(), RLOO: defaultRLOO(), Paper: defaultPaper(), RAFT: defaultRAFT(), SFT: defaultSFT(), GKD: defaultGKD()}
}

// Only returns these options with the defaults in all sections but that of the named
// algorithm, which is the only one that counts.
func (o Options) Only(name string) Options {
	only := DefaultOptions()
	switch name {
	case "ppo":
		only.PPO = o.PPO
	case "grpo":
		only.GRPO = o.GRPO
	case "rloo":
		only.RLOO = o.RLOO
	case "paper":
		only.Paper = o.Paper
	case "raft":
		only.RAFT = o.RAFT
	case "sft":
		only.SFT = o.SFT
	case "gkd":
		only.GKD = o.GKD
	}
	return only
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
	case "sft":
		return Needs{Parent: true}
	case "gkd":
		return Needs{Teacher: true}
	}
	return Needs{}
}

// Passes says how often the named algorithm goes over the samples of one rollout,
// and how many optimiser steps it takes in each pass.
func (o Options) Passes(name string) (passes, steps int) {
	switch name {
	case "ppo":
		return o.PPO.NumPPOEpochs, o.PPO.NumMinibatches
	case "grpo":
		return o.GRPO.NumIterations, o.GRPO.NumMinibatches
	case "rloo":
		return o.RLOO.NumIterations, o.RLOO.NumMinibatches
	case "raft":
		return o.RAFT.NumEpochs, o.RAFT.NumMinibatches
	case "sft":
		return 1, o.SFT.NumMinibatches
	case "none":
		return 0, 0
	}
	return 1, 1
}

// Grouped says whether the named algorithm compares the samples of one prompt with
// each other: where these all earn the same there is then no gradient.
func (o Options) Grouped(name string) bool {
	return name == "grpo" || name == "rloo" || name == "ppo" && o.PPO.Baseline == "group"
}

// Replays says whether the named algorithm knows what to do with replayed samples.
func Replays(name string) bool { return name == "ppo" || name == "grpo" || name == "rloo" }

// Algorithms lists the names of the algorithms.
func Algorithms() []string {
	return []string{"ppo", "grpo", "rloo", "paper", "raft", "sft", "gkd", "none"}
}

// Validate reports the first value of any section that is out of its range, and
// values in the section of the named algorithm that do not go together.
func (o Options) Validate(name string) error {
	rules := map[string]func() error{"ppo": o.PPO.rules, "grpo": o.GRPO.rules, "rloo": o.RLOO.rules, "paper": o.Paper.rules, "gkd": o.GKD.rules}
	if err := config.First(config.OneOf("algorithm", name, Algorithms()...), config.Check(o)); err != nil {
		return err
	}
	if rule, ok := rules[name]; ok {
		return config.At(name, rule())
	}
	return nil
}
