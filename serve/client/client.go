// Package client asks a reward server (pgsrm serve) for rewards: POST /v1/reward, described
// in docs/serve.md. Waiting, repeating and limits are those of package remote.
package client

import (
	"context"
	"encoding/json"
	"fmt"

	"pgsrm/remote"
)

// KeyEnv is the environment variable that a bearer token is read from.
const KeyEnv = "PGSRM_SERVE_TOKEN"

// path is the route.
const path = "/v1/reward"

// Sample is one answer to score.
type Sample struct {
	Prompt    string          `json:"prompt"`
	Response  string          `json:"response"`
	Reference *string         `json:"reference,omitempty"` // nil = the answer of the task or its parent
	Accepted  []string        `json:"accepted,omitempty"`  // further answers that are right, beside those of the task; nil = none
	Finish    string          `json:"finish,omitempty"`    // eos, stop or length: how the response ended; "" = by itself
	ID        string          `json:"id,omitempty"`        // of the task's item, in the place of its prompt; "" = by the prompt
	Columns   json.RawMessage `json:"columns,omitempty"`   // object for the terms exec, http and judge; nil = none
}

// Request is what is sent. Where the reward compares answers, samples with one prompt that
// follow each other are a group.
type Request struct {
	Name     string   `json:"name,omitempty"`      // of the reward; "" = the first of the server
	TimeoutS float64  `json:"timeout_s,omitempty"` // seconds until samples are given up; 0 = as the server does by itself
	Samples  []Sample `json:"samples"`
}

// Reply is what comes back.
type Reply struct {
	Name    string     `json:"name"`
	Terms   []string   `json:"terms"`   // names, in their order
	Groups  bool       `json:"groups"`  // the reward compares the answers to one prompt
	Rewards []*float64 `json:"rewards"` // nil = the sample has none, see its result
	Results []Result   `json:"results"` // in the order of the samples
}

// Result is what came of a sample.
type Result struct {
	Reward     *float64           `json:"reward"`                 // nil where Error is set
	Terms      map[string]float64 `json:"terms"`                  // unweighted
	Right      bool               `json:"right"`                  // an exact match, whatever the reward says
	Reference  *string            `json:"reference"`              // what it was compared with; nil = nothing
	Strict     *bool              `json:"exact_match"`            // nil unless the section answer counts
	Normalized *bool              `json:"exact_match_normalized"` // likewise
	Error      *Problem           `json:"error"`                  // nil = scored
}

// Problem is why a sample, or a request, has no reward.
type Problem struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Retry   bool   `json:"retry"` // the same sample may be scored later
}

// DefaultOptions are the limits of a client: as those of any server, with the token of
// KeyEnv.
func DefaultOptions() remote.Options {
	o := remote.DefaultOptions()
	o.KeyEnv = KeyEnv
	return o
}

// Client asks one server. It is safe for concurrent use.
type Client struct{ remote *remote.Client }

// New makes a client of the server at base, such as http://127.0.0.1:8900. Nothing is sent
// yet.
func New(base string, o remote.Options, deps remote.Deps) (*Client, error) {
	c, err := remote.New(base, o, deps)
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	return &Client{c}, nil
}

// Score asks for the rewards of samples. The error is that of the request; a sample that has
// no reward has an error of its own in its result.
func (c *Client) Score(ctx context.Context, r Request) (*Reply, error) {
	if r.Samples == nil {
		r.Samples = []Sample{}
	}
	var reply Reply
	err := c.remote.Do(ctx, remote.Call{Path: path, Body: r, Check: func(text []byte) error {
		reply = Reply{}
		if err := remote.Decode(text, &reply); err != nil {
			return err
		}
		return reply.check(len(r.Samples))
	}})
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	return &reply, nil
}

// check demands a result for each of n samples: a reward or an error.
func (r *Reply) check(n int) error {
	if len(r.Results) != n {
		return fmt.Errorf("reply must have a result for each of %d samples (got %d)", n, len(r.Results))
	}
	for i, one := range r.Results {
		if (one.Reward == nil) == (one.Error == nil) {
			return fmt.Errorf("results[%d] must have a reward or an error", i)
		}
	}
	return nil
}
