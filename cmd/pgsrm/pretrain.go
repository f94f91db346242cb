package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pgsrm/corpus"
	"pgsrm/hf"
	"pgsrm/kernel"
	"pgsrm/lm"
	"pgsrm/rl"
	"pgsrm/run"
	"pgsrm/study"
)

// endOfText is the token that ends every document of a child of ours.
const endOfText = "<|endoftext|>"

// ofRecipe is the base rate that leaves each task its own.
const ofRecipe = -1

// pretrainOptions are the flags of the pretrain command.
type pretrainOptions struct {
	Out      string
	Text     string // file of the user's own text; empty = the generated corpus
	Embedder string // similarity of wrong answers in the generated corpus
	Corpus   corpus.Options
	BaseRate float64
	Right    float64 // see study.Child; 0 = pretrain

	Init string // child to start from; empty = random weights and a new vocabulary

	Layers, Width, Heads, Vocab, Positions int
	superviseOptions
	DType string
}

func defaultPretrainOptions() pretrainOptions {
	return pretrainOptions{
		Embedder: "builtin", Corpus: corpus.DefaultOptions(), BaseRate: ofRecipe,
		Layers: 4, Width: 128, Heads: 4, Vocab: 2000, Positions: 128,
		superviseOptions: superviseOptions{Train: run.SupervisedConfig{
			Steps: 3000, Batch: 64, MaxGradNorm: 1, WeightDecay: 0.01, CheckpointEvery: 500,
			Schedule: rl.Schedule{Kind: "cosine", LR: 2e-3, Warmup: 100, Final: 0.05},
		}},
		DType: "BF16",
	}
}

// AddFlags adds the command's flags.
func (o *pretrainOptions) AddFlags(f *pflag.FlagSet) {
	f.StringVar(&o.Out, "out", o.Out, "folder for the child (required)")
	f.StringVar(&o.Text, "text", o.Text, "train on this file, or the *.txt and *.jsonl files of this folder, instead of the generated corpus")
	f.StringVar(&o.Init, "init", o.Init, "start from this child instead of random weights; its size and vocabulary stay")
	f.StringVar(&o.Embedder, "embedder", o.Embedder, "embedder that says which wrong answers are related")
	f.Uint64Var(&o.Corpus.Seed, "seed", o.Corpus.Seed, "seed of corpus and weights")
	f.Float64Var(&o.BaseRate, "base-rate", o.BaseRate, "share of right answers in the corpus, all tasks (-1 = the recipe's)")
	f.Float64Var(&o.Right, "right", 0, "make of --init a child that is right in this share of its samples on every built-in task, and else answers as before (0 = pretrain)")
	f.Float64Var(&o.Corpus.Facts, "facts", o.Corpus.Facts, "share of plain sentences that state a relation of a task truly")
	f.Float64Var(&o.Corpus.Temperature, "answer-temperature", o.Corpus.Temperature, "softmax temperature over the similarity of wrong answers")
	f.IntVar(&o.Layers, "layers", o.Layers, "layers")
	f.IntVar(&o.Width, "width", o.Width, "width of the residual stream")
	f.IntVar(&o.Heads, "heads", o.Heads, "attention heads")
	f.IntVar(&o.Vocab, "vocab", o.Vocab, "size of the byte-level BPE vocabulary")
	f.IntVar(&o.Positions, "positions", o.Positions, "longest context")
	f.IntVar(&o.Train.Steps, "steps", o.Train.Steps, "updates")
	f.IntVar(&o.Train.Batch, "batch", o.Train.Batch, "documents per update")
	f.Float64Var(&o.Train.Schedule.LR, "lr", o.Train.Schedule.LR, "peak learning rate")
	f.StringVar(&o.DType, "dtype", o.DType, "number format of the saved weights: F32 or BF16")
	o.superviseOptions.AddFlags(f)
}

