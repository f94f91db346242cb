package completions

import (
	"fmt"
	"maps"

	"pgsrm/remote"
)

// Counts are what a model was asked and what that cost. They depend on the network and
// the cache, so they belong beside results, never into them.
type Counts struct {
	Server         remote.Stats     `json:"server"`
	Known          int64            `json:"known"`           // answers that the cache gave, where there is one
	TokensSent     int64            `json:"tokens_sent"`     // as the server counts them
	TokensReceived int64            `json:"tokens_received"` // likewise
	Uncounted      int64            `json:"uncounted"`       // replies without a count of tokens
	Refused        map[Reason]int64 `json:"refused"`         // replies that came and could not be used
	Cost           float64          `json:"cost"`            // by the prices of the configuration
}

// Values are the counts as named numbers; those of kinds that did not occur are
// left out.
func (c Counts) Values() map[string]float64 {
	out := c.Server.Values()
	out["tokens_sent"], out["tokens_received"], out["cost"], out["cache_hits"] = float64(c.TokensSent), float64(c.TokensReceived), c.Cost, float64(c.Known)
	if c.Uncounted > 0 {
		out["uncounted"] = float64(c.Uncounted)
	}
	for reason, n := range c.Refused {
		out["refused/"+string(reason)] = float64(n)
	}
	return out
}

// String tells the counts that a user wants to see while a model is asked.
func (c Counts) String() string {
	text := fmt.Sprintf("%d from the cache, %d requests, %d tokens", c.Known, c.Server.Requests, c.TokensSent+c.TokensReceived)
	if c.Server.Retries > 0 {
		text += fmt.Sprintf(", %d retries", c.Server.Retries)
	}
	if c.Cost > 0 {
		text += fmt.Sprintf(", cost %.4g", c.Cost)
	}
	return text
}

// Counts is a snapshot.
func (c *Client) Counts() Counts {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := c.counts
	out.Refused = maps.Clone(out.Refused)
	out.Server = c.client.Stats()
	out.Cost = c.opt.Cost(out.TokensSent, out.TokensReceived)
	return out
}

// Cost is the price of so many tokens.
func (o Options) Cost(sent, received int64) float64 {
	return (float64(sent)*o.PriceInput + float64(received)*o.PriceOutput) / 1e6
}

// meter counts the tokens of a reply.
func (c *Client) meter(u *usage) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if u == nil {
		c.counts.Uncounted++
		return
	}
	c.counts.TokensSent += u.PromptTokens
	c.counts.TokensReceived += u.CompletionTokens
}

// Refuse counts a reply that was refused.
func (c *Client) Refuse(r Reason) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts.Refused[r]++
}
