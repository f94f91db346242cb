package run

import (
	"cmp"

	"pgsrm/config"
	"pgsrm/custom"
	"pgsrm/embed"
	"pgsrm/hf"
	"pgsrm/judge"
	"pgsrm/parent"
	"pgsrm/reward"
	"pgsrm/rl"
	"pgsrm/task"
)

// Config says everything that decides what a run computes, and where. Make one
// with Load, or change Default; it is read-only from then on. The resolved copy of a run is in
// its config.yaml. docs/configuration.md describes every key.
type Config struct {
	Preset string `yaml:"preset"`          // see presets; empty = by the child and the kind of the task
	Task   string `yaml:"task" empty:"no"` // built-in name, a file, hf:datasets/ORG/NAME or - (standard input)
	// Data is how the rows of a file become prompts and references.
	Data  task.Options `yaml:"data"`
	Child string       `yaml:"child" empty:"no"` // builtin:tiny, a folder, or hf:ORG/NAME
	// ChatTemplate says how the child's folder turns prompts into its input.
	ChatTemplate ChatTemplate `yaml:"chat_template"`
	Parent       string       `yaml:"parent" empty:"no"` // parent.Open
	// Chat is how a parent behind a chat server is asked.
	Chat     parent.ChatOptions `yaml:"chat"`
	Embedder string             `yaml:"embedder" empty:"no"` // embed.Open
	// Embedding is how an embedder that is a server or a local encoder is used.
	Embedding embed.Settings `yaml:"embedding"`
	Reward    reward.Spec    `yaml:"reward"` // a name, or terms of its own
	// CustomReward is how functions of the user's own are asked that the reward names.
	CustomReward custom.Settings `yaml:"custom_reward"`
	// Judge is how language models are asked that judge answers in the reward.
	Judge judge.Settings `yaml:"judge"`
	// Arm names the arm of a comparison that the run belongs to; "" = the name of the reward.
	Arm string `yaml:"arm" longest:"200"`
	// Answer says what of a response is its answer, and when that is right.
	Answer task.AnswerOptions `yaml:"answer"`

	Algorithm string     `yaml:"algorithm" oneof:"ppo, grpo, rloo, paper, raft, sft, gkd, none"` // one of rl.Algorithms
	LoRA      LoRA       `yaml:"lora"`                                                           // adapters instead of all weights
	Options   rl.Options `yaml:",inline"`                                                        // a section for each algorithm; only that of Algorithm counts
	Rollout   Rollout    `yaml:"rollout"`
	// Replay is how right answers of earlier steps are trained on again.
	Replay rl.ReplayOptions `yaml:"replay"`
	// Preference is how the head of the reward term preferred learns.
	Preference rl.PreferenceOptions `yaml:"preference"`
	Optimizer  Optimizer            `yaml:"optimizer"`
	Schedule   rl.Schedule          `yaml:"schedule"` // of the learning rate, over the steps

	Episodes        int    `yaml:"episodes" range:"[1, 1000000000000]"`      // samples of the whole run, rounded up to whole steps
	Seed            uint64 `yaml:"seed" range:"[0, 18446744073709551615]"`   // of every stream of random numbers
	EvalEvery       int    `yaml:"eval_every" range:"[0, 1000000000]"`       // steps between evaluations; 0 = first and last only
	EvalPrompts     int    `yaml:"eval_prompts" range:"[0, 1000000000]"`     // prompts evaluated of each split, spread evenly; 0 = all
	EvalBestOf      int    `yaml:"eval_best_of" range:"[0, 65536]"`          // answers drawn to an evaluated prompt, of which the reward picks; 0, 1 = the greedy answer
	MeasureKL       bool   `yaml:"measure_kl"`                               // divergence from the start child at evaluations, also where training does not need it
	CheckpointEvery int    `yaml:"checkpoint_every" range:"[0, 1000000000]"` // steps between checkpoints; 0 = last only
	KeepCheckpoints int    `yaml:"keep_checkpoints" range:"[0, 1000000000]"` // newest ones kept; 0 = all

	Best          Best          `yaml:"best"`           // which child is kept beside them
	EarlyStopping EarlyStopping `yaml:"early_stopping"` // when the run ends before Episodes

	LogSamples      int     `yaml:"log_samples" range:"[0, 1000000]"` // sampled answers logged at each evaluation
	MaxFailureShare float64 `yaml:"max_failure_share" range:"[0, 1]"` // above this share of failed rewards in a step the run stops

	Look string `yaml:"look" oneof:"auto, on, off"` // whether the child is looked at before it is trained; auto = unless it is a built-in one

	Recompute bool   `yaml:"recompute"`                 // activations are computed again instead of kept: less memory, same results
	Threads   int    `yaml:"threads" range:"[0, 1024]"` // worker threads, 0 = all; results do not depend on it
	Out       string `yaml:"out"`                       // the run directory

	// Extend lets a run that is resumed have other Episodes than it began with.
	Extend bool `yaml:"-"`
	// Undecided is what a Preset that is empty would set, by the kind of the parent's
	// answers; Resolve fills it in.
	Undecided map[task.Kind][]config.Setting `yaml:"-"`
}

