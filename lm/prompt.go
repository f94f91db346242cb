package lm

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"pgsrm/tokenizer"
	"pgsrm/tokenizer/chat"
)

// TemplateOptions say whether and how the chat template of a folder is used.
type TemplateOptions struct {
	Use       string `yaml:"use"`       // auto: where the folder has one; on: it must have one; off: never
	Date      string `yaml:"date"`      // YYYY-MM-DD, today's date for a template that asks for it; "" = none
	Variables string `yaml:"variables"` // JSON object of further variables, such as {"enable_thinking": false}
}

// DefaultTemplateOptions use the template of a folder that has one.
func DefaultTemplateOptions() TemplateOptions { return TemplateOptions{Use: "auto"} }

// Validate reports the first option that cannot be used, as "key: what must hold".
func (o TemplateOptions) Validate() error {
	_, err := o.chat()
	return err
}

// chat reads the options.
func (o TemplateOptions) chat() (c chat.Options, err error) {
	if o.Use != "auto" && o.Use != "on" && o.Use != "off" {
		return c, fmt.Errorf("use: must be auto, on or off (got %q)", o.Use)
	}
	if o.Date != "" {
		if c.Now, err = time.Parse(time.DateOnly, o.Date); err != nil {
			return c, fmt.Errorf("date: must be YYYY-MM-DD (got %q)", o.Date)
		}
	}
	if c.Variables, err = chat.ParseVariables(o.Variables); err != nil {
		return c, fmt.Errorf("variables: %w", err)
	}
	return c, nil
}

// Prompter turns prompts into the tokens that a model is given: through the chat
// template of its folder, or as they are. It is safe for concurrent use.
type Prompter struct {
	tok      *tokenizer.Tokenizer
	template *chat.Template // nil: prompts as they are
	opt      chat.Options
	system   string
	end      int32 // that a response is taught to end with
}

// Prompter makes the prompter of a model. system is the text of a system message
// in front of every prompt, "" for none; without a template it must be empty.
func (m *Model) Prompter(tok *tokenizer.Tokenizer, system string, o TemplateOptions) (*Prompter, error) {
	p := &Prompter{tok: tok, system: system, end: m.Config.EOS}
	var err error
	if p.opt, err = o.chat(); err != nil {
		return nil, fmt.Errorf("chat_template.%w", err)
	}
	if o.Use != "off" {
		if p.template, err = chat.FromFiles(m.files); err != nil {
			return nil, fmt.Errorf("chat_template: %w (to do without: chat_template.use=off)", err)
		}
	}
	switch {
	case p.template == nil && o.Use == "on":
		return nil, fmt.Errorf("chat_template.use: on needs a folder with a chat template, and this one has none")
	case p.template == nil && system != "":
		return nil, fmt.Errorf("chat_template.system: needs a folder with a chat template, and none is in use")
	case p.template == nil:
		return p, nil
	}
	if _, err := p.Tokens("x"); err != nil {
		return nil, err // a template that needs what is not given fails here, not at the first prompt
	}
	return p, p.findEnd(m.Config)
}

// Templated says whether prompts go through a chat template.
func (p *Prompter) Templated() bool { return p.template != nil }

// Text is what the model is given for a prompt: the messages as the template
// writes them, up to where the answer begins; without a template the prompt.
func (p *Prompter) Text(prompt string) (string, error) {
	if p.template == nil {
		return prompt, nil
	}
	opt := p.opt
	opt.Generation = true
	return p.template.Render(p.messages(prompt), opt)
}

func (p *Prompter) messages(prompt string) []chat.Message {
	var out []chat.Message
	if p.system != "" {
		out = append(out, chat.Message{Role: "system", Content: p.system})
	}
	return append(out, chat.Message{Role: "user", Content: prompt})
}

// Tokens are the tokens of Text. Only a template's text has special tokens in it;
// a prompt as it is has none, and a text that looks like one is text.
func (p *Prompter) Tokens(prompt string) ([]int32, error) {
	text, err := p.Text(prompt)
	if errors.Is(err, chat.ErrNoDate) {
		return nil, fmt.Errorf("%w: set chat_template.date", err)
	}
	if err != nil {
		return nil, err
	}
	if p.template == nil {
		return p.tok.Encode(text), nil
	}
	return p.tok.EncodeControl(text), nil
}

// Response are the tokens of an answer to learn behind a prompt, with the end
// token. joint stands between the two where no template divides them.
func (p *Prompter) Response(joint, answer string) []int32 {
	if p.template != nil {
		joint = ""
	}
	return append(p.tok.Encode(joint+answer), p.end)
}

// endMark is an answer whose place in a rendered text is known.
const endMark = "Answer0815"

// findEnd finds the end token that the template puts behind an answer: a model
// may know several, and its config names another one first.
func (p *Prompter) findEnd(c Config) error {
	messages := append(p.messages("x"), chat.Message{Role: "assistant", Content: endMark})
	text, err := p.template.Render(messages, p.opt)
	if err != nil {
		return err
	}
	at := strings.LastIndex(text, endMark)
	if at < 0 {
		return fmt.Errorf("chat_template: must write the answer of the assistant")
	}
	for _, id := range p.tok.EncodeControl(text[at+len(endMark):]) {
		if c.EndsWith(id) {
			p.end = id
			return nil
		}
	}
	return nil // it is taught to end with EOS, as without a template
}
