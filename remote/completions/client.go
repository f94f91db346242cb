// Package completions speaks the protocol of OpenAI's chat completions, which OpenAI, vLLM,
// llama.cpp, Ollama and LM Studio answer: parents and judges are asked through it.
// Waiting, repeating and limits are those of package remote.
//
//	client.go    Client: asking, what servers of the protocol differ in
//	wire.go      request and reply
//	refused.go   what a model said and cannot be used
//	counts.go    what was asked and what it cost
package completions

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"pgsrm/remote"
)

// Options are what a model is asked with beside the messages.
type Options struct {
	Name        string  // stands for the server in Identity, in the place of its address; "" = the address
	Temperature float64 // below 0 = not sent
	Seed        int64   // 0 = not sent
	MaxTokens   int     // of a reply
	PriceInput  float64 // of a million tokens sent, in any currency
	PriceOutput float64 // of a million tokens received
	Server      remote.Options
}

// Client asks one model. It is safe for concurrent use.
type Client struct {
	model  string
	opt    Options
	client *remote.Client
	warn   func(text string)

	mu      sync.Mutex
	dialect dialect
	counts  Counts
}

// Close closes idle connections.
func (c *Client) Close() { c.client.Close() }

// New makes the client of the model that "MODEL@URL" names. Nothing is sent yet. warn,
// which may be nil, is told what the user should know. Errors name no secrets.
func New(spec string, o Options, warn func(text string), deps remote.Deps) (*Client, error) {
	model, base, err := remote.ParseModel(spec)
	if err != nil {
		return nil, err
	}
	client, err := remote.New(base, o.Server, deps)
	if err != nil {
		return nil, err
	}
	if base == remote.OpenAIURL && !client.HasKey() {
		return nil, fmt.Errorf("%s needs a key in the environment variable %s", base, o.Server.KeyEnv)
	}
	if warn == nil {
		warn = func(string) {}
	}
	return &Client{
		model: model, opt: o, client: client, warn: warn,
		dialect: dialect{schema: true, completion: base == remote.OpenAIURL}, counts: Counts{Refused: map[Reason]int64{}},
	}, nil
}

// Identity is the model and its server.
func (c *Client) Identity() string {
	server := c.opt.Name
	if server == "" {
		server = c.client.URL()
	}
	return "openai:" + c.model + "@" + server
}

// Each calls f for every i below n, as many at once as the server may be asked.
func (c *Client) Each(n int, f func(i int)) { c.client.Each(n, f) }

// Ask gets what the model says to a conversation, in a form (nil: any text), and counts
// what that took. The request is sent in the dialect that the server is known to accept,
// and where it refuses that in the next one; what it accepts is remembered. The error is
// a *remote.Error.
func (c *Client) Ask(ctx context.Context, messages []Message, f *Form) (Choice, error) {
	var r reply
	for d := c.spoken(); ; {
		err := c.client.Do(ctx, remote.Call{
			Path: "/chat/completions", Body: c.body(messages, f, d), Tokens: EstimateTokens(messages) + c.opt.MaxTokens, Check: r.read,
		})
		if err == nil {
			c.learn(d)
			c.meter(r.Usage)
			return r.Choices[0], nil
		}
		simpler, ok := d.simpler(err, f != nil && !f.Strict)
		if !ok {
			return Choice{}, err
		}
		d = simpler
	}
}

// dialect is what servers of the protocol differ in.
type dialect struct {
	schema     bool // response_format is understood
	completion bool // the limit is named max_completion_tokens; all but OpenAI know max_tokens
}

// simpler is the dialect to try after a refusal that the other may explain; the schema
// is given up where it was sent and may be.
func (d dialect) simpler(err error, mayDrop bool) (dialect, bool) {
	var e *remote.Error
	if !errors.As(err, &e) || e.Status != http.StatusBadRequest && e.Status != http.StatusUnprocessableEntity {
		return d, false
	}
	switch {
	case !d.completion && strings.Contains(e.Excerpt, "max_completion_tokens"):
		d.completion = true
	case d.schema && mayDrop:
		d.schema = false
	default:
		return d, false
	}
	return d, true
}

// spoken is the dialect known to work, or the first one.
func (c *Client) spoken() dialect {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dialect
}

// learn remembers a dialect that worked, and says once what was given up.
func (c *Client) learn(d dialect) {
	c.mu.Lock()
	old := c.dialect
	c.dialect.schema = c.dialect.schema && d.schema
	c.dialect.completion = c.dialect.completion || d.completion
	c.mu.Unlock()
	if old.schema && !d.schema {
		c.warn(c.Identity() + " refuses a JSON schema: answers are asked for as JSON by instruction")
	}
}
