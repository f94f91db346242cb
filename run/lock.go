package run

import (
	"errors"
	"fmt"
	"time"

	"pgsrm/internal/durable"
)

// lockDir takes the lock of a run directory, or fails with ErrLocked and the owner.
func lockDir(path string, now time.Time) (*durable.Lock, error) {
	l, err := durable.TryLock(path, 0o644)
	switch {
	case errors.Is(err, durable.ErrHeld):
		return nil, lockedError(path)
	case err != nil:
		return nil, err
	}
	if err := l.Sign(now); err != nil {
		return nil, errors.Join(err, l.Release())
	}
	return l, nil
}

// lockFree says whether nobody holds the lock at path.
func lockFree(path string) error {
	held, err := durable.Held(path)
	if held {
		return lockedError(path)
	}
	return err
}

func lockedError(path string) error {
	return fmt.Errorf("%s: %w by %s", path, ErrLocked, durable.Owner(path))
}