// newPretrainCommand makes a child from nothing.
func newPretrainCommand(g *globalOptions) *cobra.Command {
	o := defaultPretrainOptions()
	cmd := &cobra.Command{
		Use:   "pretrain --out DIR",
		Short: "Pretrain a small child on generated or own text",
		Long: `The pretrain command trains a byte-level BPE vocabulary and a small GPT-2 from
nothing and writes them as a Hugging Face folder. Without --text it learns from the
generated corpus: sentences about the domains of the tasks, and prompts with answers
that are related to the right one but seldom right (--base-rate). The embedded child
builtin:tiny was made by this command with its defaults.

With --right it makes of --init (default builtin:tiny) a child that answers as that one
does but for how often it is right, the same on all five tasks: 300 updates unless --steps
says otherwise, which begin anew where they were interrupted.

With --text it learns from text of your own: a document a line, or in a .jsonl file an
object a line with the field text, in which a document may have several lines. A
folder stands for all *.txt and *.jsonl files in it. A document that is longer than the
context is cut into pieces; none of it is left out. The pieces come in a new order each
time. An update takes --batch of them. pgsrm eval --text measures the perplexity.

Checkpoints stand in DIR.checkpoints until the child is saved. Interrupted (Ctrl-C once)
or killed, the same command with --resume trains on, to the very bits of a training that
was left alone.

EXAMPLES
  pgsrm pretrain --out children/tiny
  pgsrm pretrain --out children/rate-0.3 --base-rate 0.003
  pgsrm pretrain --out children/rate-5 --init children/tiny --base-rate 0.05 --steps 300 --lr 5e-4
  pgsrm pretrain --out children/rate-0.05 --right 0.0005
  pgsrm pretrain --out children/own --text corpus.txt --layers 6 --width 256 --heads 8 --vocab 4000
` + exitStatusHelp,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runPretrain(cmd.Context(), o, g) },
	}
	o.AddFlags(cmd.Flags())
	return cmd
}

// maxWeights bounds the children that pretrain makes: with gradients and the two
// moments of AdamW 16 bytes for each weight.
const maxWeights = 1 << 31

// validate names the first flag that does not go with the others; checkBounds has
// seen to each by itself.
func (o pretrainOptions) validate() error {
	if err := checkChildOut(o.Out, o.DType); err != nil {
		return err
	}
	switch {
	case o.Width%o.Heads != 0:
		return inputErrorf("--width: must be a multiple of --heads (got %d and %d)", o.Width, o.Heads)
	case o.weights() > maxWeights:
		return inputErrorf("--layers, --width, --vocab, --positions: must make at most %d weights (got about %d)", maxWeights, o.weights())
	case o.BaseRate != ofRecipe && o.BaseRate < 0:
		return inputErrorf("--base-rate: must be between 0 and 1, or -1 (got %v)", o.BaseRate)
	}
	return o.together()
}

// together refuses flags that would do nothing beside others.
func (o pretrainOptions) together() error {
	d := defaultPretrainOptions()
	if o.Init != "" && (o.Layers != d.Layers || o.Width != d.Width || o.Heads != d.Heads || o.Vocab != d.Vocab || o.Positions != d.Positions) {
		return inputErrorf("--layers, --width, --heads, --vocab, --positions: must not be used with --init, whose size and vocabulary stay")
	}
	if o.Right > 0 && (o.Text != "" || o.BaseRate != d.BaseRate || o.Resume) {
		return inputErrorf("--text, --base-rate, --resume: must not be used with --right")
	}
	if o.Text != "" && (o.BaseRate != d.BaseRate || o.Corpus.Facts != d.Corpus.Facts || o.Corpus.Temperature != d.Corpus.Temperature || o.Embedder != d.Embedder) {
		return inputErrorf("--base-rate, --facts, --answer-temperature, --embedder: must not be used with --text, which replaces the generated corpus")
	}
	return nil
}

// weights is about how many weights the child of the flags has.
func (o pretrainOptions) weights() int64 {
	d := int64(o.Width)
	return int64(o.Layers)*12*d*d + int64(o.Vocab+o.Positions)*d
}

