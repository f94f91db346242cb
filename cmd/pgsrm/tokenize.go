package main

import (
	"bufio"
	"context"
	"encoding/json"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pgsrm/run"
	"pgsrm/tokenizer"
)

// newTokenizeCommand turns text into token ids and back.
func newTokenizeCommand(g *globalOptions) *cobra.Command {
	var o tokenizeOptions
	cmd := &cobra.Command{
		Use:   "tokenize [--decode] < LINES",
		Short: "Turn lines of text into token ids, and back",
		Long: `The tokenize command reads lines of text on stdin and prints one JSON array of
token ids for each, exactly those of the Hugging Face tokenizer of the folder:
special tokens written in the text are recognised, and those that the tokenizer
puts around a text are added. With --plain they are not, as for the prompts and
answers of training, where a text can never contain a special token.

With --decode it reads JSON arrays of ids and prints one JSON string for each.
A folder with nothing but a tokenizer.json is enough.

EXAMPLES
  echo 'red and blue is' | pgsrm tokenize
  pgsrm tokenize --child ./gpt2 < lines.txt > ids.jsonl
  pgsrm tokenize --child ./gpt2 --decode < ids.jsonl
  pgsrm tokenize --decode < ids.jsonl | pgsrm tokenize --quoted
` + exitStatusHelp,
		RunE: func(cmd *cobra.Command, _ []string) error { return runTokenize(cmd.Context(), o, g) },
	}
	o.AddFlags(cmd.Flags())
	return cmd
}

// tokenizeOptions are the flags of tokenize.
type tokenizeOptions struct {
	childOptions
	Decode      bool
	Plain       bool
	Quoted      bool
	SkipSpecial bool
}

// AddFlags adds the flags of tokenize.
func (o *tokenizeOptions) AddFlags(f *pflag.FlagSet) {
	o.childOptions.AddFlags(f)
	f.BoolVar(&o.Decode, "decode", false, "read JSON arrays of ids, print JSON strings")
	f.BoolVar(&o.Plain, "plain", false, "neither recognise nor add special tokens, as in training")
	f.BoolVar(&o.Quoted, "quoted", false, "lines are JSON strings, for text with line breaks")
	f.BoolVar(&o.SkipSpecial, "skip-special", false, "with --decode: leave special tokens out")
}

// validate refuses flags that do nothing together.
func (o *tokenizeOptions) validate() error {
	switch {
	case o.Decode && (o.Plain || o.Quoted):
		return inputErrorf("--decode: must not be used with --plain or --quoted")
	case !o.Decode && o.SkipSpecial:
		return inputErrorf("--skip-special: must be used with --decode")
	}
	return nil
}

// tokenizeBatch bounds the lines between two writes.
const tokenizeBatch = 1024

func runTokenize(ctx context.Context, o tokenizeOptions, g *globalOptions) error {
	if err := o.validate(); err != nil {
		return err
	}
	tok, err := run.OpenTokenizer(o.Child)
	if err != nil {
		return inputError(err)
	}
	what := "texts, one a line"
	if o.Decode {
		what = "JSON arrays of ids, one a line"
	}
	g.sayReading(what)
	return eachBatch(ctx, g.Stdin, g, tokenizeBatch, func(batch []inputLine, w *bufio.Writer) error {
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		for _, line := range batch {
			v, err := o.convert(tok, line)
			if err != nil {
				return err
			}
			if err := enc.Encode(v); err != nil {
				return err
			}
		}
		return nil
	})
}

// convert is the output of one line: ids, or with --decode a text.
func (o *tokenizeOptions) convert(tok *tokenizer.Tokenizer, line inputLine) (any, error) {
	if o.Decode {
		var ids []int32
		if err := line.decode(&ids); err != nil {
			return nil, err
		}
		for _, id := range ids {
			if _, ok := tok.Token(id); !ok {
				return nil, line.errorf("token must be in 0..%d (got %d)", tok.Size()-1, id)
			}
		}
		return tok.Decode(ids, o.SkipSpecial), nil
	}
	text := line.Text
	if o.Quoted {
		if err := line.decode(&text); err != nil {
			return nil, err
		}
	}
	ids := []int32{}
	if o.Plain {
		ids = append(ids, tok.Encode(text)...)
	} else {
		ids = append(ids, tok.EncodeSpecial(text)...)
	}
	return ids, nil
}
