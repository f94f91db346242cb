package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"pgsrm/hf"
	"pgsrm/kernel"
	"pgsrm/run"
)

// childOptions are the flags of the commands that use a child. What the child
// remembers of its training counts where a flag is not given.
type childOptions struct {
	Child    string
	Template run.ChatTemplate
	flags    *pflag.FlagSet // nil where the options do not come from a command line
	limited  bool           // the longest answer may be the one that the child remembers
}

// AddFlags adds the flag of the child.
func (o *childOptions) AddFlags(f *pflag.FlagSet) {
	o.flags = f
	f.StringVar(&o.Child, "child", "builtin:tiny", "model: builtin:tiny, a GGUF file, a Hugging Face or PEFT adapter folder (ADAPTER@BASE for another base), or hf:ORG/NAME from the local cache")
	f.StringVar(&o.Template.Use, "chat-template", "auto", "prompts through the chat template of the folder: auto (where it has one), on or off")
	f.StringVar(&o.Template.System, "chat-system", "", "text of a system message before every prompt")
	f.StringVar(&o.Template.Date, "chat-date", "", "today's date for a chat template that asks for it, YYYY-MM-DD")
	f.StringVar(&o.Template.Variables, "chat-variables", "", `JSON object of further variables of the chat template, such as '{"enable_thinking":false}'`)
}

// given says whether the user gave the flag.
func (o *childOptions) given(flag string) bool { return o.flags != nil && o.flags.Changed(flag) }

// template is how prompts become the child's input: by the flags, and by what the
// child remembers where they are not given.
func (o *childOptions) template(m *hf.Model) run.ChatTemplate {
	t := o.Template
	mem, ok := m.Memory()
	if !ok {
		return t
	}
	for flag, v := range map[string]struct {
		value      *string
		remembered string
	}{
		"chat-template": {&t.Use, mem.Template.Use}, "chat-system": {&t.System, mem.System},
		"chat-date": {&t.Date, mem.Template.Date}, "chat-variables": {&t.Variables, mem.Template.Variables},
	} {
		if !o.given(flag) {
			*v.value = v.remembered
		}
	}
	if t.Use == "off" && !o.given("chat-system") {
		t.System = "" // it needs the template
	}
	return t
}

// limit is the longest answer: that of the flag max-new-tokens, else the one that the
// child remembers, else otherwise.
func (o *childOptions) limit(m *hf.Model, flag, otherwise int) int {
	mem, _ := m.Memory()
	switch given := o.given("max-new-tokens"); {
	case flag != 0 && (given || o.flags == nil):
		return flag
	case mem.MaxNewTokens > 0 && !given:
		return mem.MaxNewTokens
	}
	return otherwise
}

// stops are the texts that end an answer: those of the flag stop, else those that the
// child remembers.
func (o *childOptions) stops(m *hf.Model, flag []string) []string {
	mem, _ := m.Memory()
	if flag != nil || o.given("stop") || m.Tokenizer == nil {
		return flag
	}
	return mem.Stop
}

// prompter makes what turns prompts into tokens of the child.
func (o *childOptions) prompter(m *hf.Model) (*hf.Prompter, error) {
	p, err := o.template(m).Prompter(m)
	return p, inputError(err)
}

// tellRemembered logs which values come from what the child remembers.
func (o *childOptions) tellRemembered(m *hf.Model, g *globalOptions) {
	mem, ok := m.Memory()
	if !ok {
		return
	}
	var list []string
	say := func(flag, value string) {
		if value != "" && !o.given(flag) {
			list = append(list, "--"+flag+" "+value)
		}
	}
	t := o.template(m)
	if t.Use != "auto" {
		say("chat-template", t.Use)
	}
	for flag, value := range map[string]string{"chat-system": t.System, "chat-date": t.Date, "chat-variables": t.Variables} {
		if value != "" {
			say(flag, strconv.Quote(value))
		}
	}
	if o.limited && mem.MaxNewTokens > 0 {
		say("max-new-tokens", strconv.Itoa(mem.MaxNewTokens))
	}
	if o.limited && len(mem.Stop) > 0 {
		say("stop", fmt.Sprintf("%q", mem.Stop))
	}
	slices.Sort(list)
	if list != nil {
		g.Log.Info("the child remembers from its training: " + strings.Join(list, ", "))
	}
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
	o.tellRemembered(m, g)
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
