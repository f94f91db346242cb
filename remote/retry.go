package remote

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"time"
)

// Retry is the one loop that repeats what a network or a server can spoil.
type Retry struct {
	Attempts int           // in a row that got nowhere, the first one included
	GiveUp   time.Duration // of all, waits included; 0 = no limit
	Now      func() time.Time
	Sleep    func(ctx context.Context, d time.Duration) error
	Jitter   func() float64 // in 0..1
}

// Do calls attempt with 1, 2, ... until it succeeds, or fails with an error that
// lasts, too often, or too late; then that error is returned. Between two attempts
// it waits for as long as the server asked (Later, Error), else 0.5 s doubling to
// 8 s. An attempt that got farther than those before begins the count anew. The
// end of the context, or an error of Sleep, is joined with that of the attempt.
func (r Retry) Do(ctx context.Context, attempt func(n int) (farther bool, err error)) error {
	begun := r.Now()
	for n, failed := 1, 0; ; n++ {
		farther, err := attempt(n)
		if err == nil {
			return nil
		}
		if farther {
			failed = 0
		}
		failed++
		wait := cmp.Or(askedFor(err), backoff(failed, r.Jitter()))
		late := r.GiveUp > 0 && r.Now().Add(wait).Sub(begun) > r.GiveUp
		if Lasting(err) || failed >= r.Attempts || late {
			return err
		}
		stopped := ctx.Err()
		if stopped == nil {
			stopped = r.Sleep(ctx, wait)
		}
		if stopped != nil {
			return errors.Join(stopped, err)
		}
	}
}

// permanent marks an error that another attempt cannot mend.
type permanent struct{ error }

func (p permanent) Unwrap() error { return p.error }

// Permanent marks an error as one that the same request would meet again, so that
// it is not retried. Its text is that of err.
func Permanent(err error) error { return permanent{err} }

// Lasting says whether an error is not retried: one of Permanent, or an *Error
// that is not transient.
func Lasting(err error) bool {
	var e *Error
	if errors.As(err, &e) {
		return !e.Transient
	}
	return errors.As(err, &permanent{})
}

// later is a failure after which the server asks for some patience.
type later struct {
	error
	wait time.Duration
}

func (l later) Unwrap() error { return l.error }

// Later marks an error of a reply with these headers: Retry waits for as long as
// they ask. Its text is that of err.
func Later(err error, h http.Header, now time.Time) error { return later{err, retryAfter(h, now)} }

// askedFor is the wait that a server asked for; 0 = none.
func askedFor(err error) time.Duration {
	var e *Error
	var l later
	switch {
	case errors.As(err, &e):
		return e.retryAfter
	case errors.As(err, &l):
		return l.wait
	}
	return 0
}