func runPretrain(ctx context.Context, o pretrainOptions, g *globalOptions) (err error) {
	if err := o.validate(); err != nil {
		return err
	}
	if o.Right > 0 {
		return runRight(ctx, o, g)
	}
	training, err := run.OpenSupervised(o.Out, o.Resume)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, training.Close()) }()
	docs, err := o.documents(ctx, g)
	if err != nil {
		return err
	}
	m, err := o.model(docs, g)
	if err != nil {
		return inputError(err)
	}
	m.Pool = kernel.NewPool(g.Threads)
	defer m.Pool.Close()
	g.Log.Info("pretraining", "weights", m.NumParams(), "vocabulary", m.Tokenizer.Size(), "updates", o.Train.Steps)

	next, data, err := docs.sequences(m.Tokenizer, m.Config, o.Corpus.Seed)
	if err != nil {
		return inputError(err)
	}
	o.Train.Child, o.Train.Data = o.Init, data
	m, loss, err := supervise(ctx, training, m, o.Train, next, g)
	if err != nil {
		return err
	}
	m.Describe(o.card(m, loss, g))
	if err := saveChild(m, o.Out, o.DType); err != nil {
		return err
	}
	if err := training.Finish(); err != nil {
		return err
	}
	if g.JSON {
		return g.printJSON(map[string]any{"out": o.Out, "loss": loss, "weights": m.NumParams()})
	}
	_, err = fmt.Fprintf(g.Stdout, "%s: %d weights, vocabulary %d, loss %.3f nats per token\n", o.Out, m.NumParams(), m.Tokenizer.Size(), loss)
	return err
}

// runRight makes a child that is right as often as --right says.
func runRight(ctx context.Context, o pretrainOptions, g *globalOptions) error {
	c, d := study.Child{Init: o.Init, Right: o.Right, Seed: o.Corpus.Seed}, defaultPretrainOptions()
	if o.Train.Steps != d.Train.Steps {
		c.Steps = o.Train.Steps
	}
	if o.Train.Schedule.LR != d.Train.Schedule.LR {
		c.LR = o.Train.Schedule.LR
	}
	if err := os.MkdirAll(filepath.Dir(o.Out), 0o777); err != nil {
		return err
	}
	if err := c.Move(ctx, g.Threads, o.Out); err != nil {
		return err
	}
	if g.JSON {
		return g.printJSON(map[string]any{"out": o.Out, "right": o.Right})
	}
	_, err := fmt.Fprintf(g.Stdout, "%s: right in about %g of its samples\n", o.Out, o.Right)
	return err
}

// card is the model card of the child.
func (o pretrainOptions) card(m *hf.Model, loss float64, g *globalOptions) hf.Card {
	text := "the generated corpus of pgsrm"
	if o.Text != "" {
		text = filepath.Base(o.Text)
	}
	c := g.card("Pretrained on "+text, o.Init)
	c.Tags = []string{"pretraining"}
	c.Made = [][]string{
		{"text", text}, {"weights", fmt.Sprint(m.NumParams())}, {"vocabulary", fmt.Sprint(m.Tokenizer.Size())},
		{"updates", fmt.Sprintf("%d of %d documents", o.Train.Steps, o.Train.Batch)}, {"learning rate", fmt.Sprint(o.Train.Schedule.LR)},
		{"seed", fmt.Sprint(o.Corpus.Seed)}, {"loss at the end", fmt.Sprintf("%.3f nats per token", loss)},
	}
	return c
}

// model returns the child to train: the one of --init, or a random one with a
// vocabulary learned from the documents.
func (o pretrainOptions) model(docs documents, g *globalOptions) (*hf.Model, error) {
	if o.Init != "" {
		m, err := run.OpenChild(o.Init)
		if err == nil {
			tellUnknown(m, g)
			m.Merge() // all weights are trained
		}
		return m, err
	}
	tok, err := o.vocabulary(docs)
	if err != nil {
		return nil, err
	}
	eos, _ := tok.ID(endOfText)
	cfg := lm.GPT2(o.Layers, o.Width, o.Heads, tok.Size(), o.Positions)
	cfg.EOS, cfg.BOS = eos, eos
	m, err := lm.NewRandom(cfg, o.Corpus.Seed)
	return &hf.Model{Model: m, Tokenizer: tok}, err
}