// ChatTemplate is the use of the chat template of the child's folder.
type ChatTemplate struct {
	Use       string `yaml:"use" oneof:"auto, on, off"` // auto (where the folder has one), on or off
	System    string `yaml:"system"`                    // text of a system message before every prompt; "" = none
	Date      string `yaml:"date"`                      // YYYY-MM-DD, for a template that asks for today's date
	Variables string `yaml:"variables"`                 // JSON object of further variables of the template
}

// Rules reports a date or variables that cannot be read.
func (c ChatTemplate) Rules() error { return c.options().Rules() }

func (c ChatTemplate) options() hf.TemplateOptions {
	return hf.TemplateOptions{Use: c.Use, Date: c.Date, Variables: c.Variables}
}

// Prompter makes what turns prompts into tokens of a model.
func (c ChatTemplate) Prompter(m *hf.Model) (*hf.Prompter, error) {
	return m.Prompter(c.System, c.options())
}

// Rollout is how answers are sampled. A temperature out of its range would be 0 or
// make logits of 0 in float32.
type Rollout struct {
	PromptsPerStep   int     `yaml:"prompts_per_step" range:"[1, 65536]"`   // P
	SamplesPerPrompt int     `yaml:"samples_per_prompt" range:"[1, 65536]"` // G
	Temperature      float64 `yaml:"temperature" range:"[0.0001, 100]"`
	TopK             int     `yaml:"top_k" range:"[0, 1000000]"`          // 0 = off
	TopP             float64 `yaml:"top_p" range:"[0, 1]"`                // 0 or 1 = off
	MinP             float64 `yaml:"min_p" range:"[0, 1]"`                // 0 = off
	MaxNewTokens     int     `yaml:"max_new_tokens" range:"[0, 1048576]"` // with EOS; 0 = by the references, see AnswerLimit
	Stop             hf.Stop `yaml:"stop"`                                // texts that end an answer
	// MissingEOSPenalty is taken from the reward of an answer that the limit cut (TRL's missing_eos_penalty), or that says nothing.
	MissingEOSPenalty float64 `yaml:"missing_eos_penalty" range:"[0, 1000]"`
}

// Rules bounds the texts of Stop.
func (r Rollout) Rules() error { return config.At("stop", r.Stop.Validate()) }

// Optimizer is AdamW; the learning rate is in the schedule, the clipping of
// the gradient with the algorithm.
type Optimizer struct {
	Beta1       float64 `yaml:"beta1" range:"[0, 1)"`
	Beta2       float64 `yaml:"beta2" range:"[0, 1)"`
	Eps         float64 `yaml:"eps" range:"[1e-16, 1]"`
	WeightDecay float64 `yaml:"weight_decay" range:"[0, 1000]"`
}

// Default returns the values that presets and files are laid over.
func Default() Config {
	return Config{
		Task: "colors", Data: task.DefaultOptions(), Child: "builtin:tiny", Parent: "builtin", Embedder: "builtin",
		LoRA:         LoRA{Targets: []string{hf.AllLinear}},
		ChatTemplate: ChatTemplate{Use: "auto"}, Chat: parent.DefaultChatOptions(), Embedding: embed.DefaultSettings(), CustomReward: custom.DefaultSettings(), Judge: judge.DefaultSettings(), Answer: task.DefaultAnswerOptions(),
		Algorithm: "ppo", Options: tuned(rl.DefaultOptions()),
		Rollout: Rollout{PromptsPerStep: 32, SamplesPerPrompt: 4, Temperature: 1},
		Replay:  replayed(rl.DefaultReplay()), Preference: rl.DefaultPreference(),
		Optimizer: Optimizer{Beta1: 0.9, Beta2: 0.999, Eps: 1e-8},
		Schedule:  rl.Schedule{Kind: "constant", LR: 3e-4},
		Episodes:  96000, Seed: 1, EvalEvery: 50, EvalPrompts: 200, MeasureKL: true, CheckpointEvery: 100, KeepCheckpoints: 2,
		Best: Best{Mode: "max", Child: "last"}, EarlyStopping: EarlyStopping{Mode: "max"},
		LogSamples: 8, MaxFailureShare: 0.5, Look: "auto",
	}
}

