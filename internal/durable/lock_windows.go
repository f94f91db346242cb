package durable

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// lockFile takes a lock without waiting. The locked byte lies far
// beyond the content, so that others can read who holds the lock.
func lockFile(f *os.File, k kind) error {
	at := &windows.Overlapped{OffsetHigh: 1}
	flags := uint32(windows.LOCKFILE_FAIL_IMMEDIATELY)
	if k == alone {
		flags |= windows.LOCKFILE_EXCLUSIVE_LOCK
	}
	err := windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, at)
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_IO_PENDING) {
		return ErrHeld
	}
	return err
}
