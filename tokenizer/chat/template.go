package chat

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"pgsrm/jinja"
)

// Template is a parsed chat template with the special tokens it may name. It is
// read-only and safe for concurrent use.
type Template struct {
	body   *jinja.Template
	tokens jinja.Vars // "bos_token" and so on
}

// Message is one message of a conversation.
type Message struct {
	Role    string // system, user or assistant
	Content string
}

// Options are the variables of a rendering beside the messages.
type Options struct {
	Generation bool      // end with what begins the model's answer
	Now        time.Time // for strftime_now; the zero time is none
	Variables  *Variables
}

// parse reads a template. What the template language here does not have is an
// error with its line.
func parse(source string) (*Template, error) {
	body, err := jinja.Parse(source)
	if err != nil {
		return nil, fmt.Errorf("chat template: %w", err)
	}
	return &Template{body: body}, nil
}

// Render writes the messages as the template says.
func (t *Template) Render(messages []Message, opt Options) (string, error) {
	all := make([]jinja.Value, len(messages))
	for i, m := range messages {
		all[i] = jinja.Dict(
			jinja.Pair{Key: "role", Value: m.Role},
			jinja.Pair{Key: "content", Value: strings.ToValidUTF8(m.Content, string(utf8.RuneError))},
		)
	}
	given := jinja.Vars{"messages": jinja.List(all...), "add_generation_prompt": opt.Generation}
	if opt.Variables == nil {
		return t.render(opt.Now, given)
	}
	return t.render(opt.Now, given, opt.Variables.vars)
}

// render renders with any variables; later maps count over earlier ones.
func (t *Template) render(now time.Time, vars ...jinja.Vars) (string, error) {
	all := append([]jinja.Vars{functions(now), {"tools": nil, "documents": nil}, t.tokens}, vars...)
	text, err := t.body.Render(all...)
	if limit := (*jinja.LimitError)(nil); errors.As(err, &limit) {
		return "", fmt.Errorf("chat template: %w: the template or the messages are too long", err)
	}
	if err != nil {
		return "", fmt.Errorf("chat template: %w", err)
	}
	return text, nil
}
