//go:build linux || darwin

package safetensors

import (
	"os"

	"golang.org/x/sys/unix"
)

// mapFile maps the first size bytes of a file, read-only; nil where the system
// refuses, and the file is read instead.
func mapFile(f *os.File, size int64) []byte {
	if size <= 0 || size != int64(int(size)) {
		return nil
	}
	view, err := unix.Mmap(int(f.Fd()), 0, int(size), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil
	}
	return view
}

// unmapFile ends a mapping.
func unmapFile(view []byte) error { return unix.Munmap(view) }

// dropPages gives the whole pages within bytes lo..hi of a mapping back to the
// system: they are read anew when touched again. A hint, so failing is no harm.
func dropPages(view []byte, lo, hi int64) {
	page := int64(os.Getpagesize())
	lo, hi = (lo+page-1)/page*page, hi/page*page
	if lo < hi {
		_ = unix.Madvise(view[lo:hi], unix.MADV_DONTNEED)
	}
}
