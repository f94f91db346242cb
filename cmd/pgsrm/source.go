package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"pgsrm/config"
	"pgsrm/embed"
	"pgsrm/parent"
	"pgsrm/reward"
	"pgsrm/run"
	"pgsrm/task"
)

// sourceOptions are the flags of the commands that use a task, its parent and
// an embedder.
type sourceOptions struct {
	Task     string
	Data     task.Options
	task     *pflag.Flag // nil where the options do not come from a command line
	heldOut  *pflag.Flag // likewise
	Parent   string
	Embedder string
	File     string   // configuration whose sections in countedSections count
	Set      []string // settings over it
	lines    bool     // the command reads lines from standard input
}

// addTask adds the flag of the task.
func (o *sourceOptions) addTask(f *pflag.FlagSet) {
	f.StringVar(&o.Task, "task", "", "task: colors, opposites, categories, copy, sentiment, a file (JSONL, JSON, CSV, TSV, Parquet, also .gz or .zst), hf:datasets/ORG/NAME, - or several as NAME=WEIGHT,...")
	o.task = f.Lookup("task")
	o.Data = task.DefaultOptions()
	f.StringArrayVar(&o.Data.Map, "map", nil, "make a field of a column, FIELD=COLUMN or FIELD='text with {COLUMN}', as in prompt=question,reference=answer; may be given again")
	f.Float64Var(&o.Data.HeldOut, "held-out", o.Data.HeldOut, "share of the prompts whose row names no split that is held out")
	o.heldOut = f.Lookup("held-out")
	f.Uint64Var(&o.Data.SplitSeed, "split-seed", 0, "another choice of these (0 = the same for all runs)")
	f.IntVar(&o.Data.Limit, "limit", 0, "rows of the task that are read at most (0 = all)")
}

// addParent adds the flag of the parent.
func (o *sourceOptions) addParent(f *pflag.FlagSet) {
	f.StringVar(&o.Parent, "parent", "builtin", "source of the reference answers: builtin, file:PATH, openai:MODEL@URL, a model folder, a GGUF file or hf:ORG/NAME")
	o.addSections(f)
}

// addEmbedder adds the flag of the embedder.
func (o *sourceOptions) addEmbedder(f *pflag.FlagSet) {
	f.StringVar(&o.Embedder, "embedder", "builtin", "source of the vectors: builtin, a model folder, hf:ORG/NAME, file:PATH, openai:MODEL@URL, tei:URL, ollama:MODEL@URL, or random:DIM as a control")
	o.addSections(f)
}

// addSections adds the flags of the sections of a configuration that count, once.
func (o *sourceOptions) addSections(f *pflag.FlagSet) {
	if f.Lookup("config") != nil {
		return
	}
	f.StringVar(&o.File, "config", "", "configuration file whose sections chat, embedding, custom_reward and judge say how servers, models and functions are used, and answer what counts as an answer")
	f.StringArrayVar(&o.Set, "set", nil, "set a key of these sections, as in --set chat.max_tokens=16 or --set answer.normalize=on")
}

// openTask loads the task.
func (o *sourceOptions) openTask(ctx context.Context, g *globalOptions) (*task.Task, error) {
	if o.Task == "" {
		return nil, errNoTask("")
	}
	return o.loadTask(ctx, o.Task, o.Data, g)
}

// loadTask reads a task and logs what a user should know of it.
func (o *sourceOptions) loadTask(ctx context.Context, name string, data task.Options, g *globalOptions) (*task.Task, error) {
	if err := config.First(config.Check(data), data.Suits(name)); err != nil {
		return nil, config.At("data", err)
	}
	if name == "-" {
		if o.lines {
			return nil, inputErrorf("--task: must be a file here, as standard input holds the lines to read")
		}
		g.sayReading("prompts and answers")
		data.Stdin = interruptible(ctx, g.Stdin)
	}
	t, err := task.Load(name, data)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, inputError(err)
	}
	g.warnOf(t)
	return t, nil
}

// warnOf logs what a user should know of a task.
func (g *globalOptions) warnOf(t *task.Task) {
	for _, text := range t.Warnings {
		g.Log.Warn("task: " + text)
	}
}

// errNoTask asks for the task that is needed: what is measured depends on it.
func errNoTask(why string) error {
	return inputErrorf("--task: must be given%s: %s, a file or hf:datasets/ORG/NAME", why, strings.Join(task.Names(), ", "))
}

