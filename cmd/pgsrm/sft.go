package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pgsrm/eval"
	"pgsrm/hf"
	"pgsrm/rl"
	"pgsrm/run"
	"pgsrm/safetensors"
	"pgsrm/task"
)

// newSFTCommand tunes a child on given answers.
func newSFTCommand(g *globalOptions) *cobra.Command {
	o := defaultSFTOptions()
	cmd := &cobra.Command{
		Use:   "sft --out DIR",
		Short: "Tune a child on the parent's answers or on answers of your own",
		Long: `The sft command trains a child to give the parent's answers to the train prompts of a
task, by cross-entropy on the answer and its end token, not on the prompt. With --data
it learns from JSON lines {"prompt":"...","response":"..."} instead; a line with
"split":"held-out" is kept for measuring. The child is written as a Hugging Face
folder, with --lora-rank as a PEFT adapter folder. Exact match of greedy answers is
printed for both splits, before and after.

Checkpoints stand in DIR.checkpoints until the child is saved. Interrupted (Ctrl-C once)
or killed, the same command with --resume trains on, to the very bits of a training that
was left alone.

This is supervised tuning, the baseline that reinforcement learning is compared with.

EXAMPLES
  pgsrm sft --task colors --out children/colors-sft
  pgsrm sft --child ./gpt2 --task opposites --epochs 5 --lr 1e-4 --out children/opposites
  pgsrm sft --data answers.jsonl --out children/own --json
  pgsrm sft --child ./gpt2 --lora-rank 8 --lr 2e-3 --out adapters/colors
` + exitStatusHelp,
		RunE: func(cmd *cobra.Command, _ []string) error { return runSFT(cmd.Context(), o, g) },
	}
	o.AddFlags(cmd.Flags())
	return cmd
}

// sftOptions are the flags of sft.
type sftOptions struct {
	childOptions
	sourceOptions
	Examples     string
	Out          string
	Epochs       int
	MaxNewTokens int
	Seed         uint64
	DType        string
	LoRA         run.LoRA
	superviseOptions
}

// Without --epochs each answer is seen so often, and more where that makes too few
// updates: the embedded child needs some 400 for the 72 train prompts of colors. A
// real model knows the answers and learns their form (docs/experiments.md).
const (
	defaultEpochs    = 10
	defaultUpdates   = 500
	pretrainedEpochs = 3
)

// tuningRate is the peak learning rate without --lr.
func (o *sftOptions) tuningRate() float64 {
	if run.Builtin(o.Child) || o.LoRA.On() {
		return 5e-4
	}
	return 5e-5
}

// epochs is how often each answer is seen without --epochs.
func (o *sftOptions) epochs(updatesPerEpoch int) int {
	if !run.Builtin(o.Child) {
		return pretrainedEpochs
	}
	return max(defaultEpochs, (defaultUpdates+updatesPerEpoch-1)/updatesPerEpoch)
}

func defaultSFTOptions() sftOptions {
	return sftOptions{
		Seed: 1, DType: string(safetensors.F32), LoRA: run.LoRA{Targets: []string{hf.AllLinear}},
		superviseOptions: superviseOptions{Train: run.SupervisedConfig{
			Batch: 16, MaxGradNorm: 1, CheckpointEvery: 500, Schedule: rl.Schedule{Kind: "linear", Warmup: 10},
		}},
	}
}

