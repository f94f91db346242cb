package cache

import (
	"context"
	"errors"
	"time"

	"pgsrm/internal/durable"
)

// gatePause is how long a process waits between two looks at a gate that another holds.
const gatePause = 5 * time.Millisecond

// enter takes the gate, the lock beside a cache file, waiting until the deadline.
// Whoever wants the cache file takes the gate first and gives it back once it has
// the file, so a process that waits for the file is next, however often the holder
// comes back. busy means that another process has the gate still.
func enter(ctx context.Context, path string, deadline time.Time) (gate *durable.Lock, busy bool, err error) {
	for {
		gate, err := durable.TryLock(path, 0o600)
		if !errors.Is(err, durable.ErrHeld) {
			return gate, false, err
		}
		if time.Now().After(deadline) || ctx.Err() != nil {
			return nil, true, ctx.Err()
		}
		time.Sleep(gatePause)
	}
}
