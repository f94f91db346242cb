package main

import (
	"context"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pgsrm/eval"
	"pgsrm/hf"
	"pgsrm/run"
	"pgsrm/task"
)

// newEvalCommand measures a child.
func newEvalCommand(g *globalOptions) *cobra.Command {
	var o evalOptions
	cmd := &cobra.Command{
		Use:   "eval",
		Short: "Measure the answers of a child, or its perplexity on a text",
		Long: `The eval command lets the child answer the prompts of a split greedily and measures
the answers against the references of the task, or the parent's where it has none:
exact match, mean cosine of the vectors, chrF, distinct words and word pairs, length.

With --text it measures the perplexity of a text file instead: exp of minus the mean
natural log-probability of its tokens. The text is encoded as a whole and read in
windows of --context tokens, each --stride tokens after the one before. Every token but the
first is counted once, in the first window that holds it, so it has at least
context - stride tokens before it (in the first window all those there are).

EXAMPLES
  pgsrm eval --task colors --split train
  pgsrm eval --child runs/colors/child --task colors --json
  pgsrm eval --child ./gpt2 --text book.txt --stride 512
` + exitStatusHelp,
		RunE: func(cmd *cobra.Command, _ []string) error { return runEval(cmd.Context(), o, g) },
	}
	o.AddFlags(cmd.Flags())
	return cmd
}

// evalOptions are the flags of eval.
type evalOptions struct {
	childOptions
	sourceOptions
	Split        string
	MaxNewTokens int
	Stop         []string
	Text         string
	Context      int
	Stride       int
}

// AddFlags adds the flags of eval.
func (o *evalOptions) AddFlags(f *pflag.FlagSet) {
	o.childOptions.AddFlags(f)
	o.limited = true
	o.addTask(f)
	f.StringVar(&o.Split, "split", "", "prompts to answer: held-out or train (default held-out)")
	f.IntVar(&o.MaxNewTokens, "max-new-tokens", 0, "longest answer, its end token included (0 = the task's; for a child that is not built in by the references)")
	f.StringArrayVar(&o.Stop, "stop", nil, "end an answer before this text; may be given again")
	o.addParent(f)
	o.addEmbedder(f)
	f.StringVar(&o.Text, "text", "", "measure the perplexity of this file instead")
	f.IntVar(&o.Context, "context", 0, "with --text: tokens in a window (0 = the child's context)")
	f.IntVar(&o.Stride, "stride", 0, "with --text: tokens from window to window (0 = half a window)")
}

// validate refuses flags that do nothing together.
func (o *evalOptions) validate() error {
	switch {
	case o.Text != "" && o.Split != "":
		return inputErrorf("--split: must not be used with --text")
	case o.Text != "" && o.task != nil && o.task.Changed:
		return inputErrorf("--task: must not be used with --text")
	case o.Text != "" && o.MaxNewTokens != 0:
		return inputErrorf("--max-new-tokens: must not be used with --text")
	case o.Text != "" && o.Stop != nil:
		return inputErrorf("--stop: must not be used with --text")
	case o.Text == "" && (o.Context != 0 || o.Stride != 0):
		return inputErrorf("--context, --stride: must be used with --text")
	case o.Split != "" && o.Split != string(task.Train) && o.Split != string(task.HeldOut):
		return inputErrorf("--split: must be held-out or train (got %q)", o.Split)
	}
	return checkStops(o.Stop)
}

func runEval(ctx context.Context, o evalOptions, g *globalOptions) error {
	if err := o.validate(); err != nil {
		return err
	}
	if o.Text != "" {
		return runPerplexity(ctx, o, g)
	}
	t, err := o.openTask()
	if err != nil {
		return err
	}
	e, err := o.openEmbedder(g)
	if err != nil {
		return err
	}
	match, err := o.matcher(o.Child, g)
	if err != nil {
		return err
	}
	m, err := o.childOptions.open(g)
	if err != nil {
		return err
	}
	defer m.Pool.Close()
	split := task.Split(o.Split)
	if o.Split == "" {
		split = task.HeldOut
	}
	answers, err := o.answers(ctx, t, t.Select(split), m, g)
	if err != nil {
		return err
	}
	if len(answers) == 0 {
		return inputErrorf("task: %s must have a %s prompt with a reference", t.Name, split)
	}
	o.sayTask(g)
	res, err := eval.Measure(ctx, answers, e, match)
	if err != nil {
		return fmt.Errorf("%w: %w", run.ErrUnavailable, err)
	}
	if g.JSON {
		return g.printJSON(res)
	}
	return printEvaluation(g, res)
}

