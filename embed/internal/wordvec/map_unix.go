//go:build unix

package wordvec

import (
	"os"
	"syscall"
)

// mapFile makes size bytes of a file, from a place on, readable as memory.
func mapFile(f *os.File, from, size int64) (mapped []byte, unmap func() error, err error) {
	start := from &^ int64(os.Getpagesize()-1)
	pages, err := syscall.Mmap(int(f.Fd()), start, int(from-start+size), syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		return nil, nil, os.NewSyscallError("mmap", err)
	}
	return pages[from-start:], func() error { return syscall.Munmap(pages) }, nil
}

// errReadOnly is the error of writing to a file system that cannot be written.
var errReadOnly error = syscall.EROFS
