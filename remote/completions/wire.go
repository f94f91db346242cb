package completions

import (
	"errors"
	"fmt"

	"pgsrm/remote"
)

// Message is one of a conversation.
type Message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// System is what the model is told to be.
func System(text string) Message { return Message{"system", text} }

// User is what the model is asked.
func User(text string) Message { return Message{"user", text} }

// Assistant is what the model said before.
func Assistant(text string) Message { return Message{"assistant", text} }

// request is the body of POST /chat/completions.
type request struct {
	Model               string          `json:"model"`
	Messages            []Message       `json:"messages"`
	Temperature         *float64        `json:"temperature,omitempty"`
	Seed                *int64          `json:"seed,omitempty"`
	MaxTokens           int             `json:"max_tokens,omitempty"`
	MaxCompletionTokens int             `json:"max_completion_tokens,omitempty"`
	ResponseFormat      *responseFormat `json:"response_format,omitempty"`
}

type responseFormat struct {
	Type       string     `json:"type"`
	JSONSchema jsonSchema `json:"json_schema"`
}

type jsonSchema struct {
	Name   string `json:"name"`
	Strict bool   `json:"strict"`
	Schema schema `json:"schema"`
}

// schema is the subset of JSON Schema that a Form needs.
type schema struct {
	Type                 string            `json:"type"`
	Enum                 []string          `json:"enum,omitempty"`
	Properties           map[string]schema `json:"properties,omitempty"`
	Required             []string          `json:"required,omitempty"`
	AdditionalProperties *bool             `json:"additionalProperties,omitempty"`
}

// Form is that of a reply which is a JSON object with one key and a text under it.
type Form struct {
	Key    string
	OneOf  []string // the texts that it may be; nil = any
	Strict bool     // a server that cannot hold the model to the form is refused, not asked without
}

// body is the request for the messages in a dialect.
func (c *Client) body(messages []Message, f *Form, d dialect) request {
	r := request{Model: c.model, Messages: messages}
	if c.opt.Temperature >= 0 {
		r.Temperature = &c.opt.Temperature
	}
	if c.opt.Seed != 0 {
		r.Seed = &c.opt.Seed
	}
	if d.completion {
		r.MaxCompletionTokens = c.opt.MaxTokens
	} else {
		r.MaxTokens = c.opt.MaxTokens
	}
	if f != nil && d.schema {
		no := false
		r.ResponseFormat = &responseFormat{"json_schema", jsonSchema{Name: "answer", Strict: true, Schema: schema{
			Type: "object", Properties: map[string]schema{f.Key: {Type: "string", Enum: f.OneOf}}, Required: []string{f.Key}, AdditionalProperties: &no,
		}}}
	}
	return r
}

// reply is what comes back. Reasoning that comes apart is not read: it is never the
// answer.
type reply struct {
	Choices []Choice `json:"choices"`
	Usage   *usage   `json:"usage"`
}

// Choice is what a model said.
type Choice struct {
	Message      *Reply `json:"message"`
	FinishReason string `json:"finish_reason"`
}

// Reply is the message of a Choice; either part may be missing.
type Reply struct {
	Content *string `json:"content"`
	Refusal *string `json:"refusal"`
}

type usage struct {
	PromptTokens     int64 `json:"prompt_tokens"`
	CompletionTokens int64 `json:"completion_tokens"`
}

// read decodes a reply; what has not the documented form is asked for again.
func (r *reply) read(text []byte) error {
	*r = reply{}
	if err := remote.Decode(text, r); err != nil {
		return err
	}
	switch {
	case len(r.Choices) != 1:
		return fmt.Errorf("reply must have one choice (got %d)", len(r.Choices))
	case r.Choices[0].Message == nil:
		return errors.New("reply must have a message")
	case r.Usage != nil && (r.Usage.PromptTokens < 0 || r.Usage.CompletionTokens < 0):
		return fmt.Errorf("reply must count its tokens (got %d and %d)", r.Usage.PromptTokens, r.Usage.CompletionTokens)
	}
	return nil
}

// EstimateTokens is a rough count for messages whose tokenizer is not at hand: a token
// for four bytes, and four for each message.
func EstimateTokens(messages []Message) int {
	n := 0
	for _, m := range messages {
		n += 4 + (len(m.Content)+3)/4
	}
	return n
}