// openEmbedder opens the embedder.
func (o *sourceOptions) openEmbedder(g *globalOptions) (embed.Embedder, error) {
	c, err := g.logCache()
	if err != nil {
		return nil, err
	}
	cfg, err := o.sections(g)
	if err != nil {
		return nil, err
	}
	e, err := embed.Open(o.Embedder, embed.Options{Cache: c, Settings: &cfg.Embedding, Warn: g.warn})
	return e, inputError(err)
}

// warn logs what a source warns of.
func (g *globalOptions) warn(text string) { g.Log.Warn(text) }

// askParent asks the parent about items of the task. [len(items)]
func (o *sourceOptions) askParent(ctx context.Context, t *task.Task, items []task.Item, g *globalOptions) ([]parent.Result, error) {
	c, err := g.logCache()
	if err != nil {
		return nil, err
	}
	cfg, err := o.sections(g)
	if err != nil {
		return nil, err
	}
	p, err := parent.Open(o.Parent, t, parent.Options{Cache: c, Chat: &cfg.Chat, Threads: g.Threads, Warn: g.warn})
	if err != nil {
		return nil, inputError(err)
	}
	results := p.Answers(ctx, items)
	return results, ctx.Err()
}

// matcher says what counts as an answer of a child; "" = the child of the
// configuration file, or a built-in one.
func (o *sourceOptions) matcher(child string, g *globalOptions) (*task.Matcher, error) {
	r, err := o.resolveAnswer(child, g)
	if err != nil {
		return nil, err
	}
	return r.Matcher(), nil
}

// resolveAnswer is the configuration whose section answer counts for a child.
func (o *sourceOptions) resolveAnswer(child string, g *globalOptions) (*run.Resolved, error) {
	var settings []config.Setting
	if child != "" {
		settings = append(settings, config.Setting{From: "--child", Key: "child", Value: child})
	}
	r, err := o.sections(g, settings...)
	if err != nil {
		return nil, err
	}
	if text := r.Remembered("answer."); text != "" {
		g.Log.Info(text)
	}
	return r, nil
}

// countedSections are the sections of a configuration that count for commands that do
// not train.
var countedSections = []string{"answer", "chat", "embedding", "custom_reward", "judge"}

// sections is a configuration with further settings, of which those sections count.
func (o *sourceOptions) sections(g *globalOptions, settings ...config.Setting) (*run.Resolved, error) {
	if o.File == "-" && o.lines {
		return nil, inputErrorf("--config: must be a file here, as standard input holds the lines to read")
	}
	for _, text := range o.Set {
		s, err := config.ParseSetting(text)
		if err != nil {
			return nil, err
		}
		if section, _, ok := strings.Cut(s.Key, "."); !ok || !slices.Contains(countedSections, section) {
			return nil, inputErrorf("--set: must be a key of the section answer, chat, embedding, custom_reward or judge here (got %q)", s.Key)
		}
		settings = append(settings, s)
	}
	file, err := g.readConfig(o.File)
	if err != nil {
		return nil, err
	}
	return run.Resolve(file, settings)
}

// parentAnswers are the parent's answers to items of the task, by item id. Some
// may be missing, which is logged; it is an error where all are.
func (o *sourceOptions) parentAnswers(ctx context.Context, t *task.Task, items []task.Item, g *globalOptions) (map[string]string, error) {
	results, err := o.askParent(ctx, t, items, g)
	if err != nil {
		return nil, err
	}
	answers := make(map[string]string, len(items))
	for i, r := range results {
		if r.Err == nil {
			answers[items[i].ID] = r.Answer
		}
	}
	failed, first := failures(results)
	switch {
	case failed > 0 && failed == len(items):
		return nil, fmt.Errorf("%w: %w", run.ErrUnavailable, first)
	case failed > 0:
		g.Log.Warn("the parent has no answer to some prompts", "without", failed, "of", len(items), "first", first)
	}
	return answers, nil
}

// failures counts the failed answers; first is the error of the first of them.
func failures(results []parent.Result) (n int, first error) {
	for _, r := range results {
		if r.Err == nil {
			continue
		}
		if n++; n == 1 {
			first = r.Err
		}
	}
	return n, first
}

// rewardError gives an error of calibrating or probing its kind: the fault of the
// embedder, of a function of the user's own, or the user's.
func rewardError(err error) error {
	if errors.Is(err, reward.ErrEmbedding) || errors.Is(err, reward.ErrOwn) {
		return fmt.Errorf("%w: %w", run.ErrUnavailable, err)
	}
	return inputError(err)
}

// truth is what an answer to an item is compared with: the task's reference if
// there is one, else the parent's answer.
func truth(it task.Item, answers map[string]string) string {
	if it.Reference != "" {
		return it.Reference
	}
	return answers[it.ID]
}
