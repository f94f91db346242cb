package run

import (
	"pgsrm/reward"
)

// Config says everything that decides what a run computes, and where. Make one
// with Load; it is read-only from then on. The resolved copy of a run stands in
// its config.yaml. docs/configuration.md describes every key.
type Config struct {
	Preset   string      `yaml:"preset"`   // lexical, sentence or paper; empty = by the kind of the task
	Task     string      `yaml:"task"`     // built-in name, FILE.jsonl or FILE.csv
	Child    string      `yaml:"child"`    // builtin:tiny, a folder, or hf:ORG/NAME
	Parent   string      `yaml:"parent"`   // parent.Open
	Embedder string      `yaml:"embedder"` // embed.Open
	Reward   reward.Spec `yaml:"reward"`   // a name, or terms of its own

	Algorithm Algorithm `yaml:"algorithm"`
	Rollout   Rollout   `yaml:"rollout"`
	Optimizer Optimizer `yaml:"optimizer"`
	Schedule  Schedule  `yaml:"schedule"`
	KL        KL        `yaml:"kl"`
	Entropy   Entropy   `yaml:"entropy"`

	Episodes        int     `yaml:"episodes"`          // samples of the whole run, rounded up to whole steps
	Seed            uint64  `yaml:"seed"`              // of every stream of random numbers
	EvalEvery       int     `yaml:"eval_every"`        // steps between evaluations; 0 = first and last only
	CheckpointEvery int     `yaml:"checkpoint_every"`  // steps between checkpoints; 0 = last only
	KeepCheckpoints int     `yaml:"keep_checkpoints"`  // newest ones kept; 0 = all
	LogSamples      int     `yaml:"log_samples"`       // sampled answers logged at each evaluation
	MaxFailureShare float64 `yaml:"max_failure_share"` // above this share of failed rewards in a step the run stops

	Threads int    `yaml:"threads"` // worker threads, 0 = all; results do not depend on it
	Out     string `yaml:"out"`     // the run directory
}

// Algorithm is how the weights are updated; see package rl.
type Algorithm struct {
	Name        string  `yaml:"name"`         // ppo, grpo, rloo or paper
	Epochs      int     `yaml:"epochs"`       // passes over the samples of a step
	Minibatches int     `yaml:"minibatches"`  // updates in one pass
	Clip        float64 `yaml:"clip"`         // of the probability ratio
	ValueClip   float64 `yaml:"value_clip"`   // of the change of the value; 0 = off
	ValueCoef   float64 `yaml:"value_coef"`   // weight of the value loss
	Gamma       float64 `yaml:"gamma"`        // discount per token
	Lambda      float64 `yaml:"lambda"`       // of generalised advantage estimation
	Whiten      bool    `yaml:"whiten"`       // advantages to mean 0 and deviation 1
	TargetKL    float64 `yaml:"target_kl"`    // stop the epochs above this approximate KL; 0 = never
	DetachValue bool    `yaml:"detach_value"` // keep the value loss out of the trunk
}

// Rollout is how answers are sampled.
type Rollout struct {
	PromptsPerStep   int     `yaml:"prompts_per_step"`   // P
	SamplesPerPrompt int     `yaml:"samples_per_prompt"` // G
	Temperature      float64 `yaml:"temperature"`
	TopK             int     `yaml:"top_k"`          // 0 = off
	TopP             float64 `yaml:"top_p"`          // 0 or 1 = off
	MinP             float64 `yaml:"min_p"`          // 0 = off
	MaxNewTokens     int     `yaml:"max_new_tokens"` // 0 = the task's own
}

// Optimizer is AdamW and the clipping of the gradient.
type Optimizer struct {
	LearningRate      float64 `yaml:"learning_rate"`
	ValueLearningRate float64 `yaml:"value_learning_rate"` // of the value head; 0 = learning_rate
	Beta1             float64 `yaml:"beta1"`
	Beta2             float64 `yaml:"beta2"`
	Eps               float64 `yaml:"eps"`
	WeightDecay       float64 `yaml:"weight_decay"`
	MaxGradNorm       float64 `yaml:"max_grad_norm"` // 0 = no clipping
}

