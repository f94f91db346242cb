package run

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"pgsrm/config"
	"pgsrm/parent"
	"pgsrm/task"
)

// Resolved is a configuration with the origin of its values.
type Resolved struct {
	Config
	layers *config.Layers
}

// DeriveOut names the run directory of a configuration that names none.
func (r *Resolved) DeriveOut(out string) {
	r.Out = out
	r.layers.Derive("out", "task, reward, algorithm and seed")
}

// Origin says where the value of a key came from.
func (r *Resolved) Origin(key string) config.Origin { return r.layers.Origin(key) }

// Load makes a Config from, each laid over the one before: the defaults, the
// preset, what the child remembers, the file at path ("" = none) and the settings. Its errors are ErrConfig
// and one line long.
func Load(path string, settings []config.Setting) (Config, error) {
	file, err := config.ReadFile(path, nil)
	if err != nil {
		return Config{}, err
	}
	r, err := Resolve(file, settings)
	if err != nil {
		return Config{}, err
	}
	return r.Config, nil
}

// Resolve is Load for a file that was read already.
func Resolve(file config.File, settings []config.Setting) (*Resolved, error) {
	settings = expandArm(settings)
	// a first pass finds what the preset follows from, the second one starts from the preset
	first, err := lay("", false, nil, file, settings)
	if err != nil {
		return nil, err
	}
	preset, from, err := presetOf(first.Config)
	if err != nil {
		return nil, first.layers.Place(err)
	}
	memory := remembered(first.Child)
	r, err := lay(cmp.Or(preset, string(task.Sentence)), first.LoRA.On(), memory, file, settings)
	if err != nil {
		return nil, err
	}
	r.forgetSystem()
	r.dropReplay()
	if r.Preset == "" {
		r.Preset = preset
		r.layers.Derive("preset", from)
	}
	if preset == "" {
		if err := r.leaveOpen(memory, file, settings); err != nil {
			return nil, err
		}
	}
	if err := config.First(r.Validate(), r.resolve(r.layers.Derive)); err != nil {
		return nil, r.layers.Place(err)
	}
	return r, nil
}

// dropReplay leaves out a replay that nobody asked for where the rest of the
// configuration allows none.
func (r *Resolved) dropReplay() {
	if r.Origin("replay.per_prompt").Layer == config.Default && r.checkReplay() != nil {
		r.Replay.PerPrompt = 0
		r.layers.Derive("replay.per_prompt", "algorithm or rollout, which allow no replay")
	}
}

// lay lays the preset ("" = none) for all weights or for adapters, what the child
// remembers, the file and the settings over the defaults.
func lay(preset string, lora bool, memory []config.Setting, file config.File, settings []config.Setting) (*Resolved, error) {
	r := &Resolved{Config: Default()}
	r.layers = config.Over(&r.Config)
	r.layers.Aliases = aliases
	if preset != "" {
		r.layers.Preset(preset, func() { presets[preset](&r.Config, lora) })
	}
	for _, s := range memory {
		if err := r.layers.Set(s); err != nil {
			return nil, err
		}
	}
	if err := r.layers.File(file); err != nil {
		return nil, err
	}
	for _, s := range settings {
		if err := r.layers.Set(s); err != nil {
			if s.Key == "reward" {
				err = NearArm(err, s.Value)
			}
			return nil, err
		}
	}
	return r, nil
}

// What a preset that was not named follows from.
const (
	byChild   = "the child, which is not a built-in one"
	byKind    = "the kind of the task"
	byAnswers = "the answers in the parent's file"
	byParent  = "the parent's answers, once they are known: lexical or sentence"
)

