//go:build !linux

package kernel

import "time"

// threadClock returns a clock; that of the calling thread only on Linux.
func threadClock() func() time.Duration {
	begin := time.Now()
	return func() time.Duration { return time.Since(begin) }
}