// answers lets the child answer those items that have a reference.
func (o *evalOptions) answers(ctx context.Context, t *task.Task, items []task.Item, m *hf.Model, g *globalOptions) ([]eval.Answer, error) {
	known, err := o.withReference(ctx, t, items, g)
	if err != nil {
		return nil, err
	}
	input, err := o.prompter(m)
	if err != nil {
		return nil, err
	}
	prompts, err := promptTokens(input, known)
	if err != nil {
		return nil, err
	}
	n := o.limit(m, o.MaxNewTokens, o.answerLimit(t, known, input, m.Config.Room(prompts), g))
	return known, greedyAnswers(ctx, m, prompts, known, n, o.stops(m, o.Stop))
}

// answerLimit is the longest answer to measure where no flag says it: as in a run
// whose parent gives the references of the task, or those that are known.
func (o *childOptions) answerLimit(t *task.Task, known []eval.Answer, input *hf.Prompter, room int, g *globalOptions) int {
	references := map[string]string{}
	for _, it := range t.Items {
		references[it.ID] = it.Reference
	}
	for _, a := range known {
		references[a.Item.ID] = a.Reference
	}
	n, why := run.AnswerLimit(o.Child, t, references, input, room)
	if why != "" {
		g.Log.Debug("longest answer", "tokens", n, "since", why)
	}
	return n
}

// withReference returns the items that have a reference in the task or an answer
// of the parent; the parent is asked only where the task lacks one.
func (o *sourceOptions) withReference(ctx context.Context, t *task.Task, items []task.Item, g *globalOptions) ([]eval.Answer, error) {
	var without []task.Item
	for _, it := range items {
		if it.Reference == "" {
			without = append(without, it)
		}
	}
	var answers map[string]string
	if len(without) > 0 {
		var err error
		if answers, err = o.parentAnswers(ctx, t, without, g); err != nil {
			return nil, err
		}
	}
	var out []eval.Answer
	for _, it := range items {
		if reference := truth(it, answers); reference != "" {
			out = append(out, eval.Answer{Item: it, Reference: reference})
		}
	}
	return out, nil
}

// promptTokens are the tokens of the prompts. [len(answers)]
func promptTokens(input *hf.Prompter, answers []eval.Answer) ([][]int32, error) {
	prompts := make([][]int32, len(answers))
	for i, a := range answers {
		var err error
		if prompts[i], err = input.Tokens(a.Item.Prompt); err != nil {
			return nil, inputErrorf("task: item %s: %w", a.Item.ID, err)
		}
	}
	return prompts, nil
}

// greedyAnswers fills in the child's greedy answers to the prompts.
func greedyAnswers(ctx context.Context, m *hf.Model, prompts [][]int32, answers []eval.Answer, maxNewTokens int, stop hf.Stop) error {
	for i, a := range answers {
		if err := m.Config.Fits(prompts[i], maxNewTokens); err != nil {
			return inputErrorf("task: item %s: %w", a.Item.ID, err)
		}
	}
	gens, err := m.Greedy(ctx, prompts, maxNewTokens, m.Ends(stop))
	if err != nil {
		return err
	}
	for i, gen := range gens {
		answers[i].Response = m.Answer(gen.Tokens, stop)
	}
	return nil
}

// printEvaluation prints the measures as a table.
func printEvaluation(g *globalOptions, r eval.Result) error {
	w := tabwriter.NewWriter(g.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "exact match\t%.1f%%\n", 100*r.ExactMatch)
	if r.Normalized != nil {
		fmt.Fprintf(w, "normalised\t%.1f%%\n", 100**r.Normalized)
	}
	fmt.Fprintf(w, "semantic\t%.3f\n", r.Semantic)
	fmt.Fprintf(w, "chrF\t%.3f\n", r.ChrF)
	fmt.Fprintf(w, "distinct words\t%.3f\n", r.Distinct1)
	fmt.Fprintf(w, "distinct pairs\t%.3f\n", r.Distinct2)
	fmt.Fprintf(w, "mean length\t%.1f words\n", r.MeanLength)
	fmt.Fprintf(w, "answers\t%d\n", r.N)
	if r.Failed > 0 {
		fmt.Fprintf(w, "without vector\t%d\n", r.Failed)
	}
	return w.Flush()
}
