//go:build unix

package serve

import "syscall"

// manyFiles says whether this process may have so many files open.
func manyFiles(n int) bool {
	var limit syscall.Rlimit
	return syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) == nil && uint64(limit.Cur) >= uint64(n)
}
