//go:build unix

package durable

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// lockFile takes a lock on the open file without waiting. Other
// programs that share a Hugging Face cache take the same kind of lock.
func lockFile(f *os.File, k kind) error {
	how := unix.LOCK_EX
	if k == together {
		how = unix.LOCK_SH
	}
	err := unix.Flock(int(f.Fd()), how|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return ErrHeld
	}
	return err
}
