package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/pflag"

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
	Parent   string
	Embedder string
	File     string   // configuration whose section chat counts
	Set      []string // settings over it
}

// addTask adds the flag of the task.
func (o *sourceOptions) addTask(f *pflag.FlagSet) {
	f.StringVar(&o.Task, "task", "colors", "task: colors, opposites, categories, copy, sentiment, FILE.jsonl or FILE.csv")
}

// addParent adds the flag of the parent.
func (o *sourceOptions) addParent(f *pflag.FlagSet) {
	f.StringVar(&o.Parent, "parent", "builtin", "source of the reference answers: builtin, file:PATH, openai:MODEL@URL, a model folder or hf:ORG/NAME")
	f.StringVar(&o.File, "config", "", "configuration file whose section chat says how the parent is asked")
	f.StringArrayVar(&o.Set, "set", nil, "set a key of that section, as in --set chat.max_tokens=16")
}

// addEmbedder adds the flag of the embedder.
func (o *sourceOptions) addEmbedder(f *pflag.FlagSet) {
	f.StringVar(&o.Embedder, "embedder", "builtin", "source of the vectors: builtin, a model folder, hf:ORG/NAME or file:PATH")
}

// openTask loads the task.
func (o *sourceOptions) openTask() (*task.Task, error) {
	t, err := task.Load(o.Task)
	return t, inputError(err)
}

// openEmbedder opens the embedder.
func (o *sourceOptions) openEmbedder(g *globalOptions) (embed.Embedder, error) {
	c, err := g.logCache()
	if err != nil {
		return nil, err
	}
	e, err := embed.Open(o.Embedder, embed.Options{Cache: c})
	return e, inputError(err)
}

// askParent asks the parent about items of the task. [len(items)]
func (o *sourceOptions) askParent(ctx context.Context, t *task.Task, items []task.Item, g *globalOptions) ([]parent.Result, error) {
	c, err := g.logCache()
	if err != nil {
		return nil, err
	}
	chat, err := o.chat()
	if err != nil {
		return nil, err
	}
	p, err := parent.Open(o.Parent, t, parent.Options{Cache: c, Chat: chat, Threads: g.Threads, Warn: func(text string) { g.Log.Warn(text) }})
	if err != nil {
		return nil, inputError(err)
	}
	results := p.Answers(ctx, items)
	return results, ctx.Err()
}

// chat is how the parent is asked: the section chat of the configuration.
func (o *sourceOptions) chat() (*parent.ChatOptions, error) {
	var settings []run.Setting
	for _, text := range o.Set {
		s, err := run.ParseSetting(text)
		if err != nil {
			return nil, err
		}
		if !strings.HasPrefix(s.Key, "chat.") {
			return nil, inputErrorf("--set: must be a key of the section chat here (got %q)", s.Key)
		}
		settings = append(settings, s)
	}
	cfg, err := run.Load(o.File, settings)
	return &cfg.Chat, err
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

// rewardError gives an error of calibrating or probing its kind: the embedder's
// fault or the user's.
func rewardError(err error) error {
	if errors.Is(err, reward.ErrEmbedding) {
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
