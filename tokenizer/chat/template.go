package chat

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Template is a parsed chat template with the special tokens it may name. It is
// read-only and safe for concurrent use.
type Template struct {
	body   []stmt
	scope  scope
	tokens map[string]value // "bos_token" and so on
}

// Message is one message of a conversation.
type Message struct {
	Role    string // system, user or assistant
	Content string
}

// Options are the variables of a rendering beside the messages.
type Options struct {
	Generation bool      // ends with what begins the model's answer
	Now        time.Time // for strftime_now; the zero time is none
	Variables  *Variables
}

// Variables are further variables of a template, in the order of their JSON.
type Variables struct{ values *dict }

// Parse reads a template. What the package does not have is an error with its
// line.
func Parse(source string) (*Template, error) {
	t, err := parse(source)
	if err != nil {
		return nil, fmt.Errorf("chat template: %w", err)
	}
	return t, nil
}

func parse(source string) (*Template, error) {
	if len(source) > maxSource {
		return nil, fmt.Errorf("must have at most %d bytes (got %d)", maxSource, len(source))
	}
	if !utf8.ValidString(source) {
		return nil, errors.New("must be UTF-8")
	}
	tokens, err := lex(source)
	if err != nil {
		return nil, err
	}
	p := &parser{tokens: tokens}
	body, err := p.body()
	if err != nil {
		return nil, err
	}
	return &Template{body: body, scope: frameOf(nil, nil, nil, body)}, nil
}

// Render writes the messages as the template says.
func (t *Template) Render(messages []Message, opt Options) (string, error) {
	all := &list{}
	for _, m := range messages {
		d := newDict()
		d.set("role", m.Role)
		d.set("content", strings.ToValidUTF8(m.Content, string(utf8.RuneError)))
		all.items = append(all.items, d)
	}
	given := map[string]value{"messages": all, "tools": nil, "documents": nil, "add_generation_prompt": opt.Generation}
	if opt.Variables != nil {
		for _, k := range opt.Variables.values.keys {
			given[k] = opt.Variables.values.vals[k]
		}
	}
	return t.render(given, opt.Now)
}

// render renders with any variables.
func (t *Template) render(given map[string]value, now time.Time) (string, error) {
	r := &renderer{out: new(strings.Builder), given: map[string]value{"strftime_now": strftimeNow(now)}}
	for name, v := range t.tokens {
		r.given[name] = v
	}
	for name, v := range given {
		r.given[name] = v
	}
	if err := r.body(t.body, r.enter(t.scope, nil)); err != nil {
		return "", fmt.Errorf("chat template: %w", err)
	}
	return r.out.String(), nil
}
