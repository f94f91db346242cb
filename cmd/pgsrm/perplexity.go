package main

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"unicode/utf8"

	"pgsrm/eval"
	"pgsrm/lm"
	"pgsrm/run"
)

// perplexityOutput is the output of eval --text --json.
type perplexityOutput struct {
	Perplexity float64 `json:"perplexity"`
	Tokens     int     `json:"tokens"` // counted ones
}

// perplexityRows bounds the tokens that are computed together.
const perplexityRows = 2048

func runPerplexity(ctx context.Context, o evalOptions, g *globalOptions) error {
	text, err := readFile(o.Text)
	if err != nil {
		return err
	}
	n := 0
	for line := range bytes.Lines(text) {
		if n++; !utf8.Valid(line) {
			return inputErrorf("%s:%d: must be valid UTF-8", o.Text, n)
		}
	}
	m, err := o.childOptions.open(g)
	if err != nil {
		return err
	}
	defer m.Pool.Close()
	if err := o.resolveWindows(m.Config.Positions); err != nil {
		return err
	}
	values, err := textLogProbs(ctx, m.Model, windows(m.Tokenizer.Encode(string(text)), o.Context, o.Stride), o.Context)
	if err != nil {
		return err
	}
	p, err := eval.Perplexity(values)
	if err != nil {
		return inputError(fmt.Errorf("%s: must have at least two tokens", o.Text))
	}
	if math.IsInf(p, 0) {
		return fmt.Errorf("perplexity: %w: the mean log-probability of the tokens is too low for exp", run.ErrNonFinite)
	}
	if g.JSON {
		return g.printJSON(perplexityOutput{p, len(values)})
	}
	_, err = fmt.Fprintf(g.Stdout, "perplexity %.4f over %d tokens\n", p, len(values))
	return err
}

// resolveWindows checks the windows and fills in their defaults.
func (o *evalOptions) resolveWindows(positions int) error {
	if o.Context == 0 {
		o.Context = positions
	}
	if o.Context < 2 || o.Context > positions {
		return inputErrorf("--context: must be in 2..%d (got %d)", positions, o.Context)
	}
	if o.Stride == 0 {
		o.Stride = o.Context / 2
	}
	if o.Stride < 1 || o.Stride > o.Context {
		return inputErrorf("--stride: must be in 1..%d (got %d)", o.Context, o.Stride)
	}
	return nil
}

// windows cuts a text into overlapping sequences; From is the first token of a
// window that no earlier one has counted.
func windows(tokens []int32, context, stride int) []lm.Sequence {
	var out []lm.Sequence
	counted := 0
	for begin := 0; counted < len(tokens); begin += stride {
		end := min(begin+context, len(tokens))
		out = append(out, lm.Sequence{Tokens: tokens[begin:end], From: max(1, counted-begin)})
		counted = end
	}
	return out
}

// textLogProbs returns the log-probabilities of all counted tokens.
func textLogProbs(ctx context.Context, m *lm.Model, seqs []lm.Sequence, context int) ([]float64, error) {
	state := m.NewState(false)
	var out []float64
	for step := max(1, perplexityRows/context); len(seqs) > 0; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		some := seqs[:min(step, len(seqs))]
		seqs = seqs[len(some):]
		values, err := sequenceLogProbs(m, state, some)
		if err != nil {
			return nil, err
		}
		for _, v := range values {
			for _, x := range v {
				out = append(out, float64(x))
			}
		}
	}
	return out, nil
}