// AddFlags adds the flags of sft.
func (o *sftOptions) AddFlags(f *pflag.FlagSet) {
	o.childOptions.AddFlags(f)
	o.addTask(f)
	o.addParent(f)
	f.StringVar(&o.Examples, "data", "", "learn from the answers of this file instead of a parent's (the formats of --task; - = standard input); nothing is held out unless --held-out or the rows say so")
	f.StringVar(&o.Out, "out", "", "folder for the tuned child (required)")
	f.IntVar(&o.Epochs, "epochs", o.Epochs, "times that each answer is seen (0 = 10, or more, for at least 500 updates; 3 for a child that is not built in)")
	f.IntVar(&o.Train.Batch, "batch", o.Train.Batch, "answers per update")
	f.Float64Var(&o.Train.Schedule.LR, "lr", o.Train.Schedule.LR, "peak learning rate; it falls to 0 in a line (0 = 5e-4; 5e-5 for all weights of a child that is not built in)")
	f.IntVar(&o.Train.Schedule.Warmup, "warmup", o.Train.Schedule.Warmup, "updates of rising learning rate")
	f.Float64Var(&o.Train.WeightDecay, "weight-decay", o.Train.WeightDecay, "of AdamW")
	f.IntVar(&o.MaxNewTokens, "max-new-tokens", 0, "longest answer measured, end token included (0 = the task's; for a child that is not built in by the references)")
	f.Uint64Var(&o.Seed, "seed", o.Seed, "seed of the order of the answers")
	f.StringVar(&o.DType, "dtype", o.DType, "number format of the saved weights: F32 or BF16")
	f.IntVar(&o.LoRA.Rank, "lora-rank", 0, "train low-rank adapters of this rank instead of all weights (0 = all weights)")
	f.Float64Var(&o.LoRA.Alpha, "lora-alpha", 0, "the adapters count alpha/rank times (0 = twice the rank)")
	f.StringSliceVar(&o.LoRA.Targets, "lora-targets", o.LoRA.Targets, "modules with adapters, by comma: c_attn, q_proj, ... or all-linear")
	o.superviseOptions.AddFlags(f)
}

// validate names the first flag that does not go with the others; checkBounds has
// seen to each by itself.
func (o *sftOptions) validate() error {
	switch {
	case o.LoRA.On() && dtypes[o.DType] != safetensors.F32:
		return inputErrorf("--dtype: must be F32 with --lora-rank (got %q)", o.DType)
	case o.Examples != "" && o.task != nil && o.task.Changed:
		return inputErrorf("--task: must not be used with --data")
	case o.LoRA.On() && len(o.LoRA.Targets) == 0:
		return inputErrorf("--lora-targets: must name at least one module (got none)")
	}
	return checkChildOut(o.Out, o.DType)
}

// sftOutput is the output of sft --json.
type sftOutput struct {
	Out        string     `json:"out"`
	Updates    int        `json:"updates"`
	Examples   int        `json:"examples"`
	ExactMatch sftChange  `json:"exact_match"`
	Normalized *sftChange `json:"exact_match_normalized,omitempty"` // see eval.Result
	Loss       float64    `json:"loss"`                             // nats per token of the answers, mean of the last updates
}

// sftChange is the exact match before and after the tuning.
type sftChange struct {
	Before sftMatch `json:"before"`
	After  sftMatch `json:"after"`
}

// sftMatch is the exact match of each split, null where it has no prompt.
type sftMatch struct {
	Train   *float64 `json:"train"`
	HeldOut *float64 `json:"held_out"`
}

func runSFT(ctx context.Context, o sftOptions, g *globalOptions) (err error) {
	if err := o.validate(); err != nil {
		return err
	}
	training, err := run.OpenSupervised(o.Out, o.Resume)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, training.Close()) }()
	t, answers, err := o.examples(ctx, g)
	if err != nil {
		return err
	}
	counted, err := o.resolveAnswer(o.Child, g)
	if err != nil {
		return err
	}
	match := counted.Matcher()
	m, err := o.childOptions.open(g)
	if err != nil {
		return err
	}
	defer m.Pool.Close()
	if err := o.LoRA.Prepare(m, o.Child, o.Seed); err != nil {
		return inputError(err)
	}
	input, err := o.prompter(m)
	if err != nil {
		return err
	}
	seqs, err := teachingSequences(m.Config, input, answers, match)
	if err != nil {
		return err
	}
	out := sftOutput{Out: o.Out, Examples: len(seqs)}
	prompts, err := promptTokens(input, answers)
	if err != nil {
		return err
	}
	n := o.MaxNewTokens
	if n == 0 {
		n = o.answerLimit(t, answers, match, input, m.Config.Room(prompts), g)
	}
	memory := run.NewMemory(o.template(m), n, nil, counted.Answer)
	if err := m.Remember(memory); err != nil {
		return inputError(err)
	}
	var normalized sftChange
	if out.ExactMatch.Before, normalized.Before, err = exactMatches(ctx, m, prompts, answers, n, match); err != nil {
		return err
	}
	perEpoch := (len(seqs) + o.Train.Batch - 1) / o.Train.Batch
	if o.Epochs == 0 {
		o.Epochs = o.epochs(perEpoch)
	}
	if o.Train.Schedule.LR == 0 {
		o.Train.Schedule.LR = o.tuningRate()
	}
	o.Train.Steps = o.Epochs * perEpoch
	out.Updates = o.Train.Steps
	o.Train.Child, o.Train.Data = o.Child, digestOf(run.DataDigest(seqs), fmt.Sprint(o.Seed))
	if m, out.Loss, err = supervise(ctx, training, m, o.Train, shuffledEpochs(seqs, o.Seed), g); err != nil {
		return err
	}
	if err := m.Remember(memory); err != nil { // m may be that of a checkpoint
		return inputError(err)
	}
	if out.ExactMatch.After, normalized.After, err = exactMatches(ctx, m, prompts, answers, n, match); err != nil {
		return err
	}
	if match != nil {
		out.Normalized = &normalized
	}
	m.Describe(out.card(o, t, g))
	if err := saveChild(m, o.Out, o.DType); err != nil {
		return err
	}
	if err := training.Finish(); err != nil {
		return err
	}
	return out.print(g)
}

