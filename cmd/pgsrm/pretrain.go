package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pgsrm/corpus"
	"pgsrm/embed"
	"pgsrm/kernel"
	"pgsrm/lm"
	"pgsrm/rl"
	"pgsrm/run"
	"pgsrm/tokenizer"
)

// endOfText is the token that ends every document of a child of ours.
const endOfText = "<|endoftext|>"

// pretrainOptions are the flags of the pretrain command.
type pretrainOptions struct {
	Out      string
	Text     string // file of the user's own text; empty = the generated corpus
	Embedder string // similarity of wrong answers in the generated corpus
	Corpus   corpus.Options
	BaseRate float64

	Init string // child to go on from; empty = random weights and a new vocabulary

	Layers, Width, Heads, Vocab, Positions int
	Train                                  run.SupervisedConfig
	DType                                  string
}

func defaultPretrainOptions() pretrainOptions {
	return pretrainOptions{
		Embedder: "builtin", Corpus: corpus.DefaultOptions(), BaseRate: -1,
		Layers: 4, Width: 128, Heads: 4, Vocab: 2000, Positions: 128,
		Train: run.SupervisedConfig{
			Steps: 3000, Batch: 64, MaxGradNorm: 1, WeightDecay: 0.01,
			Schedule: rl.Schedule{Kind: "cosine", LR: 2e-3, Warmup: 100, Final: 0.05},
		},
		DType: "BF16",
	}
}

