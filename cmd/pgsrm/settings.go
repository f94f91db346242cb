package main

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/spf13/pflag"

	"pgsrm/config"
	"pgsrm/run"
	"pgsrm/task"
)

// configOptions are the flags of the commands that train: the configuration
// file, --set, and a flag of its own for each of the commonest keys.
type configOptions struct {
	File  string
	Set   []string
	flags *pflag.FlagSet
	keys  []configFlag

	told bool // what the child remembers was logged
}

// configFlag is a flag that sets one key of the configuration.
type configFlag struct {
	name, key, help string
}

// configFlags are the flags of train; compare leaves out those that it decides.
var configFlags = []configFlag{
	{"task", "task", "colors, opposites, categories, copy, sentiment, a file (JSONL, JSON, CSV, TSV, Parquet, also .gz or .zst), hf:datasets/ORG/NAME, - or several as NAME=WEIGHT,... (default colors)"},
	{"map", "data.map", "make a field of a column, FIELD=COLUMN or FIELD='text with {COLUMN}', as in prompt=question,reference=answer; may be given again"},
	{"held-out", "data.held_out", "share of the prompts whose row names no split that is held out (default 0.2)"},
	{"split-seed", "data.split_seed", "another choice of these (default 0: the same for all runs)"},
	{"limit", "data.limit", "rows of the task that are read at most (default 0: all)"},
	{"reward", "reward", "pgsrm, pgsrm-1, pgsrm-paper, binary, an arm such as maxrl, or an expression such as 'exact + 0.3*centered(no_clip)'"},
	{"algorithm", "algorithm", "ppo, grpo, rloo, paper, raft, sft, gkd or none (default ppo)"},
	{"preset", "preset", "lexical, sentence, pretrained or paper (default: by the child and the kind of the task)"},
	{"child", "child", "model to train: builtin:tiny, a GGUF file, a folder or hf:ORG/NAME (default builtin:tiny)"},
	{"chat-template", "chat_template.use", "prompts through the chat template of the folder: auto (where it has one), on or off (default auto)"},
	{"chat-system", "chat_template.system", "text of a system message before every prompt"},
	{"chat-date", "chat_template.date", "today's date for a chat template that asks for it, YYYY-MM-DD"},
	{"chat-variables", "chat_template.variables", `JSON object of further variables of the chat template, such as '{"enable_thinking":false}'`},
	{"lora-rank", "lora.rank", "train low-rank adapters of this rank instead of all weights (default 0: all weights)"},
	{"lora-alpha", "lora.alpha", "the adapters count alpha/rank times (default: twice the rank)"},
	{"lora-targets", "lora.targets", "modules with adapters, by comma: c_attn, q_proj, ... or all-linear (default all-linear)"},
	{"parent", "parent", "source of the reference answers: builtin, file:PATH, openai:MODEL@URL, a model folder, a GGUF file or hf:ORG/NAME (default builtin)"},
	{"embedder", "embedder", "source of the vectors (default builtin)"},
	{"seed", "seed", "of all random numbers (default 1)"},
	{"max-new-tokens", "rollout.max_new_tokens", "longest answer, its end token included (default 0: the task's, or by the references for a child that is not built in)"},
	{"stop", "rollout.stop", "end an answer before this text, in training and evaluation; may be given again"},
	{"lr", "schedule.lr", "peak learning rate (default: by the preset)"},
	{"episodes", "episodes", "answers sampled in the whole run (default: by the preset)"},
	{"look", "look", "look at the child before it is trained: auto (unless it is built in), on or off (default auto)"},
	{"recompute", "recompute", "compute activations again instead of keeping them: less memory, the same results"},
	{"out", "out", "run directory"},
}

// AddFlags adds the flags, without those named in except.
func (o *configOptions) AddFlags(f *pflag.FlagSet, except ...string) {
	o.flags = f
	f.StringVar(&o.File, "config", "", "configuration `file` in YAML, or - for standard input, see docs/configuration.md")
	f.StringArrayVar(&o.Set, "set", nil, "set a key of the configuration, as in --set rollout.temperature=0.7")
next:
	for _, c := range configFlags {
		for _, name := range except {
			if c.name == name {
				continue next
			}
		}
		switch c.key {
		case "recompute":
			f.Bool(c.name, false, c.help)
		case "rollout.stop", "data.map":
			f.StringArray(c.name, nil, c.help)
		default:
			f.String(c.name, "", c.help)
		}
		o.keys = append(o.keys, c)
	}
}

// settings are the flags that were given, --set last.
func (o *configOptions) settings(g *globalOptions) ([]config.Setting, error) {
	var settings []config.Setting
	if o.flags.Changed("threads") {
		settings = append(settings, config.Setting{From: "--threads", Key: "threads", Value: fmt.Sprint(g.Threads)})
	}
	for _, c := range o.keys {
		if f := o.flags.Lookup(c.name); f.Changed {
			settings = append(settings, config.Setting{From: "--" + c.name, Key: c.key, Value: settingOf(f)})
		}
	}
	for _, text := range o.Set {
		s, err := config.ParseSetting(text)
		if err != nil {
			return nil, err
		}
		settings = append(settings, s)
	}
	return settings, nil
}

// settingOf is the value of a flag as a setting: texts as a list in JSON, which YAML reads.
func settingOf(f *pflag.Flag) string {
	list, ok := f.Value.(pflag.SliceValue)
	if !ok {
		return f.Value.String()
	}
	text, err := json.Marshal(list.GetSlice())
	if err != nil {
		panic(err) // texts always are JSON
	}
	return string(text)
}

// only says that no flag but those named was given.
func (o *configOptions) only(names ...string) bool {
	ok := o.File == "" && len(o.Set) == 0
	for _, c := range o.keys {
		named := false
		for _, name := range names {
			named = named || c.name == name
		}
		ok = ok && (named || !o.flags.Changed(c.name))
	}
	return ok
}

// resolve makes the configuration, with the origin of every value, and further settings laid over all.
func (o *configOptions) resolve(g *globalOptions, further ...config.Setting) (*run.Resolved, error) {
	settings, err := o.settings(g)
	if err != nil {
		return nil, err
	}
	settings = append(settings, further...)
	file, err := g.readConfig(o.File)
	if err != nil {
		return nil, err
	}
	r, err := run.Resolve(file, settings)
	if err == nil && r.Remembered("") != "" && !o.told {
		o.told = true
		g.Log.Info(r.Remembered(""))
	}
	return r, err
}

// sayTask says of a training that was told no task which one it takes.
func (g *globalOptions) sayTask(r *run.Resolved) {
	if r.Origin("task").Layer == config.Default {
		g.Log.Info("no --task given: the default is taken", "task", r.Task)
	}
}

// configuredTask is the task of a configuration.
func (g *globalOptions) configuredTask(cfg run.Config) (*task.Task, error) {
	o := cfg.Data
	if cfg.Task == "-" {
		text, err := g.readTask()
		if err != nil {
			return nil, err
		}
		o.Stdin = bytes.NewReader(text)
	}
	t, err := task.Load(cfg.Task, o)
	if err == nil {
		g.warnOf(t)
	}
	return t, err
}

// readConfig reads a configuration file; standard input ("-") only once.
func (g *globalOptions) readConfig(path string) (config.File, error) {
	if path != "-" {
		return config.ReadFile(path, nil)
	}
	if g.stdinConfig == nil {
		f, err := config.ReadFile(path, g.Stdin)
		if err != nil {
			return f, err
		}
		g.stdinConfig = &f
	}
	return *g.stdinConfig, nil
}