// presetOf is the preset that the configuration names, that of a child that is not
// built in, or that of the kind of its task; from says which. Where the task has no
// references its kind is that of the answers in the file of the parent. Another
// parent answers only once the run has begun: then it is "", still to be decided.
func presetOf(c Config) (preset, from string, err error) {
	if c.Preset != "" {
		return c.Preset, "", config.OneOf("preset", c.Preset, Presets()...)
	}
	if c.Task == stdinTask { // which is read once, by the run
		if !Builtin(c.Child) {
			return "pretrained", byChild, nil
		}
		return "", byParent, nil
	}
	t, err := task.Load(c.Task, c.Data)
	if err != nil {
		return "", "", atKey("task", err)
	}
	if !Builtin(c.Child) {
		return "pretrained", byChild, nil
	}
	if t.Kind != task.Unknown {
		return string(t.Kind), byKind, nil
	}
	if path, ok := strings.CutPrefix(c.Parent, "file:"); ok {
		f, err := parent.OpenFile(path)
		if err != nil {
			return "", "", config.At("parent", err)
		}
		var answers []string
		for _, r := range f.Answers(context.Background(), t.Items) {
			if r.Err == nil {
				answers = append(answers, r.Answer)
			}
		}
		if kind := task.KindOf(answers); kind != task.Unknown {
			return string(kind), byAnswers, nil
		}
	}
	return "", byParent, nil
}

// leaveOpen notes what the preset of each kind would set where nothing else does.
// Until the kind is known the values are those of sentences.
func (r *Resolved) leaveOpen(memory []config.Setting, file config.File, settings []config.Setting) error {
	words, err := lay(string(task.Lexical), r.LoRA.On(), memory, file, settings)
	if err != nil {
		return err
	}
	r.Undecided = map[task.Kind][]config.Setting{}
	sentences := config.Keys(&r.Config)
	for i, k := range config.Keys(&words.Config) {
		if s := sentences[i]; !k.Section && k.Text() != s.Text() {
			r.layers.Derive(k.Name, fmt.Sprintf("the preset: lexical %s, sentence %s", k.Text(), s.Text()))
			r.Undecided[task.Lexical] = append(r.Undecided[task.Lexical], config.Setting{From: "preset lexical", Key: k.Name, Value: k.Text()})
			r.Undecided[task.Sentence] = append(r.Undecided[task.Sentence], config.Setting{From: "preset sentence", Key: k.Name, Value: s.Text()})
		}
	}
	return nil
}

// Builtin says whether a child's name denotes one in the binary.
func Builtin(name string) bool { return strings.HasPrefix(name, "builtin:") }

// atKey is config.At for an error that may name the key itself.
func atKey(key string, err error) error {
	var e *config.Error
	if errors.As(err, &e) && e.Key == key {
		return e
	}
	return config.At(key, err)
}

// UnknownKey is the error for a key, given by what from says, that Config does not
// have.
func UnknownKey(from, key string) error {
	r := Resolved{Config: Default()}
	l := config.Over(&r.Config)
	l.Aliases = aliases
	e := config.UnknownKey(&r.Config, key)
	e.Flag, e.Hint = from, l.Nearest(key)
	return e
}

// OfPreset is the default configuration under the preset of that name, for all
// weights or for adapters.
func OfPreset(name string, lora bool) Config {
	c := Default()
	presets[name](&c, lora)
	return c
}

// Presets lists the names of the presets, sorted.
func Presets() []string {
	var names []string
	for name := range presets {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// check refuses values that no run can have and resolves the others, for a
// configuration that Load has not made.
func (c *Config) check() error {
	preset, _, err := presetOf(*c)
	if err == nil {
		c.Preset = preset // only its name: the values are the caller's
		err = config.First(c.Validate(), c.resolve(func(string, string) {}))
	}
	if err != nil {
		return config.Bad(err)
	}
	return nil
}

// resolve fills in what follows from other values, so that config.yaml is complete, and
// reports each to derived.
func (c *Config) resolve(derived func(key, from string)) error {
	if c.LoRA.On() && c.LoRA.Alpha == 0 {
		c.LoRA.Alpha = c.LoRA.alpha()
		derived("lora.alpha", "lora.rank")
	}
	if c.Answer.Normalize == "auto" {
		c.Answer.Normalize = map[bool]string{true: "off", false: "on"}[Builtin(c.Child)]
		derived("answer.normalize", "child")
	}
	switch {
	case len(c.Reward.Terms) > 0:
		derived("reward.formula", "reward.terms")
	case c.Reward.Formula == "":
		derived("reward.formula", "reward.name")
	}
	if err := c.Reward.Resolve(); err != nil {
		return config.At("reward", err)
	}
	return nil
}

// marshal is the text of config.yaml.
func (c *Config) marshal() ([]byte, error) { return yaml.Marshal(c) }