// AddFlags adds the command's flags.
func (o *pretrainOptions) AddFlags(f *pflag.FlagSet) {
	f.StringVar(&o.Out, "out", o.Out, "folder for the child (required)")
	f.StringVar(&o.Text, "text", o.Text, "train on this file, or the *.txt and *.jsonl files of this folder, instead of the generated corpus")
	f.StringVar(&o.Init, "init", o.Init, "go on from this child instead of random weights; its size and vocabulary stay")
	f.StringVar(&o.Embedder, "embedder", o.Embedder, "embedder that says which wrong answers are related")
	f.Uint64Var(&o.Corpus.Seed, "seed", o.Corpus.Seed, "seed of corpus and weights")
	f.Float64Var(&o.BaseRate, "base-rate", o.BaseRate, "share of right answers in the corpus, all tasks (default: the recipe's)")
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

With --text it learns from text of your own: a document a line, or in a .jsonl file an
object a line with the field text, in which a document may have several lines. A
folder stands for all *.txt and *.jsonl files in it. A document that is longer than the
context is cut into pieces; none of it is left out. The pieces come in a new order each
time. An update takes --batch of them. pgsrm eval --text measures the perplexity.

EXAMPLES
  pgsrm pretrain --out children/tiny
  pgsrm pretrain --out children/rate-0.3 --base-rate 0.003
  pgsrm pretrain --out children/rate-5 --init children/tiny --base-rate 0.05 --steps 300 --lr 5e-4
  pgsrm pretrain --out children/own --text corpus.txt --layers 6 --width 256 --heads 8 --vocab 4000
` + exitStatusHelp,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runPretrain(cmd.Context(), o, g) },
	}
	o.AddFlags(cmd.Flags())
	return cmd
}

func runPretrain(ctx context.Context, o pretrainOptions, g *globalOptions) error {
	if o.Out == "" {
		return inputErrorf("--out: must name a folder for the child")
	}
	dtype := lm.DType(o.DType)
	if dtype != lm.F32 && dtype != lm.BF16 {
		return inputErrorf("--dtype: must be F32 or BF16 (got %q)", o.DType)
	}
	docs, err := o.documents(ctx, g)
	if err != nil {
		return err
	}
	m, tok, err := o.model(docs)
	if err != nil {
		return inputError(err)
	}
	m.Pool = kernel.NewPool(g.Threads)
	defer m.Pool.Close()
	g.Log.Info("pretraining", "weights", m.NumParams(), "vocabulary", tok.Size(), "updates", o.Train.Steps)

	next, err := docs.sequences(tok, m.Config, o.Corpus.Seed)
	if err != nil {
		return inputError(err)
	}
	loss, err := superviseWithLog(ctx, m, o.Train, next, g)
	if err != nil {
		return err
	}
	if err := m.SaveAs(o.Out, tok, dtype); err != nil {
		return err
	}
	if g.JSON {
		return g.printJSON(map[string]any{"out": o.Out, "loss": loss, "weights": m.NumParams()})
	}
	_, err = fmt.Fprintf(g.Stdout, "%s: %d weights, vocabulary %d, loss %.3f nats per token\n", o.Out, m.NumParams(), tok.Size(), loss)
	return err
}

// model returns the child to train: the one of --init, or a random one with a
// vocabulary learned from the documents.
func (o pretrainOptions) model(docs documents) (*lm.Model, *tokenizer.Tokenizer, error) {
	if o.Init != "" {
		m, tok, err := run.OpenChild(o.Init)
		if err == nil {
			m.Merge() // all weights are trained
		}
		return m, tok, err
	}
	tok, err := o.vocabulary(docs)
	if err != nil {
		return nil, nil, err
	}
	eos, _ := tok.ID(endOfText)
	cfg := lm.GPT2(o.Layers, o.Width, o.Heads, tok.Size(), o.Positions)
	cfg.EOS, cfg.BOS = eos, eos
	m, err := lm.NewRandom(cfg, o.Corpus.Seed)
	return m, tok, err
}

// superviseWithLog trains and logs about every five seconds; it returns the mean
// loss of the last hundred updates.
func superviseWithLog(ctx context.Context, m *lm.Model, cfg run.SupervisedConfig, next func(int) (lm.Sequence, error), g *globalOptions) (float64, error) {
	start, last := time.Now(), time.Now()
	mean, done := math.NaN(), 0
	err := run.Supervised(ctx, m, cfg, next, func(e run.SupervisedEvent) {
		done = e.Step
		if math.IsNaN(mean) {
			mean = e.Loss
		}
		mean += (e.Loss - mean) / min(100, float64(e.Step))
		if time.Since(last) > 5*time.Second || e.Step == cfg.Steps {
			last = time.Now()
			left := time.Since(start) / time.Duration(e.Step) * time.Duration(cfg.Steps-e.Step)
			g.Log.Info("training", "update", e.Step, "of", cfg.Steps, "loss", fmt.Sprintf("%.3f", mean), "left", left.Round(time.Second))
		}
	})
	if ctx.Err() != nil {
		return mean, fmt.Errorf("after update %d of %d, and nothing is saved: %w", done, cfg.Steps, err)
	}
	return mean, err
}

// clipTokens cuts a sequence to what the context holds.
func clipTokens(ids []int32, n int) []int32 { return ids[:min(n, len(ids))] }

// documents is an endless list of training documents in two pieces each.
type documents struct {
	at    func(i int) (prompt, answer string)
	texts []string // all of them, where they are the user's own
}

func (d documents) encode(tok *tokenizer.Tokenizer, i int, eos int32) []int32 {
	prompt, answer := d.at(i)
	return append(append(tok.Encode(prompt), tok.Encode(answer)...), eos)
}

// sequences gives what the updates learn from, in order: the generated documents
// one after the other, texts of the user in a new order each time.
func (d documents) sequences(tok *tokenizer.Tokenizer, cfg lm.Config, seed uint64) (func(i int) (lm.Sequence, error), error) {
	if d.texts == nil {
		return func(i int) (lm.Sequence, error) {
			return lm.Sequence{Tokens: clipTokens(d.encode(tok, i, cfg.EOS), cfg.Positions+1), From: 1}, nil
		}, nil
	}
	seqs := textSequences(tok, d.texts, cfg)
	if len(seqs) == 0 {
		return nil, errors.New("--text: must have at least two tokens")
	}
	return shuffledEpochs(seqs, seed), nil
}

// documents opens the text file or the generated corpus.
func (o pretrainOptions) documents(ctx context.Context, g *globalOptions) (documents, error) {
	if o.Text != "" {
		texts, err := readTexts(o.Text)
		return documents{func(i int) (string, string) { return "", texts[i%len(texts)] }, texts}, err
	}
	opt := o.Corpus
	if o.BaseRate >= 0 {
		rates := map[string]float64{}
		for name := range opt.BaseRate {
			rates[name] = o.BaseRate
		}
		opt.BaseRate = rates
	}
	c, err := g.logCache()
	if err != nil {
		return documents{}, err
	}
	e, err := embed.Open(o.Embedder, embed.Options{Cache: c})
	if err != nil {
		return documents{}, inputError(err)
	}
	sim, err := corpus.Cosine(ctx, e)
	if err != nil {
		return documents{}, err
	}
	gen, err := corpus.New(opt, sim)
	if err != nil {
		return documents{}, inputError(err)
	}
	return documents{at: func(i int) (string, string) {
		d := gen.Document(i)
		return d.Prompt, d.Answer
	}}, nil
}

// vocabularyDocuments is how many documents the vocabulary is learned from.
const vocabularyDocuments = 20_000

// vocabulary trains the byte-level BPE vocabulary on the first documents.
func (o pretrainOptions) vocabulary(docs documents) (*tokenizer.Tokenizer, error) {
	var texts []string
	for i := range min(vocabularyDocuments, o.Train.Steps*o.Train.Batch) {
		prompt, answer := docs.at(i)
		texts = append(texts, prompt, answer)
	}
	tok, err := tokenizer.TrainBPE(texts, o.Vocab, []string{endOfText})
	if err != nil {
		return nil, fmt.Errorf("--vocab: %w", err)
	}
	return tok, nil
}
