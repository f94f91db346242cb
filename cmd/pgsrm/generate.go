package main

import (
	"bufio"
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pgsrm/hf"
	"pgsrm/lm"
)

// newGenerateCommand samples from a child.
func newGenerateCommand(g *globalOptions) *cobra.Command {
	var o generateOptions
	cmd := &cobra.Command{
		Use:   "generate --prompt TEXT",
		Short: "Sample answers of a child",
		Long: `The generate command prints what the child says to each --prompt, or to each line
of stdin where there is none. Text appears while it is sampled; with --json there
is one line for each answer:
{"prompt","text","tokens":[...],"logprobs":[...],"finish":"eos"|"length"|"stop"}.
The log-probabilities are natural logarithms under the distribution sampled from.

Logits are divided by --temperature, then cut by --top-k, --top-p and --min-p in
this order. Temperature 0 takes the most likely token each time. An answer depends
on the child, its prompt, the place of the prompt in the input and --seed, not on
the prompts beside it. Prompts are encoded without special tokens, as in training;
an empty prompt begins with the child's BOS token. The prompts of a child whose folder
has a chat template go through it as messages of the user (--chat-template). With
--tokens a prompt is a JSON array of token ids, as tokenize prints them, and goes
through nothing; with --json too, the child needs no tokenizer ("text" is empty then).

EXAMPLES
  pgsrm generate --prompt "The opposite of 'hot' is " --temperature 0
  pgsrm generate --child runs/colors/child --prompt 'red and blue is => ' -n 5 --json
  pgsrm generate --child ./gpt2 --top-k 50 --max-new-tokens 40 --stop . < prompts.txt
` + exitStatusHelp,
		RunE: func(cmd *cobra.Command, _ []string) error { return runGenerate(cmd.Context(), o, g) },
	}
	o.AddFlags(cmd.Flags())
	return cmd
}

// generateOptions are the flags of generate.
type generateOptions struct {
	childOptions
	Prompts []string
	Tokens  bool // the prompts are token ids
	Samples int
	Sample  lm.SampleOptions
	Stop    []string
	Seed    uint64
}

// AddFlags adds the flags of generate.
func (o *generateOptions) AddFlags(f *pflag.FlagSet) {
	o.childOptions.AddFlags(f)
	o.limited = true
	f.StringArrayVar(&o.Prompts, "prompt", nil, "prompt; may be given again (default: the lines of stdin)")
	f.BoolVar(&o.Tokens, "tokens", false, "prompts are JSON arrays of token ids, such as [72,292]")
	f.IntVarP(&o.Samples, "samples", "n", 1, "answers to each prompt")
	f.IntVar(&o.Sample.MaxNewTokens, "max-new-tokens", 32, "longest answer, its end token included")
	f.Float32Var(&o.Sample.Temperature, "temperature", 1, "divides the logits; 0 = greedy")
	f.IntVar(&o.Sample.TopK, "top-k", 0, "keep the K most likely tokens (0 = all)")
	f.Float32Var(&o.Sample.TopP, "top-p", 1, "keep the most likely tokens that reach this mass (1 = all)")
	f.Float32Var(&o.Sample.MinP, "min-p", 0, "keep tokens at least this likely relative to the likeliest (0 = all)")
	f.StringArrayVar(&o.Stop, "stop", nil, "end an answer before this text; may be given again")
	f.Uint64Var(&o.Seed, "seed", 1, "seed of the random numbers")
}

// validate names the first flag that checkBounds could not judge.
func (o *generateOptions) validate() error {
	if err := checkStops(o.Stop); err != nil {
		return err
	}
	if t := o.Sample.Temperature; t > 0 && t < 0.0001 {
		return inputErrorf("--temperature: must be 0 for greedy answers, or between 0.0001 and 100 (got %v)", t)
	}
	return nil
}

// checkStops checks the texts of --stop.
func checkStops(stop []string) error {
	if err := hf.Stop(stop).Validate(); err != nil {
		return inputErrorf("--stop: %w", err)
	}
	return nil
}

// openModel loads the child; for token ids it may lack a tokenizer and a prompter.
func (o *generateOptions) openModel(g *globalOptions) (*hf.Model, *hf.Prompter, error) {
	if o.Tokens {
		m, input, err := o.openBare(g)
		if err == nil && m.Tokenizer == nil && (!g.JSON || o.Stop != nil) {
			m.Pool.Close()
			err = inputErrorf("generate: the folder of the child has no tokenizer for texts: use --json, without --stop")
		}
		return m, input, err
	}
	m, err := o.open(g)
	if err != nil {
		return nil, nil, err
	}
	input, err := o.prompter(m)
	if err != nil {
		m.Pool.Close()
	}
	return m, input, err
}

// generateBatch bounds the answers that are sampled together.
const generateBatch = 64

func runGenerate(ctx context.Context, o generateOptions, g *globalOptions) error {
	if err := o.validate(); err != nil {
		return err
	}
	m, input, err := o.openModel(g)
	if err != nil {
		return err
	}
	defer m.Pool.Close()
	o.Sample.MaxNewTokens = o.limit(m, o.Sample.MaxNewTokens, o.Sample.MaxNewTokens)
	o.Stop = o.stops(m, o.Stop)
	d := &sampler{m: m, input: input, state: m.NewState(false), opt: o}
	size := max(1, generateBatch/o.Samples)
	if o.Prompts == nil {
		g.sayReading("prompts, one a line")
		return eachBatch(ctx, g.Stdin, g, size, func(batch []inputLine, w *bufio.Writer) error {
			prompts := make([]string, len(batch))
			for i, line := range batch {
				prompts[i] = line.Text
			}
			return generatePrompts(ctx, d, g, w, batch[0].Number-1, prompts)
		})
	}
	w := bufio.NewWriter(g.Stdout)
	for lo := 0; lo < len(o.Prompts) && err == nil; lo += size {
		err = generatePrompts(ctx, d, g, w, lo, o.Prompts[lo:min(lo+size, len(o.Prompts))])
	}
	return flushed(w, err)
}

// generatePrompts answers some of the prompts, one where each has more samples than
// are drawn together; first is the number of the first of them among all.
func generatePrompts(ctx context.Context, d *sampler, g *globalOptions, w *bufio.Writer, first int, prompts []string) error {
	for from := 0; from < d.opt.Samples; from += generateBatch {
		if err := generateSamples(ctx, d, g, w, first, prompts, from, min(from+generateBatch, d.opt.Samples)); err != nil {
			return err
		}
	}
	return nil
}

// generateSamples draws the samples from..to-1 of the prompts.
func generateSamples(ctx context.Context, d *sampler, g *globalOptions, w *bufio.Writer, first int, prompts []string, from, to int) error {
	var out answerPrinter = &textPrinter{w: w, stop: d.opt.Stop}
	if g.JSON {
		out = jsonPrinter{w}
	}
	answers, err := d.begin(first, prompts, from, to)
	if err != nil {
		return inputError(fmt.Errorf("generate: %w", err))
	}
	for d.running(answers) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := d.step(answers); err != nil {
			return err
		}
		if err := out.progress(answers); err != nil {
			return err
		}
	}
	return out.done(answers)
}
