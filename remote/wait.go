package remote

import (
	"context"
	"net/http"
	"strconv"
	"time"
)

// Bounds of the waits between two attempts.
const (
	firstWait     = 500 * time.Millisecond
	longestWait   = 8 * time.Second
	jitterShare   = 0.25              // of a wait is left to chance, so that clients do not come back all at once
	maxRetryAfter = 120 * time.Second // a server that asks for more is asked again by our own rule
)

// backoff is the wait after the n-th failed attempt (n from 1): 0.5 s doubling
// to 8 s, less up to a quarter; jitter is in 0..1.
func backoff(n int, jitter float64) time.Duration {
	wait := longestWait
	if n <= 4 { // 0.5, 1, 2, 4
		wait = firstWait << (n - 1)
	}
	return time.Duration(float64(wait) * (1 - jitterShare*jitter))
}

// retryAfter is the wait that a server asked for: retry-after-ms, or Retry-After
// in seconds or as a date; 0 where there is none, or one without sense or bound.
func retryAfter(h http.Header, now time.Time) time.Duration {
	wait := time.Duration(0)
	if ms, err := strconv.ParseFloat(h.Get("Retry-After-Ms"), 64); err == nil {
		wait = inRange(ms / 1000)
	} else if s, err := strconv.ParseFloat(h.Get("Retry-After"), 64); err == nil {
		wait = inRange(s)
	} else if at, err := http.ParseTime(h.Get("Retry-After")); err == nil {
		wait = inRange(at.Sub(now).Seconds())
	}
	return wait
}

// inRange is s seconds if a server may ask for so many, else 0.
func inRange(s float64) time.Duration {
	if s > 0 && s <= maxRetryAfter.Seconds() {
		return seconds(s)
	}
	return 0
}

// sleep waits for d, or until the context ends.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
