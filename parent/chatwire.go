package parent

import (
	"errors"
	"fmt"

	"pgsrm/remote"
)

// message is one of a conversation.
type message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// chatRequest is the body of POST /chat/completions.
type chatRequest struct {
	Model               string          `json:"model"`
	Messages            []message       `json:"messages"`
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

// schema is the subset of JSON Schema that an answer needs.
type schema struct {
	Type                 string            `json:"type"`
	Properties           map[string]schema `json:"properties,omitempty"`
	Required             []string          `json:"required,omitempty"`
	AdditionalProperties *bool             `json:"additionalProperties,omitempty"`
}

// answerKey is the one key of an answer in JSON, as in the paper's notebooks.
const answerKey = "OUTPUT"

// jsonInstruction follows the system message where an answer is JSON: a schema
// alone is not told to the model by every server. It shows no object to fill in:
// small models repeat what stands in the place of the answer.
const jsonInstruction = `Reply only with a JSON object that has one key, "OUTPUT", and under it the answer to the request as text.`

// body is the request for the messages in a dialect.
func (c *Chat) body(messages []message, d dialect) chatRequest {
	r := chatRequest{Model: c.model, Messages: messages}
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
	if d.schema {
		no := false
		r.ResponseFormat = &responseFormat{"json_schema", jsonSchema{Name: "answer", Strict: true, Schema: schema{
			Type: "object", Properties: map[string]schema{answerKey: {Type: "string"}}, Required: []string{answerKey}, AdditionalProperties: &no,
		}}}
	}
	return r
}

// chatReply is what comes back. Reasoning that comes apart is not read: it is
// never the answer.
type chatReply struct {
	Choices []choice `json:"choices"`
	Usage   *usage   `json:"usage"`
}

type choice struct {
	Message      *replyMessage `json:"message"`
	FinishReason string        `json:"finish_reason"`
}

type replyMessage struct {
	Content *string `json:"content"`
	Refusal *string `json:"refusal"`
}

type usage struct {
	PromptTokens     int64 `json:"prompt_tokens"`
	CompletionTokens int64 `json:"completion_tokens"`
}

// read decodes a reply; what has not the documented form is asked for again.
func (r *chatReply) read(text []byte) error {
	*r = chatReply{}
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

// estimateTokens is a rough count for messages whose tokenizer is not at hand:
// a token for four bytes, and four for each message.
func estimateTokens(messages []message) int {
	n := 0
	for _, m := range messages {
		n += 4 + (len(m.Content)+3)/4
	}
	return n
}
