package cache

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// outage is a time in which the store is not asked, after it failed.
type outage struct {
	until time.Time
	wait  time.Duration // 0 = the store is there
	put   bool          // it could not be written, as where a disk is full; reading goes on
}

// The pauses after a failure of the store double from the first to the last.
const (
	firstPause = time.Second
	lastPause  = 30 * time.Second
)

// errAway is the store in a pause.
var errAway = errors.New("the store is away")

// attempt runs op, which puts or else gets, on the store unless that has just failed. A
// failure is a warning and begins a pause; the first success after it is told too. That
// something can be read says nothing of writing.
func (c *Cache) attempt(ctx context.Context, put bool, op func() error) error {
	c.mu.Lock()
	away := c.now().Before(c.outage.until) && (put || !c.outage.put)
	c.mu.Unlock()
	if away {
		return errAway
	}
	err := op()
	c.mu.Lock()
	before := c.outage.wait
	over := err == nil && before > 0 && (put || !c.outage.put)
	switch {
	case over:
		c.outage = outage{}
	case err != nil && ctx.Err() == nil:
		c.outage.put = put && (before == 0 || c.outage.put)
		c.outage.wait = min(max(2*before, firstPause), lastPause)
		c.outage.until = c.now().Add(c.outage.wait)
	}
	c.mu.Unlock()
	switch {
	case over:
		c.warn(fmt.Sprintf("cache: %s is there again", c.Name()))
	case err != nil && ctx.Err() == nil && before == 0:
		c.warn(fmt.Sprintf("cache: going on without it for now: %v", err))
	}
	return err
}
