package hf

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"pgsrm/config"
	"pgsrm/lm"
	"pgsrm/task"
	"pgsrm/tokenizer"
	"pgsrm/tokenizer/chat"
)

// TemplateOptions say whether and how the chat template of a folder is used.
type TemplateOptions struct {
	Use       string `yaml:"use" oneof:"auto, on, off"` // auto: where the folder has one; on: it must have one; off: never
	Date      string `yaml:"date"`                      // YYYY-MM-DD, today's date for a template that asks for it; "" = none
	Variables string `yaml:"variables"`                 // JSON object of further variables, such as {"enable_thinking": false}
}

// DefaultTemplateOptions use the template of a folder that has one.
func DefaultTemplateOptions() TemplateOptions { return TemplateOptions{Use: "auto"} }

// Validate reports the first option that cannot be used.
func (o TemplateOptions) Validate() error { return config.Check(o) }

// Rules reports a date or variables that cannot be read.
func (o TemplateOptions) Rules() error {
	_, err := o.chat()
	return err
}

// chat reads the options.
func (o TemplateOptions) chat() (c chat.Options, err error) {
	if err := config.OneOf("use", o.Use, "auto", "on", "off"); err != nil {
		return c, err
	}
	if o.Date != "" {
		if c.Now, err = time.Parse(time.DateOnly, o.Date); err != nil {
			return c, &config.Error{Key: "date", Must: "must be YYYY-MM-DD", Value: fmt.Sprintf("%q", o.Date)}
		}
	}
	if c.Variables, err = chat.ParseVariables(o.Variables); err != nil {
		return c, config.At("variables", err)
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
// before every prompt, "" for none; without a template it must be empty.
func (m *Model) Prompter(system string, o TemplateOptions) (*Prompter, error) {
	if m.Tokenizer == nil {
		return nil, fmt.Errorf("prompts: the folder of the model must have a tokenizer (it has none)")
	}
	p := &Prompter{tok: m.Tokenizer, system: system, end: m.Config.EOS}
	var err error
	if p.opt, err = o.chat(); err != nil {
		return nil, fmt.Errorf("chat template: %w", err)
	}
	if o.Use != "off" {
		if p.template, err = chat.FromFiles(m.files); err != nil {
			return nil, fmt.Errorf("%w (to do without the chat template: use off)", err)
		}
	}
	switch {
	case p.template == nil && o.Use == "on":
		return nil, fmt.Errorf("chat template: the folder has none, and use is on")
	case p.template == nil && system != "":
		return nil, fmt.Errorf("chat template: a system message needs one, and none is in use")
	case p.template == nil:
		return p, nil
	}
	if _, err := p.Tokens("x"); err != nil {
		return nil, err // a template that needs what is not given fails here, not at the first prompt
	}
	p.findEnd(m.Config)
	return p, nil
}

// Templated says whether prompts go through a chat template.
func (p *Prompter) Templated() bool { return p.template != nil }

// Turn is what the user said in a conversation, and what the model answered: "" in
// the last turn, which is to be answered.
type Turn struct{ User, Answer string }

// Chat is Conversation for one message of the user.
func (p *Prompter) Chat(system, user string) (string, error) {
	return p.Conversation(system, []Turn{{User: user}})
}

// Conversation is what the model is given for a system message (none where it is
// empty) and the turns of a conversation: as the template writes them, up to where the
// answer to the last one begins. Without a template, and then without a system
// message, it is the texts one after another, a line break after each answer.
func (p *Prompter) Conversation(system string, turns []Turn) (string, error) {
	if p.template == nil {
		return plainText(turns), nil
	}
	all := messages(system, turns[0].User)
	for i, t := range turns[1:] {
		all = append(all, chat.Message{Role: "assistant", Content: turns[i].Answer}, chat.Message{Role: "user", Content: t.User})
	}
	opt := p.opt
	opt.Generation = true
	text, err := p.template.Render(all, opt)
	if errors.Is(err, chat.ErrNoDate) {
		return "", fmt.Errorf("%w: set its date", err)
	}
	return text, err
}

// plainText is a conversation as one text, which the model continues.
func plainText(turns []Turn) string {
	var b strings.Builder
	for i, t := range turns {
		b.WriteString(t.User)
		if i < len(turns)-1 {
			b.WriteString(t.Answer + "\n")
		}
	}
	return b.String()
}

// messages of a conversation.
func messages(system, user string) []chat.Message {
	var out []chat.Message
	if system != "" {
		out = append(out, chat.Message{Role: "system", Content: system})
	}
	return append(out, chat.Message{Role: "user", Content: user})
}

// Encode are the tokens of what the model is given. Only a template's text has
// special tokens in it; a prompt as it is has none, and what looks like one is text.
func (p *Prompter) Encode(text string) []int32 {
	if p.template == nil {
		return p.tok.Encode(text)
	}
	return p.tok.EncodeControl(text)
}

// Tokens are the tokens that the model is given for a prompt.
func (p *Prompter) Tokens(prompt string) ([]int32, error) {
	if p.template == nil {
		return p.Encode(prompt), nil
	}
	text, err := p.Chat(p.system, prompt)
	if err != nil {
		return nil, err
	}
	return p.Encode(text), nil
}

// Item are the tokens that the model is given for an item of a task: its conversation
// through the template, whose system message comes before that of the prompter, or its text.
func (p *Prompter) Item(it task.Item) ([]int32, error) {
	if p.template == nil || len(it.Messages) == 0 {
		return p.Tokens(it.Prompt)
	}
	system, turns := TurnsOf(it.Messages)
	text, err := p.Conversation(cmp.Or(system, p.system), turns)
	if err != nil {
		return nil, err
	}
	return p.Encode(text), nil
}

// TurnsOf takes a conversation that the user ends apart: its system message, "" where
// there is none, and its turns.
func TurnsOf(all []task.Message) (system string, turns []Turn) {
	for _, m := range all {
		switch n := len(turns); m.Role {
		case "system":
			system = m.Content
		case "user":
			turns = append(turns, Turn{User: m.Content})
		default:
			turns[n-1].Answer = m.Content
		}
	}
	return system, turns
}

// Response are the tokens of an answer to learn after a prompt, with the end
// token. joint stands between the two where no template divides them.
func (p *Prompter) Response(joint, answer string) []int32 {
	if p.template != nil {
		joint = ""
	}
	return append(p.tok.Encode(joint+answer), p.end)
}

// endMark is an answer whose place in a rendered text is known.
const endMark = "Answer0815"

// findEnd finds the end token that the template puts after an answer: a model
// may know several, and its config names another one first. Where the template
// writes no such token, or no answer at all, EOS stays.
func (p *Prompter) findEnd(c lm.Config) {
	turn := append(messages(p.system, "x"), chat.Message{Role: "assistant", Content: endMark})
	text, err := p.template.Render(turn, p.opt)
	at := strings.LastIndex(text, endMark)
	if err != nil || at < 0 {
		return
	}
	for _, id := range p.tok.EncodeControl(text[at+len(endMark):]) {
		if c.EndsWith(id) {
			p.end = id
			return
		}
	}
}