// tuned changes the published defaults of PPO and GRPO to what the search found for small
// children and rewards of at most 1 (docs/experiments.md).
func tuned(o rl.Options) rl.Options {
	o.PPO.NumPPOEpochs = 1
	o.PPO.Whiten = "none"    // dividing by the deviation amplifies noise once rewards are nearly equal
	o.PPO.CliprangeValue = 0 // a small value head has far to go at the start
	o.PPO.KL.Coef = 0.015
	// Divided by the deviation of their group, answers that are all wrong and hardly differ teach as much
	// as a right one among wrong ones does; and without a KL GRPO ends on one answer for all prompts.
	o.GRPO.ScaleRewards = "none"
	o.GRPO.Beta = o.PPO.KL.Coef
	return o
}

// replayed turns on the replay of hits, which multiplies what a rare one teaches, with
// every reward (docs/experiments.md).
func replayed(o rl.ReplayOptions) rl.ReplayOptions {
	o.PerPrompt = 2
	return o
}

// presets are the named configurations, each a change of Default; lora says
// whether adapters are trained. There is one for each kind of task and one for
// pretrained children, never one for a task or a reward.
var presets = map[string]func(c *Config, lora bool){
	// one word as answer; found by the search in docs/experiments.md
	"lexical": func(*Config, bool) {},
	// a sentence as answer: more tokens, longer updates, and fewer episodes needed
	"sentence": func(c *Config, _ bool) {
		c.Episodes = 19200
		c.Schedule.LR = 4e-4
	},
	// a real language model: small steps, which keep what it knows, and few of them
	"pretrained": func(c *Config, lora bool) {
		c.Schedule.LR = 4e-5
		if lora {
			c.Schedule.LR = 3e-4
		}
		c.Schedule.Warmup = 15 // else the first steps, before Adam knows the size of a gradient, cost more language than they teach
		// Many small updates, each in one minibatch, which makes use of the rollout's forward pass;
		// few prompts with many answers each, as a prompt costs more than an answer.
		c.Rollout.PromptsPerStep, c.Rollout.SamplesPerPrompt = 8, 8
		// A value head has no time to learn in so few updates: its error swamps the advantage.
		c.Options.PPO.Baseline = "group"
		// Sure of its first good answer the child would find no better one, nor how to end it.
		o := &c.Options
		for _, entropy := range []*rl.EntropyOptions{&o.PPO.Entropy, &o.GRPO.Entropy, &o.RLOO.Entropy} {
			entropy.Coef, entropy.Target, entropy.Min, entropy.Max = 0.003, 0.4, 0.001, 0.02
		}
		o.RLOO.Beta = o.PPO.KL.Coef       // in the reward, as with PPO: more outweighs what an answer earns by ending
		c.Rollout.MissingEOSPenalty = 0.3 // an answer that does not end is as good as one that does, to an embedder
		c.Episodes = 8000
		c.EvalEvery, c.CheckpointEvery = 20, 50
	},
	// what the notebooks of the paper do (docs/algorithms/paper.md)
	"paper": func(c *Config, _ bool) {
		c.Reward.Name = "pgsrm-paper"
		c.Answer.Normalize = "off"
		c.Algorithm = "paper"
		c.Replay.PerPrompt = 0
		c.Rollout = Rollout{PromptsPerStep: 50, SamplesPerPrompt: 1, Temperature: 1, TopK: 50}
		c.Optimizer.WeightDecay = 0.01
		c.Schedule = rl.Schedule{Kind: "constant", LR: 1e-5}
		c.Episodes = 100000
	},
}

// Matcher is what counts as an answer: nil for a built-in child whose responses are
// taken as they are, whose measures are then one and the same.
func (c *Config) Matcher() *task.Matcher {
	if Builtin(c.Child) && c.Answer.Normalize != "on" && !c.Answer.Extracts() {
		return nil
	}
	return c.Answer.Matcher()
}

// ArmName is the name of the arm of a comparison that a run belongs to.
func (c *Config) ArmName() string { return cmp.Or(c.Arm, c.Reward.Name) }

// EpisodesPerStep is the number of samples of one step, N = P*G.
func (c *Config) EpisodesPerStep() int {
	return c.Rollout.PromptsPerStep * c.Rollout.SamplesPerPrompt
}

// Steps is the number of steps of the whole run.
func (c *Config) Steps() int {
	n := c.EpisodesPerStep()
	return (c.Episodes + n - 1) / n
}
