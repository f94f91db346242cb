package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pgsrm/config"
	"pgsrm/eval"
	"pgsrm/hf"
	"pgsrm/lm"
	"pgsrm/run"
	"pgsrm/task"
)

// newEvalCommand measures a child.
func newEvalCommand(g *globalOptions) *cobra.Command {
	var o evalOptions
	cmd := &cobra.Command{
		Use:   "eval [CHILD [CHILD]]",
		Short: "Measure the answers of one child or two side by side, or perplexity on a text",
		Long: `The eval command lets the child answer the prompts of a split greedily and measures
the answers against the references of the task, or the parent's where it has none:
exact match, mean cosine of the vectors, chrF, distinct words and word pairs, length.

Two children are measured on the same prompts: each is prompted as it was trained, and
what counts as an answer is the same for both. Beside their measures stands what the
second has more than the first, with its paired 95% interval, and at how many prompts it
is better, as good and worse.

With --samples N it also draws N answers to each prompt at temperature 1 and prints pass@k,
the chance that one of k answers is right, for k = 1, 2, 4, ... and N.

With --out each answer is a JSON line of a file: {"child","id","split","prompt",
"reference","response","exact_match","exact_match_normalized","cosine","chrf","finish"}.

With --text it measures the perplexity of a text file instead: exp of minus the mean
natural log-probability of its tokens. The text is encoded as a whole and read in
windows of --context tokens, each --stride tokens after the one before. Every token but the
first is counted once, in the first window that holds it, so it has at least
context - stride tokens before it (in the first window all those there are).

EXAMPLES
  pgsrm eval --task colors --split train
  pgsrm eval --child runs/colors/child --task colors --json
  pgsrm eval --child runs/colors/child --task colors --out answers.jsonl
  pgsrm eval builtin:tiny runs/colors/child --task colors --split train
  pgsrm eval --child runs/colors/child --task colors --samples 16
  pgsrm eval --child ./gpt2 --text book.txt --stride 512
` + exitStatusHelp,
		Args: cobra.MaximumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Children = args
			return runEval(cmd.Context(), o, g)
		},
	}
	o.AddFlags(cmd.Flags())
	return cmd
}

// evalOptions are the flags of eval.
type evalOptions struct {
	childOptions
	sourceOptions
	Children     []string // named without a flag: one, or two to be compared
	Split        string
	Out          string // file for the answers, "" = none
	Samples      int    // answers drawn to each prompt for pass@k, 0 = none
	Seed         uint64 // of the intervals and of the samples
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
	f.StringVar(&o.Out, "out", "", "file for the answers, one JSON line each")
	f.IntVar(&o.Samples, "samples", 0, "answers that are also drawn to each prompt, for pass@k (0 = none)")
	f.Uint64Var(&o.Seed, "seed", 1, "with two children: seed of the intervals; with --samples: of the draws")
	f.StringVar(&o.Text, "text", "", "measure the perplexity of this file instead")
	f.IntVar(&o.Context, "context", 0, "with --text: tokens in a window (0 = the child's context)")
	f.IntVar(&o.Stride, "stride", 0, "with --text: tokens from window to window (0 = half a window)")
}

