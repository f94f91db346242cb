package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

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

The command fails with exit code 5 if any prompt has no answer.

EXAMPLES
  pgsrm parent --task opposites
  pgsrm parent --task prompts.jsonl --parent file:answers.csv --json > answers.jsonl
` + exitStatusHelp,
		RunE: func(cmd *cobra.Command, _ []string) error { return runParent(cmd.Context(), o, g) },
	}
	o.AddFlags(cmd.Flags())
	return cmd
}

// parentOptions are the flags of parent.
type parentOptions struct {
	sourceOptions
}

// AddFlags adds the flags of parent.
func (o *parentOptions) AddFlags(f *pflag.FlagSet) {
	o.addTask(f)
	o.addParent(f)
}

// parentBatch is how many prompts are asked between two writes.
const parentBatch = 64

// parentLine is a line of parent --json.
type parentLine struct {
	ID     string  `json:"id"`
	Prompt string  `json:"prompt"`
	Answer *string `json:"answer,omitempty"`
	Error  string  `json:"error,omitempty"`
}

func runParent(ctx context.Context, o parentOptions, g *globalOptions) error {
	t, err := o.openTask()
	if err != nil {
		return err
	}
	p, err := parent.Open(o.Parent, t, parent.Options{})
	if err != nil {
		return inputError(err)
	}
	w := bufio.NewWriter(g.Stdout)
	var failed, references, agree int
	var first error
	for lo := 0; lo < len(t.Items); lo += parentBatch {
		items := t.Items[lo:min(lo+parentBatch, len(t.Items))]
		results := p.Answers(ctx, items)
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := failures(results)
		if failed += n; first == nil {
			first = err
		}
		for i, r := range results {
			if err := writeAnswer(w, g.JSON, items[i], r); err != nil {
				return err
			}
			if it := items[i]; it.Reference != "" && r.Err == nil {
				references++
				if task.Exact(r.Answer, it.Reference, it.Accepted) {
					agree++
				}
			}
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	g.Log.Info("answers", "parent", p.Identity(), "answered", len(t.Items)-failed, "of", len(t.Items),
		"agree", fmt.Sprintf("%d of %d references", agree, references))
	if failed > 0 {
		return fmt.Errorf("%w: %d of %d prompts have no answer: %w", run.ErrUnavailable, failed, len(t.Items), first)
	}
	return nil
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
