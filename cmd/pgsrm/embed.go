package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pgsrm/embed"
	"pgsrm/run"
)

// newEmbedCommand turns lines into vectors.
func newEmbedCommand(g *globalOptions) *cobra.Command {
	var o embedOptions
	cmd := &cobra.Command{
		Use:   "embed < LINES",
		Short: "Turn lines of text into vectors",
		Long: `The embed command reads lines of text on stdin and prints one JSON array of numbers
for each; with --with-text it prints {"text","vector"}, a file that is itself an
embedder: file:PATH. A line without a meaning for the embedder (empty, no known word)
gives null and a warning. The command fails with exit code 5 where the embedder fails.

EXAMPLES
  echo 'a warm day' | pgsrm embed
  pgsrm embed --embedder file:glove.txt.gz < words.txt > vectors.jsonl
  echo 'a warm day' | pgsrm embed --embedder random:8
  pgsrm embed --embedder ./all-MiniLM-L6-v2 --with-text < texts.txt > vectors.jsonl
` + exitStatusHelp,
		RunE: func(cmd *cobra.Command, _ []string) error { return runEmbed(cmd.Context(), o, g) },
	}
	o.AddFlags(cmd.Flags())
	cmd.AddCommand(newDistillCommand(g))
	return cmd
}

// embedOptions are the flags of embed.
type embedOptions struct {
	sourceOptions
	WithText bool
}

// AddFlags adds the flags of embed.
func (o *embedOptions) AddFlags(f *pflag.FlagSet) {
	o.addEmbedder(f)
	f.BoolVar(&o.WithText, "with-text", false, "print the text beside its vector")
}

// embedBatch bounds the lines that are embedded together.
const embedBatch = 256

// embedLine is a line of embed --with-text.
type embedLine struct {
	Text   string   `json:"text"`
	Vector []exact9 `json:"vector"`
}

func runEmbed(ctx context.Context, o embedOptions, g *globalOptions) error {
	o.lines = true
	e, err := o.openEmbedder(g)
	if err != nil {
		return err
	}
	g.sayReading("texts, one a line")
	return eachBatch(ctx, g.Stdin, g, embedBatch, func(batch []inputLine, w *bufio.Writer) error {
		texts := make([]string, len(batch))
		for i, line := range batch {
			texts[i] = line.Text
		}
		results := e.Embed(ctx, texts)
		if err := ctx.Err(); err != nil {
			return err
		}
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		for i, r := range results {
			if err := o.write(enc, g, batch[i], r); err != nil {
				return err
			}
		}
		return nil
	})
}

// write prints the vector of one line.
func (o *embedOptions) write(enc *json.Encoder, g *globalOptions, line inputLine, r embed.Result) error {
	var vector []exact9 // nil is null
	switch {
	case r.Err == nil:
		vector = exactNumbers(r.Vector)
	case errors.Is(r.Err, embed.ErrNoMeaning):
		g.Log.Warn("no vector", "line", line.Number, "reason", r.Err)
	default:
		return fmt.Errorf("line %d: %w: %w", line.Number, run.ErrUnavailable, r.Err)
	}
	if o.WithText {
		if vector == nil {
			return nil // a file of vectors has no place for a text without one
		}
		return enc.Encode(embedLine{line.Text, vector})
	}
	return enc.Encode(vector)
}
