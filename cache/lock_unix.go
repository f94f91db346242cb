//go:build unix

package cache

import (
	"os"

	"golang.org/x/sys/unix"
)

// tryLock takes an exclusive lock on the open file without waiting.
func tryLock(f *os.File) error {
	return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
}
