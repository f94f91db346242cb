package main

import (
	"strconv"

	"github.com/spf13/pflag"

	"pgsrm/hf"
	"pgsrm/kernel"
	"pgsrm/run"
)

// childOptions are the flags of the commands that use a child.
type childOptions struct {
	Child    string
	Template run.ChatTemplate
}

// AddFlags adds the flag of the child.
func (o *childOptions) AddFlags(f *pflag.FlagSet) {
	f.StringVar(&o.Child, "child", "builtin:tiny", "model: builtin:tiny, a Hugging Face or PEFT adapter folder (ADAPTER@BASE for another base), or hf:ORG/NAME from the local cache")
	f.StringVar(&o.Template.Use, "chat-template", "auto", "prompts through the chat template of the folder: auto (where it has one), on or off")
	f.StringVar(&o.Template.System, "chat-system", "", "text of a system message before every prompt")
	f.StringVar(&o.Template.Date, "chat-date", "", "today's date for a chat template that asks for it, YYYY-MM-DD")
	f.StringVar(&o.Template.Variables, "chat-variables", "", `JSON object of further variables of the chat template, such as '{"enable_thinking":false}'`)
}

// prompter makes what turns prompts into tokens of the child.
func (o *childOptions) prompter(m *hf.Model) (*hf.Prompter, error) {
	p, err := o.Template.Prompter(m)
	return p, inputError(err)
}

// open loads the child on the threads of the command; close the model's pool
// when done.
func (o *childOptions) open(g *globalOptions) (*hf.Model, error) {
	return o.openBy(run.OpenChild, g)
}

// openBare is open for work on token ids, with a prompter where the child has a
// tokenizer; else both are nil.
func (o *childOptions) openBare(g *globalOptions) (*hf.Model, *hf.Prompter, error) {
	m, err := o.openBy(run.OpenBareChild, g)
	if err != nil || m.Tokenizer == nil {
		return m, nil, err
	}
	p, err := o.prompter(m)
	if err != nil {
		m.Pool.Close()
	}
	return m, p, err
}

func (o *childOptions) openBy(load func(name string) (*hf.Model, error), g *globalOptions) (*hf.Model, error) {
	m, err := load(o.Child)
	if err != nil {
		return nil, inputError(err)
	}
	tellUnknown(m, g)
	m.Pool = kernel.NewPool(g.Threads)
	return m, nil
}

// tellUnknown warns of what was ignored in the folder of a child.
func tellUnknown(m *hf.Model, g *globalOptions) {
	if text := m.Warning(); text != "" {
		g.Log.Warn("child: " + text)
	}
}

// exact9 is a number printed with the nine digits that identify a float32.
type exact9 float32

// MarshalJSON writes the number as %.9g does.
func (x exact9) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(x), 'g', 9, 64), nil
}

// exactNumbers converts a slice without copying more than it must. [len(x)]
func exactNumbers(x []float32) []exact9 {
	out := make([]exact9, len(x))
	for i, v := range x {
		out[i] = exact9(v)
	}
	return out
}
