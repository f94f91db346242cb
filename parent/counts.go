package parent

import (
	"maps"

	"pgsrm/remote"
)

// Counts are what a costly parent was asked and what that cost.
type Counts struct {
	Server         remote.Stats     `json:"server"`
	Known          int64            `json:"known"`           // answers that the cache gave
	TokensSent     int64            `json:"tokens_sent"`     // as the server counts them
	TokensReceived int64            `json:"tokens_received"` // likewise
	Uncounted      int64            `json:"uncounted"`       // replies without a count of tokens
	Refused        map[Reason]int64 `json:"refused"`         // answers that came and could not be used
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

// counter is a Parent that counts; a wrapper of one has a method Unwrap.
type counter interface {
	Counts() Counts
}

// CountsOf are the counts of a parent, or of the one that it wraps; ok is false
// where nothing is counted.
func CountsOf(p Parent) (c Counts, ok bool) {
	var known int64
	for p != nil {
		if counted, ok := p.(counter); ok {
			c = counted.Counts()
			c.Known = known
			return c, true
		}
		if before, ok := p.(*cached); ok {
			known = before.through.Counts().Hits
		}
		wrapper, ok := p.(interface{ Unwrap() Parent })
		if !ok {
			break
		}
		p = wrapper.Unwrap()
	}
	return Counts{}, false
}

// Counts is a snapshot.
func (c *Chat) Counts() Counts {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := c.counts
	out.Refused = maps.Clone(out.Refused)
	out.Server = c.client.Stats()
	out.Cost = c.opt.cost(out.TokensSent, out.TokensReceived)
	return out
}

// meter counts the tokens of a reply.
func (c *Chat) meter(u *usage) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if u == nil {
		c.counts.Uncounted++
		return
	}
	c.counts.TokensSent += u.PromptTokens
	c.counts.TokensReceived += u.CompletionTokens
}

// refuse counts a refused answer.
func (c *Chat) refuse(r Reason) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts.Refused[r]++
}