// card is the model card of the tuned child.
func (s sftOutput) card(o sftOptions, t *task.Task, g *globalOptions) hf.Card {
	taught := filepath.Base(t.Name)
	c := g.card(run.ShortName(o.Child)+", tuned on answers of "+taught, o.Child)
	c.Tags = []string{"sft"}
	c.Made = [][]string{
		{"child", run.ShortName(o.Child)}, {"data", taught}, {"examples", fmt.Sprint(s.Examples)}, {"updates", fmt.Sprintf("%d of %d answers", s.Updates, o.Train.Batch)},
		{"learning rate", fmt.Sprint(o.Train.Schedule.LR)}, {"seed", fmt.Sprint(o.Seed)}, {"loss at the end", fmt.Sprintf("%.3f nats per token", s.Loss)},
	}
	c.Note = "Greedy answers, before and after. Exact match is strict; normalised it is without quotes, Markdown, final punctuation and articles."
	c.Results = [][]string{{"", "train, before", "train, after", "held-out, before", "held-out, after"}}
	row := func(name string, x sftChange) {
		c.Results = append(c.Results, []string{name, shareCell(x.Before.Train), shareCell(x.After.Train), shareCell(x.Before.HeldOut), shareCell(x.After.HeldOut)})
	}
	row("exact match", s.ExactMatch)
	if s.Normalized != nil {
		row("normalised", *s.Normalized)
	}
	return c
}

// exactMatches measures the child's greedy answers on both splits.
func exactMatches(ctx context.Context, m *hf.Model, prompts [][]int32, answers []eval.Answer, maxNewTokens int, match *task.Matcher) (strict, normalized sftMatch, err error) {
	answered := slices.Clone(answers)
	if err := greedyAnswers(ctx, m, prompts, answered, maxNewTokens, nil); err != nil {
		return strict, normalized, err
	}
	bySplit := map[task.Split][]eval.Answer{}
	for _, a := range answered {
		bySplit[a.Item.Split] = append(bySplit[a.Item.Split], a)
	}
	share := func(s task.Split) (strict, normalized *float64) {
		if len(bySplit[s]) == 0 {
			return nil, nil
		}
		x, normalized := eval.ExactMatch(bySplit[s], match)
		return &x, normalized
	}
	strict.Train, normalized.Train = share(task.Train)
	strict.HeldOut, normalized.HeldOut = share(task.HeldOut)
	return strict, normalized, nil
}

// print writes the result as JSON or as a table.
func (s sftOutput) print(g *globalOptions) error {
	if g.JSON {
		return g.printJSON(s)
	}
	fmt.Fprintf(g.Stdout, "%s: %d examples, %d updates, loss %.3f nats per token\n", s.Out, s.Examples, s.Updates, s.Loss)
	err := s.ExactMatch.print(g.Stdout, "exact match")
	if s.Normalized != nil {
		err = s.Normalized.print(g.Stdout, "normalised ")
	}
	return err
}

// print writes a line for each split that has prompts.
func (c sftChange) print(w io.Writer, what string) (err error) {
	for _, split := range []struct {
		name          string
		before, after *float64
	}{{"train", c.Before.Train, c.After.Train}, {"held-out", c.Before.HeldOut, c.After.HeldOut}} {
		if split.before != nil {
			_, err = fmt.Fprintf(w, "  %-9s %s %5.1f%% before, %5.1f%% after\n", split.name, what, 100**split.before, 100**split.after)
		}
	}
	return err
}
