package remote_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"pgsrm/remote"
	"pgsrm/remote/remotetest"
)

// The loop stops where it should, and waits as it was asked.
func TestRetry(t *testing.T) {
	passing := errors.New("broken")
	lasting := remote.Permanent(passing)
	asked := remote.Later(passing, http.Header{"Retry-After": {"7"}}, time.Now())
	for _, c := range []struct {
		name    string
		errs    []error // of the attempts in turn; then success
		farther map[int]bool
		giveUp  time.Duration
		calls   int
		waits   []time.Duration
		fails   bool
	}{
		{"at once", nil, nil, 0, 1, nil, false},
		{"passes", []error{passing, passing}, nil, 0, 3, []time.Duration{s(0.5), s(1)}, false},
		{"lasts", []error{passing, lasting}, nil, 0, 2, []time.Duration{s(0.5)}, true},
		{"lasts, wrapped", []error{fmt.Errorf("a: %w", lasting)}, nil, 0, 1, nil, true},
		{"asked to wait", []error{fmt.Errorf("a: %w", asked), passing}, nil, 0, 3, []time.Duration{s(7), s(1)}, false},
		{"too often", slices.Repeat([]error{passing}, 9), nil, 0, 4, []time.Duration{s(0.5), s(1), s(2)}, true},
		{"farther each time", slices.Repeat([]error{passing}, 6), map[int]bool{2: true, 4: true, 6: true}, 0, 7, []time.Duration{s(0.5), s(0.5), s(1), s(0.5), s(1), s(0.5)}, false},
		{"too late", []error{asked, asked, asked}, nil, s(15), 3, []time.Duration{s(7), s(7)}, true},
	} {
		clock := remotetest.NewClock()
		calls := 0
		r := remote.Retry{Attempts: 4, GiveUp: c.giveUp, Now: clock.Now, Sleep: clock.Sleep, Jitter: func() float64 { return 0 }}
		err := r.Do(t.Context(), func(n int) (bool, error) {
			if calls++; n != calls {
				t.Errorf("%s: attempt %d is called %d", c.name, calls, n)
			}
			if n > len(c.errs) {
				return false, nil
			}
			return c.farther[n], c.errs[n-1]
		})
		if (err != nil) != c.fails || calls != c.calls || !slices.Equal(clock.Sleeps(), c.waits) || c.fails && !errors.Is(err, passing) {
			t.Errorf("%s: got %v after %d calls and waits %v, want %d and %v", c.name, err, calls, clock.Sleeps(), c.calls, c.waits)
		}
	}
}

// The end of the context ends the waits, and both errors are told.
func TestRetryEndsWithTheContext(t *testing.T) {
	broken := errors.New("broken")
	ctx, cancel := context.WithCancel(t.Context())
	clock := remotetest.NewClock()
	clock.During(func(time.Duration) { cancel() })
	r := remote.Retry{Attempts: 4, Now: clock.Now, Sleep: clock.Sleep, Jitter: func() float64 { return 0 }}
	err := r.Do(ctx, func(int) (bool, error) { return false, broken })
	if !errors.Is(err, context.Canceled) || !errors.Is(err, broken) || len(clock.Sleeps()) != 1 {
		t.Errorf("got %v after %d waits", err, len(clock.Sleeps()))
	}
}
