//go:build linux || darwin || freebsd

package main

import (
	"path/filepath"

	"golang.org/x/sys/unix"
)

// freeSpace is how many bytes an ordinary user may still write at path.
func freeSpace(path string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return 0, err
	}
	return int64(st.Bavail) * int64(st.Bsize), nil
}

// mounted says that a folder is the root of a volume of its own, which cannot be
// renamed.
func mounted(path string) bool {
	var at, above unix.Stat_t
	return unix.Lstat(path, &at) == nil && unix.Stat(filepath.Dir(path), &above) == nil && at.Dev != above.Dev
}
