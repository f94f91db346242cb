package remotetest

import (
	"context"
	"sync"
	"time"

	"pgsrm/remote"
)

// Clock is a time that moves only by sleeping, which takes no time.
type Clock struct {
	mu     sync.Mutex
	now    time.Time
	sleeps []time.Duration
	during func(d time.Duration) // called in each sleep; nil = nothing
}

// NewClock stands at noon of a day.
func NewClock() *Clock { return &Clock{now: time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)} }

// Now is the time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// During has f called within each sleep, with its length: a server can come back
// while a client waits.
func (c *Clock) During(f func(d time.Duration)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.during = f
}

// Sleep moves the time.
func (c *Clock) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	c.now = c.now.Add(d)
	c.sleeps = append(c.sleeps, d)
	f := c.during
	c.mu.Unlock()
	if f != nil {
		f(d)
	}
	return ctx.Err()
}

// Sleeps are all sleeps so far, in order.
func (c *Clock) Sleeps() []time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]time.Duration(nil), c.sleeps...)
}

// Deps are those of a client on this clock: no jitter, and the environment that
// is given, name by name.
func (c *Clock) Deps(env map[string]string) remote.Deps {
	return remote.Deps{
		Now: c.Now, Sleep: c.Sleep, Jitter: func() float64 { return 0 },
		Getenv: func(name string) string { return env[name] },
	}
}
