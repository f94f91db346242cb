package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pgsrm/config"
	"pgsrm/parent"
	"pgsrm/run"
	"pgsrm/task"
)

// newParentCommand asks the parent.
func newParentCommand(g *globalOptions) *cobra.Command {
	var o parentOptions
	cmd := &cobra.Command{
		Use:   "parent",
		Short: "Ask the parent about all prompts of a task and print its answers",
		Long: `The parent command asks the parent about every prompt of the task, before a run does,
and prints prompt and answer, separated by a tab. With --json it prints
{"id","prompt","answer"} for each, or {"id","prompt","error"}; that output is itself a
parent: file:PATH. How many answers agree with the references of the task is logged.

Answers of a server or a local model are kept in the cache, where a run with the same
--config finds them. What is to be asked is logged first: prompts, those that the cache
knows, an estimate of the tokens and, where chat.price_input and chat.price_output are
set, of the cost. With --estimate nothing is asked.

The command fails with exit code 5 if any prompt has no answer. It stops where more
than max_failure_share of a batch failed.

EXAMPLES
  pgsrm parent --task opposites
  pgsrm parent --task prompts.jsonl --parent file:answers.csv --json > answers.jsonl
  pgsrm parent --config run.yaml --estimate
  pgsrm parent --parent ./qwen2.5-0.5b-instruct --set chat.max_tokens=32
  pgsrm parent --parent openai:qwen3:4b@http://localhost:11434 --set chat.server.concurrency=2
` + exitStatusHelp,
		RunE: func(cmd *cobra.Command, _ []string) error { return runParent(cmd.Context(), &o, g) },
	}
	o.AddFlags(cmd.Flags())
	return cmd
}

// parentOptions are the flags of parent.
type parentOptions struct {
	configOptions
	Estimate bool
}

// AddFlags adds the flags of parent.
func (o *parentOptions) AddFlags(f *pflag.FlagSet) {
	o.configOptions.AddFlags(f, "reward", "algorithm", "preset", "child", "chat-template", "chat-system", "chat-date", "chat-variables",
		"embedder", "seed", "max-new-tokens", "stop", "lr", "episodes", "out")
	f.BoolVar(&o.Estimate, "estimate", false, "say what asking will take, and ask nothing")
}

// parentLine is a line of parent --json.
type parentLine struct {
	ID     string  `json:"id"`
	Prompt string  `json:"prompt"`
	Answer *string `json:"answer,omitempty"`
	Error  string  `json:"error,omitempty"`
}

func runParent(ctx context.Context, o *parentOptions, g *globalOptions) error {
	o.told = true // what the child remembers decides nothing here
	r, err := o.resolve(g)
	if err != nil {
		return err
	}
	if r.Origin("task").Layer == config.Default {
		return errNoTask("")
	}
	cfg := r.Config
	t, err := g.configuredTask(cfg)
	if err != nil {
		return inputError(err)
	}
	c, err := g.logCache()
	if err != nil {
		return err
	}
	p, err := parent.Open(cfg.Parent, t, parent.Options{Cache: c, Chat: &cfg.Chat, Threads: g.Threads, Warn: g.warn})
	if err != nil {
		return inputError(err)
	}
	plan, costly := parent.PlanOf(ctx, p, t.Items)
	if o.Estimate {
		return printPlan(g, plan)
	}
	if costly {
		g.Log.Info("to ask", "prompts", plan.Prompts, "requests", plan.Requests, "in the cache", plan.Known,
			"tokens about", plan.TokensSent+plan.TokensReceived, "cost about", fmt.Sprintf("%.4g", plan.Cost))
	}
	return askAndPrint(ctx, p, t, cfg.Matcher(), cfg.MaxFailureShare, g)
}

// askAndPrint prints the answers batch by batch, while it shows the progress.
func askAndPrint(ctx context.Context, p parent.Parent, t *task.Task, match *task.Matcher, maxFailed float64, g *globalOptions) error {
	w := bufio.NewWriter(g.Stdout)
	terminal := newProgress(g)
	progress := terminal.Run("")
	printed := 0
	results, err := parent.AskAll(ctx, p, t.Items, maxFailed, func(results []parent.Result) error {
		for ; printed < len(results); printed++ {
			if err := writeAnswer(w, g.JSON, t.Items[printed], results[printed]); err != nil {
				return err
			}
		}
		if counts, ok := parent.CountsOf(p); ok {
			if err := progress.Event(run.Asked{Done: printed, Of: len(t.Items), Counts: counts}); err != nil {
				return err
			}
		}
		return w.Flush()
	})
	terminal.Wait()
	failed, first := failures(results)
	g.Log.Info("answers", "parent", p.Identity(), "answered", len(results)-failed, "of", len(t.Items), "agree", agreement(t.Items, results, match))
	switch {
	case errors.Is(err, parent.ErrFailing):
		return fmt.Errorf("%w: %w", run.ErrUnavailable, err)
	case err != nil:
		return err
	case failed > 0:
		return fmt.Errorf("%w: %d of %d prompts have no answer: %w", run.ErrUnavailable, failed, len(t.Items), first)
	}
	return nil
}

// agreement says how many answers are a reference of the task.
func agreement(items []task.Item, results []parent.Result, match *task.Matcher) string {
	var references, agree int
	for i, r := range results {
		if it := items[i]; it.Reference != "" && r.Err == nil {
			references++
			if match.Agree(r.Answer, it.Reference, it.Accepted) {
				agree++
			}
		}
	}
	return fmt.Sprintf("%d of %d references", agree, references)
}

// printPlan prints what asking will take.
func printPlan(g *globalOptions, p parent.Plan) error {
	if g.JSON {
		return g.printJSON(p)
	}
	_, err := fmt.Fprintf(g.Stdout, "prompts            %d\nrequests           %d\n  in the cache     %d\ntokens sent        about %d\ntokens received    about %d\ncost               about %.4g, at most %.4g\n",
		p.Prompts, p.Requests, p.Known, p.TokensSent, p.TokensReceived, p.Cost, p.CostMost)
	return err
}

// writeAnswer prints one answer; a failed one is a line of JSON only.
func writeAnswer(w *bufio.Writer, asJSON bool, it task.Item, r parent.Result) error {
	if !asJSON {
		if r.Err != nil {
			return nil
		}
		_, err := fmt.Fprintf(w, "%s\t%s\n", strings.TrimSpace(it.Prompt), r.Answer)
		return err
	}
	line := parentLine{ID: it.ID, Prompt: it.Prompt}
	if r.Err != nil {
		line.Error = r.Err.Error()
	} else {
		line.Answer = &r.Answer
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(line)
}
