//go:build !unix

package wordvec

import (
	"io"
	"io/fs"
	"os"
)

// mapFile reads size bytes of a file, from a place on, into memory.
func mapFile(f *os.File, from, size int64) (mapped []byte, unmap func() error, err error) {
	mapped = make([]byte, size)
	if _, err := f.ReadAt(mapped, from); err != nil && err != io.EOF {
		return nil, nil, err
	}
	return mapped, func() error { return nil }, nil
}

// errReadOnly is the error of writing where nothing can be written.
var errReadOnly = fs.ErrPermission
