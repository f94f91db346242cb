package cache

import (
	"os"

	"golang.org/x/sys/windows"
)

// tryLock takes an exclusive lock without waiting. The locked byte lies far
// behind the content, so that others can read who holds the lock.
func tryLock(f *os.File) error {
	at := &windows.Overlapped{OffsetHigh: 1}
	flags := uint32(windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY)
	return windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, at)
}
