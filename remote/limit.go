package remote

import (
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// limiter says when an attempt may be sent: after the rate limits, and after
// the wait that the server asked for, which holds for all calls.
type limiter struct {
	requests, tokens *rate.Limiter // nil = no limit

	mu        sync.Mutex
	notBefore time.Time
}

// newLimiter makes the limits of the options. Each lets through at once what is
// due in one second; the rest follows evenly.
func newLimiter(o Options) *limiter {
	l := &limiter{}
	if o.RequestsPerMinute > 0 {
		l.requests = perMinute(o.RequestsPerMinute)
	}
	if o.TokensPerMinute > 0 {
		l.tokens = perMinute(o.TokensPerMinute)
	}
	return l
}

func perMinute(n float64) *rate.Limiter {
	return rate.NewLimiter(rate.Limit(n/60), max(1, int(math.Min(n/60, 1e9))))
}

// delay books one attempt of so many tokens and says how long it has to wait.
func (l *limiter) delay(now time.Time, tokens int) time.Duration {
	l.mu.Lock()
	wait := l.notBefore.Sub(now)
	l.mu.Unlock()
	wait = max(wait, reserve(l.requests, now, 1), reserve(l.tokens, now, tokens))
	return max(wait, 0)
}

// reserve books n units, in pieces where n is more than the limiter grants at once.
func reserve(l *rate.Limiter, now time.Time, n int) (wait time.Duration) {
	if l == nil {
		return 0
	}
	for n > 0 {
		piece := min(n, l.Burst())
		wait = l.ReserveN(now, piece).DelayFrom(now)
		n -= piece
	}
	return wait
}

// pause keeps every call from sending before the given time.
func (l *limiter) pause(until time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if until.After(l.notBefore) {
		l.notBefore = until
	}
}

// breaker keeps a batch of thousands from waiting out every retry of every call
// on a server that is gone: when as many calls as can be in flight failed one
// after the other, only one call in longestWait is sent, once, and the others
// fail at once. A call that succeeds ends this.
type breaker struct {
	limit int // failed calls in a row

	mu     sync.Mutex
	failed int
	probe  time.Time // when the next call is sent
	last   *Error    // what the last call died of
}

// minInARow is the least number of failed calls that says a server is down.
const minInARow = 4

// state says how many attempts a call may make: all, one, or none with the
// error that the calls before met.
func (b *breaker) state(now time.Time, attempts int) (int, *Error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.failed < b.limit:
		return attempts, nil
	case now.Before(b.probe):
		return 0, b.last
	}
	b.probe = now.Add(longestWait)
	return 1, nil
}

// done notes how a call ended. What the server refuses in one request says
// nothing about the others.
func (b *breaker) done(now time.Time, err *Error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case err == nil:
		b.failed = 0
	case err.Kind == Connection, err.Kind == Timeout, err.Kind == RateLimited, err.Kind == Server, err.Kind == Auth:
		b.failed++
		b.last, b.probe = err, now.Add(longestWait)
	}
}
