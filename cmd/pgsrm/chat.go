package main

import (
	"bufio"
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pgsrm/config"
	"pgsrm/lm"
)

// newChatCommand talks to a child.
func newChatCommand(g *globalOptions) *cobra.Command {
	o := defaultChatOptions()
	cmd := &cobra.Command{
		Use:   "chat",
		Short: "Talk to a child",
		Long: `The chat command answers each line of stdin as a message of a conversation, and shows
the answer while it is sampled. The conversation goes through the chat template of the
child's folder; without one the child continues the text of all that was said. Where it
outgrows the context its oldest messages are forgotten, and stderr says so.

A line that begins with / is a command:
  /set KEY VALUE  temperature, top_k, top_p, min_p, max_new_tokens or seed; alone: shows them
  /system TEXT    the system message; without TEXT none. The conversation begins anew
  /reset          begins the conversation anew
  /help           shows this list
  /quit           ends the chat, as the end of the input (Ctrl-D) does
A message that begins with / is written with two of them.

Ctrl-C stops an answer; between answers, twice in a row, it ends the chat. From a pipe
a line that is no command ends the chat with exit code 3, and Ctrl-C ends it at once.
With --json each answer is a line
{"prompt","text","tokens":[...],"logprobs":[...],"finish":"eos"|"length"|"stop"|"interrupted"}.
The same child, lines and --seed give the same answers.

EXAMPLES
  pgsrm chat --child ./SmolLM2-135M-Instruct
  pgsrm chat --child runs/opposites --chat-system "Answer with one word." --temperature 0
  printf 'Hello!\nAnd in French?\n' | pgsrm chat --child ./SmolLM2-135M-Instruct --seed 7
` + exitStatusHelp,
		RunE: func(cmd *cobra.Command, _ []string) error { return runChat(cmd.Context(), o, g) },
	}
	o.AddFlags(cmd.Flags())
	return cmd
}

// chatOptions are the flags of chat.
type chatOptions struct {
	childOptions
	chatSettings
	Stop []string
}

// chatSettings are the values that /set changes.
type chatSettings struct {
	Temperature  float64 `yaml:"temperature" range:"[0, 100]"`
	TopK         int     `yaml:"top_k" range:"[0, 1048576]"`
	TopP         float64 `yaml:"top_p" range:"[0, 1]"`
	MinP         float64 `yaml:"min_p" range:"[0, 1]"`
	MaxNewTokens int     `yaml:"max_new_tokens" range:"[1, 1048576]"`
	Seed         uint64  `yaml:"seed" range:"[0, 18446744073709551615]"`
}

// Rules refuses temperatures that would make logits infinite.
func (s chatSettings) Rules() error {
	if s.Temperature > 0 && s.Temperature < 0.0001 {
		return &config.Error{Key: "temperature", Must: "must be 0 for greedy answers, or between 0.0001 and 100", Value: config.Keys(&s)[0].Text()}
	}
	return nil
}

// sample are the settings as the engine takes them.
func (s chatSettings) sample() lm.SampleOptions {
	return lm.SampleOptions{
		Temperature: float32(s.Temperature), TopK: s.TopK, TopP: float32(s.TopP), MinP: float32(s.MinP), MaxNewTokens: s.MaxNewTokens,
	}
}

func defaultChatOptions() chatOptions {
	return chatOptions{chatSettings: chatSettings{Temperature: 0.7, TopP: 0.95, MaxNewTokens: 256, Seed: 1}}
}

// AddFlags adds the flags of chat.
func (o *chatOptions) AddFlags(f *pflag.FlagSet) {
	o.childOptions.AddFlags(f)
	o.limited = true
	f.IntVar(&o.MaxNewTokens, "max-new-tokens", o.MaxNewTokens, "longest answer, its end token included; at most half of the context where it is not given")
	f.Float64Var(&o.Temperature, "temperature", o.Temperature, "divides the logits; 0 = greedy")
	f.IntVar(&o.TopK, "top-k", o.TopK, "keep the K most likely tokens (0 = all)")
	f.Float64Var(&o.TopP, "top-p", o.TopP, "keep the most likely tokens that reach this mass (1 = all)")
	f.Float64Var(&o.MinP, "min-p", o.MinP, "keep tokens at least this likely relative to the likeliest (0 = all)")
	f.StringArrayVar(&o.Stop, "stop", nil, "end an answer before this text; may be given again")
	f.Uint64Var(&o.Seed, "seed", o.Seed, "seed of the random numbers")
}

// validate names the first flag that checkBounds could not judge.
func (o *chatOptions) validate() error {
	if err := config.Check(o.chatSettings); err != nil {
		return err
	}
	return checkStops(o.Stop)
}

func runChat(ctx context.Context, o chatOptions, g *globalOptions) error {
	if err := o.validate(); err != nil {
		return err
	}
	m, err := o.open(g)
	if err != nil {
		return err
	}
	defer m.Pool.Close()
	input, err := o.prompter(m)
	if err != nil {
		return err
	}
	otherwise := o.MaxNewTokens
	if !o.given("max-new-tokens") {
		otherwise = min(otherwise, max(1, m.Config.Positions/2))
		o.MaxNewTokens = otherwise
	}
	o.MaxNewTokens = o.limit(m, 0, otherwise)
	// An interrupt ends an answer here, not the command.
	ctx, stop := signal.NotifyContext(context.WithoutCancel(ctx), syscall.SIGTERM)
	defer stop()
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt)
	defer signal.Stop(interrupts)
	s := &chatSession{
		g: g, model: m, input: input, state: m.NewState(false), system: o.template(m).System,
		settings: o.chatSettings, stop: o.stops(m, o.Stop), interrupts: interrupts,
		person: isTerminal(g.Stdin), out: bufio.NewWriter(g.Stdout),
	}
	return flushed(s.out, s.run(ctx))
}
