package main

import (
	"bufio"
	"context"
	"encoding/json"

	"github.com/spf13/cobra"

	"pgsrm/hf"
	"pgsrm/lm"
	"pgsrm/task"
	"pgsrm/tokenizer"
)

// newLogprobsCommand scores given texts.
func newLogprobsCommand(g *globalOptions) *cobra.Command {
	var o childOptions
	cmd := &cobra.Command{
		Use:   "logprobs < JSONL",
		Short: "Print the log-probability of every token of given texts",
		Long: `The logprobs command reads JSON lines {"tokens":[ids...]} or {"text":"..."} on
stdin and prints {"tokens":[...],"logprobs":[...]} for each: the natural logarithm of
the probability that the child gives each token after those before it, at
temperature 1 over the whole vocabulary, with nine significant digits. The first
token has nothing before it: its value is null. A text is encoded as in training,
without special tokens; give ids to score any, which needs no tokenizer. {"prompt":"...","response":"..."} are
joined as in training, through the chat template of the child's folder where it has
one, with the end token after the response.

EXAMPLES
  echo '{"text":"The opposite of hot is cold"}' | pgsrm logprobs
  echo '{"tokens":[464,6697,286]}' | pgsrm logprobs --child ./gpt2
  pgsrm logprobs --child runs/colors/child < texts.jsonl > logprobs.jsonl
` + exitStatusHelp,
		RunE: func(cmd *cobra.Command, _ []string) error { return runLogprobs(cmd.Context(), o, g) },
	}
	o.AddFlags(cmd.Flags())
	return cmd
}

// logprobsInput is a line of the input: tokens, a text, or a prompt with its response.
type logprobsInput struct {
	Tokens *[]int32 `json:"tokens"`
	Text   *string  `json:"text"`

	Prompt   *string `json:"prompt"` // with Response
	Response *string `json:"response"`
}

// logprobsOutput is a line of the output.
type logprobsOutput struct {
	Tokens   []int32   `json:"tokens"`
	LogProbs []*exact9 `json:"logprobs"` // [len(Tokens)] null first
}

// logprobsBatch bounds the lines that are computed together.
const logprobsBatch = 32

func runLogprobs(ctx context.Context, o childOptions, g *globalOptions) error {
	m, input, err := o.openBare(g)
	if err != nil {
		return err
	}
	defer m.Pool.Close()
	state := m.NewState(false)
	g.sayReading("JSON lines with tokens or text")
	return eachBatch(ctx, g.Stdin, g, logprobsBatch, func(batch []inputLine, w *bufio.Writer) error {
		var seqs []lm.Sequence
		var bad error // lines before a bad one are still answered
		for _, line := range batch {
			if line.blank() {
				continue
			}
			tokens, err := logprobsTokens(line, m.Config, m.Tokenizer, input)
			if err != nil {
				bad = err
				break
			}
			seqs = append(seqs, lm.Sequence{Tokens: tokens, From: 1})
		}
		values, err := sequenceLogProbs(m.Model, state, seqs)
		if err != nil {
			return err
		}
		enc := json.NewEncoder(w)
		for i, q := range seqs {
			if err := enc.Encode(newLogprobsOutput(q.Tokens, values[i])); err != nil {
				return err
			}
		}
		return bad
	})
}

// logprobsTokens reads the tokens of a line and checks that the model can score them.
func logprobsTokens(line inputLine, cfg lm.Config, tok *tokenizer.Tokenizer, input *hf.Prompter) ([]int32, error) {
	var in logprobsInput
	if err := line.decode(&in); err != nil {
		return nil, err
	}
	var tokens []int32
	switch {
	case in.forms() != 1 || (in.Prompt == nil) != (in.Response == nil):
		return nil, line.errorf("must have one of the fields tokens and text, or prompt and response")
	case in.Tokens == nil && tok == nil:
		return nil, line.errorf("must be tokens: the folder of the child has no tokenizer for texts")
	case in.Prompt != nil:
		prompt, err := input.Tokens(*in.Prompt)
		if err != nil {
			return nil, line.errorf("%w", err)
		}
		tokens = append(prompt, input.Response(task.Joint(*in.Prompt), *in.Response)...)
	case in.Tokens != nil:
		tokens = *in.Tokens
	default:
		tokens = tok.Encode(*in.Text)
	}
	if len(tokens) > cfg.Positions {
		return nil, line.errorf("%d tokens must fit in the context of %d", len(tokens), cfg.Positions)
	}
	for _, t := range tokens {
		if t < 0 || int(t) >= cfg.Vocab {
			return nil, line.errorf("token must be in 0..%d (got %d)", cfg.Vocab-1, t)
		}
	}
	return tokens, nil
}

// forms counts the forms that a line has.
func (in logprobsInput) forms() (n int) {
	for _, has := range []bool{in.Tokens != nil, in.Text != nil, in.Prompt != nil || in.Response != nil} {
		if has {
			n++
		}
	}
	return n
}

// newLogprobsOutput puts null before the values of the other tokens.
func newLogprobsOutput(tokens []int32, values []float32) logprobsOutput {
	out := logprobsOutput{Tokens: append([]int32{}, tokens...), LogProbs: make([]*exact9, len(tokens))}
	for i, v := range values {
		x := exact9(v)
		out.LogProbs[i+1] = &x
	}
	return out
}

// sequenceLogProbs returns the log-probabilities of the tokens of each sequence
// from its From on. [len(seqs)][len(Tokens)-From] It resets the state.
func sequenceLogProbs(m *lm.Model, s *lm.State, seqs []lm.Sequence) ([][]float32, error) {
	s.Reset()
	var targets []lm.Target
	for _, q := range seqs {
		if len(q.Tokens) <= q.From {
			continue
		}
		rows := s.AddSequence(q.Tokens[:len(q.Tokens)-1])
		for i := q.From; i < len(q.Tokens); i++ {
			targets = append(targets, lm.Target{Row: rows[i-1], Token: q.Tokens[i]})
		}
	}
	m.Forward(s)
	var scores lm.Scores
	if err := m.Score(s, targets, 1, &scores); err != nil {
		return nil, err
	}
	out := make([][]float32, len(seqs))
	rest := scores.LogProb
	for i, q := range seqs {
		n := max(0, len(q.Tokens)-q.From)
		out[i], rest = rest[:n:n], rest[n:]
	}
	return out, nil
}
