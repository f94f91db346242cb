package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pgsrm/corpus"
	"pgsrm/embed"
	"pgsrm/hub"
)

// newDistillCommand makes a static embedder.
func newDistillCommand(g *globalOptions) *cobra.Command {
	o := distillOptions{Options: embed.DefaultDistillOptions()}
	cmd := &cobra.Command{
		Use:   "distill --encoder DIR --out FILE",
		Short: "Make a small static embedder of an encoder",
		Long: `The distill command embeds every token of a vocabulary with an encoder, turns the
vectors onto their principal axes, weights them by the frequency of the token and
writes them as one file of bytes: an embedder (file:FILE) that needs no model. The
vocabulary is that of the encoder's folder, or the lines of --vocab, most frequent
first; the words of the built-in tasks, of the pretraining corpus and of --words are
added to it. The embedder "builtin" was made by this command with its defaults.

EXAMPLES
  pgsrm embed distill --encoder ./all-MiniLM-L6-v2 --out minilm.static
  pgsrm embed distill --encoder hf:BAAI/bge-small-en-v1.5 --dim 64 --out bge.static
  pgsrm embed distill --encoder file:vectors.jsonl --vocab words.txt --out own.static
` + exitStatusHelp,
		RunE: func(cmd *cobra.Command, _ []string) error { return runDistill(cmd.Context(), o, g) },
	}
	o.AddFlags(cmd.Flags())
	return cmd
}

// distillOptions are the flags of embed distill.
type distillOptions struct {
	Encoder string
	Out     string
	Vocab   string
	Words   string
	Options embed.DistillOptions
}

// AddFlags adds the flags of embed distill.
func (o *distillOptions) AddFlags(f *pflag.FlagSet) {
	f.StringVar(&o.Encoder, "encoder", "", "embedder to learn from: a model folder, hf:ORG/NAME or file:PATH (required)")
	f.StringVar(&o.Out, "out", "", "file of the static embedder (required)")
	f.StringVar(&o.Vocab, "vocab", "", "tokens, one a line, most frequent first (default: those of the encoder's folder)")
	f.StringVar(&o.Words, "words", "", "a text file whose words get vectors of their own")
	f.IntVar(&o.Options.Dim, "dim", o.Options.Dim, "numbers in a vector")
	f.Float64Var(&o.Options.SIF, "sif", o.Options.SIF, "a of the frequency weight a/(a+p); 0 = no weighting")
	f.IntVar(&o.Options.Batch, "batch", o.Options.Batch, "tokens per call of the encoder")
	f.StringVar(&o.Options.Origin, "origin", "", "name of the encoder's model, for the header (default: --encoder)")
	f.StringVar(&o.Options.License, "license", "unknown", "licence of the encoder, for the header")
	f.StringVar(&o.Options.Source, "source", "", "where the encoder is published, for the header")
}

// validate names the first flag that cannot be used.
func (o *distillOptions) validate() error {
	if o.Encoder == "" {
		return inputErrorf("--encoder: must name an embedder")
	}
	return checkFileOut(o.Out)
}

func runDistill(ctx context.Context, o distillOptions, g *globalOptions) error {
	if err := o.validate(); err != nil {
		return err
	}
	folder := o.Encoder
	if name, ok := strings.CutPrefix(o.Encoder, "hf:"); ok {
		var err error
		if folder, err = hub.Folder(name); err != nil {
			return inputError(err)
		}
	}
	enc, err := embed.Open(folder, embed.Options{Warn: g.warn})
	if err != nil {
		return inputError(err)
	}
	vocab, err := o.vocabulary(folder)
	if err != nil {
		return inputError(err)
	}
	if o.Options.Origin == "" {
		o.Options.Origin = o.Encoder
	}
	shown := 0
	o.Options.Progress = func(done, total int) {
		if percent := 100 * done / total; percent >= shown+10 || done == total {
			shown = percent
			g.Log.Info("encoding", "tokens", done, "of", total)
		}
	}
	s, err := embed.Distill(ctx, enc, vocab, o.Options)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(o.Out), 0o777); err != nil {
		return err
	}
	if err := s.Save(o.Out); err != nil {
		return err
	}
	h := s.Header()
	if g.JSON {
		return g.printJSON(h)
	}
	_, err = fmt.Fprintf(g.Stdout, "%s: %d tokens, %d numbers each, %.1f%% of the encoder's variance\n", o.Out, h.Tokens, h.Dim, 100*h.Variance)
	return err
}

// vocabulary lists the tokens that get a vector.
func (o *distillOptions) vocabulary(folder string) ([]string, error) {
	texts, err := embed.TaskTexts()
	if err != nil {
		return nil, err
	}
	words, err := corpus.Words()
	if err != nil {
		return nil, err
	}
	texts = append(texts, words...)
	if o.Words != "" {
		text, err := readFile(o.Words)
		if err != nil {
			return nil, err
		}
		texts = append(texts, string(text))
	}
	if o.Vocab != "" {
		text, err := readFile(o.Vocab)
		if err != nil {
			return nil, err
		}
		return embed.Vocabulary(strings.Split(string(text), "\n"), texts), nil
	}
	tokens, err := embed.FolderTokens(folder)
	if err != nil {
		return nil, fmt.Errorf("--vocab: must be given, since the encoder has no vocabulary: %w", err)
	}
	return embed.Vocabulary(tokens, texts), nil
}