// validate refuses flags that do nothing together.
func (o *evalOptions) validate() error {
	switch {
	case len(o.Children) > 0 && o.given("child"):
		return inputErrorf("--child: must not be used beside children without a flag (got %q)", o.Children)
	case o.Text != "" && len(o.Children) > 1:
		return inputErrorf("--text: must be used with one child (got %q)", o.Children)
	case o.Text != "" && o.Out != "":
		return inputErrorf("--out: must not be used with --text")
	case o.Samples > 0 && (o.Text != "" || len(o.Children) > 1):
		return inputErrorf("--samples: must be used with one child and without --text")
	case len(o.Children) < 2 && o.Samples == 0 && o.given("seed"):
		return inputErrorf("--seed: must be used with two children or with --samples")
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
	if len(o.Children) == 0 {
		o.Children = []string{o.Child}
	}
	o.Child = o.Children[0]
	if o.Text != "" {
		return runPerplexity(ctx, o, g)
	}
	if o.Out != "" {
		if err := checkFileOut(o.Out); err != nil {
			return err
		}
	}
	t, err := o.openTask(ctx, g)
	if err != nil {
		return err
	}
	e, err := o.openEmbedder(g)
	if err != nil {
		return err
	}
	match, err := o.sharedMatcher(g)
	if err != nil {
		return err
	}
	known, err := o.items(ctx, t, g)
	if err != nil {
		return err
	}
	results := make([]eval.Measured, len(o.Children))
	var samples []eval.Answer
	for i, child := range o.Children {
		var answers []eval.Answer
		answers, samples, err = o.answers(ctx, child, t, known, match, g)
		if err != nil {
			return err
		}
		if results[i], err = eval.MeasureEach(ctx, answers, e, match); err != nil {
			return fmt.Errorf("%w: %w", run.ErrUnavailable, err)
		}
	}
	if o.Out != "" {
		if err := writeEvalAnswers(o.Out, o.Children, results); err != nil {
			return err
		}
	}
	if len(results) == 2 {
		return comparePair(g, o.Children, results, o.Seed)
	}
	out := evaluation{Result: results[0].Result}
	if o.Samples > 0 {
		out.PassAtK = eval.PassAtK(samples, o.Samples, match)
	}
	if g.JSON {
		return g.printJSON(out)
	}
	return printEvaluation(g, out)
}

// evaluation is the output of eval --json for one child.
type evaluation struct {
	eval.Result
	PassAtK []eval.Pass `json:"pass_at_k,omitempty"`
}

// items are the prompts of the split that have a reference, not answered yet.
func (o *evalOptions) items(ctx context.Context, t *task.Task, g *globalOptions) ([]eval.Answer, error) {
	split := task.Split(o.Split)
	if o.Split == "" {
		split = task.HeldOut
	}
	known, err := o.withReference(ctx, t, t.Select(split), g)
	if err == nil && len(known) == 0 {
		err = inputErrorf("task: %s must have a %s prompt with a reference", t.Name, split)
	}
	return known, err
}

// sharedMatcher says what counts as an answer of all children. Where one of two
// remembers it otherwise than the other, which must not have a say in it.
func (o *evalOptions) sharedMatcher(g *globalOptions) (*task.Matcher, error) {
	first, err := o.resolveAnswer(o.Children[0], g)
	if err != nil {
		return nil, err
	}
	if len(o.Children) == 1 {
		return first.Matcher(), nil
	}
	second, err := o.resolveAnswer(o.Children[1], g)
	if err != nil {
		return nil, err
	}
	key, a, b := config.Difference(first.Answer, second.Answer)
	switch {
	case key == "" || first.Remembered("answer.") == "":
		return second.Matcher(), nil
	case second.Remembered("answer.") == "":
		return first.Matcher(), nil
	}
	return nil, inputErrorf("answer.%s: must be the same for both children, which remember %s and %s: decide by --set answer.%s=...", key, a, b, key)
}

// answers lets a child answer the items greedily, and draws the samples that were asked
// for. [P], [P*Samples]
func (o *evalOptions) answers(ctx context.Context, child string, t *task.Task, items []eval.Answer, match *task.Matcher, g *globalOptions) (greedy, samples []eval.Answer, err error) {
	c := o.childOptions
	c.Child = child
	m, err := c.open(g)
	if err != nil {
		return nil, nil, err
	}
	defer m.Pool.Close()
	input, err := c.prompter(m)
	if err != nil {
		return nil, nil, err
	}
	prompts, err := promptTokens(input, items)
	if err != nil {
		return nil, nil, err
	}
	n := c.limit(m, o.MaxNewTokens, c.answerLimit(t, items, match, input, m.Config.Room(prompts), g))
	greedy = slices.Clone(items)
	if err := greedyAnswers(ctx, m, prompts, greedy, n, c.stops(m, o.Stop)); err != nil {
		return nil, nil, err
	}
	samples, err = o.sampleAnswers(ctx, m, prompts, items, n, c.stops(m, o.Stop))
	return greedy, samples, err
}

// sampleAnswers draws answers to the prompts from the child's own distribution. Each has
// random numbers of its own. [P*Samples]
func (o *evalOptions) sampleAnswers(ctx context.Context, m *hf.Model, prompts [][]int32, items []eval.Answer, maxNewTokens int, stop hf.Stop) ([]eval.Answer, error) {
	var out []eval.Answer
	state := m.NewState(false)
	opt := lm.SampleOptions{Temperature: 1, TopP: 1, MaxNewTokens: maxNewTokens, Stop: m.Ends(stop)}
	for p, prompt := range prompts {
		for from := 0; from < o.Samples; from += generateBatch {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			state.Reset()
			gens, err := m.Generate(state, [][]int32{prompt}, min(generateBatch, o.Samples-from), opt,
				func(_, k int) *rand.Rand { return run.SampleStream(o.Seed, p, from+k) })
			if err != nil {
				return nil, err
			}
			for _, gen := range gens {
				a := items[p]
				a.Response, a.Finish = m.Answer(gen.Tokens, stop), gen.Finish
				out = append(out, a)
			}
		}
	}
	return out, nil
}

// answerLimit is the longest answer to measure where no flag says it: as in a run
// whose parent gives the references of the task, or those that are known.
func (o *childOptions) answerLimit(t *task.Task, known []eval.Answer, match *task.Matcher, input *hf.Prompter, room int, g *globalOptions) int {
	references := map[string]string{}
	for _, it := range t.Items {
		references[it.ID] = it.Reference
	}
	for _, a := range known {
		references[a.Item.ID] = a.Reference
	}
	n, why := run.AnswerLimit(o.Child, t, references, match, input, room)
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
		if prompts[i], err = input.Item(a.Item); err != nil {
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
		answers[i].Response, answers[i].Finish = m.Answer(gen.Tokens, stop), gen.Finish
	}
	return nil
}

// printEvaluation prints the measures as a table.
func printEvaluation(g *globalOptions, r evaluation) error {
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
	for _, p := range r.PassAtK {
		right := p.ExactMatch
		if p.Normalized != nil {
			right = *p.Normalized
		}
		fmt.Fprintf(w, "pass@%d\t%.1f%%\n", p.K, 100*right)
	}
	return w.Flush()
}