// Schedule is the learning rate over the run.
type Schedule struct {
	Kind        string  `yaml:"kind"`         // constant, linear or cosine
	WarmupSteps int     `yaml:"warmup_steps"` // from 0 to the full rate
	Final       float64 `yaml:"final"`        // share of the full rate at the end
}

// KL is the divergence from the start model that is held against the child.
type KL struct {
	Coef   float64 `yaml:"coef"`   // 0 = no reference model
	In     string  `yaml:"in"`     // reward (k1 per token) or loss
	Target float64 `yaml:"target"` // 0 = fixed coefficient, else adapted towards it
	Min    float64 `yaml:"min"`    // bounds of an adapted coefficient
	Max    float64 `yaml:"max"`
}

// Entropy is the bonus that keeps the child exploring.
type Entropy struct {
	Coef   float64 `yaml:"coef"`
	Target float64 `yaml:"target"` // nats per token; 0 = fixed coefficient, else adapted towards it
	Min    float64 `yaml:"min"`    // bounds of an adapted coefficient
	Max    float64 `yaml:"max"`
}

// Default returns the values that presets and files are laid over.
func Default() Config {
	return Config{
		Task: "colors", Child: "builtin:tiny", Parent: "builtin", Embedder: "builtin",
		Algorithm: Algorithm{
			Name: "ppo", Epochs: 2, Minibatches: 1, Clip: 0.2, ValueClip: 0.2, ValueCoef: 0.5,
			Gamma: 1, Lambda: 0.95,
		},
		Rollout:   Rollout{PromptsPerStep: 64, SamplesPerPrompt: 1, Temperature: 1},
		Optimizer: Optimizer{LearningRate: 3e-4, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, MaxGradNorm: 1},
		Schedule:  Schedule{Kind: "constant", Final: 1},
		KL:        KL{In: "reward", Max: 1},
		Entropy:   Entropy{Coef: 0.01, Max: 1},
		Episodes:  19200, Seed: 1, EvalEvery: 50, CheckpointEvery: 100, KeepCheckpoints: 2,
		LogSamples: 8, MaxFailureShare: 0.5,
	}
}

// presets are the named configurations, each a change of Default. There is one
// for each kind of task, never one for a task or a reward.
var presets = map[string]func(*Config){
	// one word as answer
	"lexical": func(*Config) {},
	// a sentence as answer: more tokens, fewer of them decisive
	"sentence": func(c *Config) {
		c.Episodes = 12800
		c.Rollout.PromptsPerStep = 32
	},
	// what the paper's notebooks do (method.md, section 3)
	"paper": func(c *Config) {
		c.Reward.Name = "pgsrm-paper"
		c.Algorithm = Algorithm{Name: "paper", Epochs: 1, Minibatches: 1, ValueCoef: 0.5, Gamma: 1, Lambda: 1, DetachValue: true}
		c.Rollout = Rollout{PromptsPerStep: 50, SamplesPerPrompt: 1, Temperature: 1, TopK: 50}
		c.Optimizer.LearningRate, c.Optimizer.ValueLearningRate = 1e-5, 1e-4
		c.Optimizer.WeightDecay = 0.01
		c.KL = KL{Coef: 5e-5, In: "loss", Target: 0.8, Max: 1}
		c.Entropy = Entropy{Coef: 0.01, Max: 1}
		c.Episodes = 100000
	},
}

// EpisodesPerStep is the number of samples of one step, N = P*G.
func (c *Config) EpisodesPerStep() int {
	return c.Rollout.PromptsPerStep * c.Rollout.SamplesPerPrompt
}

// Steps is the number of steps of the whole run.
func (c *Config) Steps() int {
	n := c.EpisodesPerStep()
	return (c.Episodes + n - 1) / n
}
