// Package tensorfile has what all formats of files with tensors share: a file opened
// for reading at any place, and rows of numbers made some at a time.
package tensorfile

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"slices"
)

// File is an open file that can be read at any place, by several goroutines at once.
type File struct {
	io.ReaderAt
	Size int64
	fs.File
}

// Open opens the file at path within fsys. One without io.ReaderAt is read into memory.
func Open(fsys fs.FS, path string) (*File, error) {
	f, err := fsys.Open(path)
	if err != nil {
		return nil, err
	}
	if r, ok := f.(io.ReaderAt); ok {
		st, err := f.Stat()
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		return &File{r, st.Size(), f}, nil
	}
	b, err := io.ReadAll(f)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &File{bytes.NewReader(b), int64(len(b)), f}, nil
}

// Len is the number of elements of a tensor, 1 for a scalar.
func Len(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// blockLen is about how many numbers are made at a time.
const blockLen = 1 << 18

// Rows calls fill for some rows of width numbers after the other, from row lo on, and
// write with what it made. buf is room that is used again.
func Rows(buf *[]float32, rows, width int, fill func(dst []float32, lo int), write func([]float32) error) error {
	step := max(1, blockLen/width)
	for lo := 0; lo < rows; lo += step {
		n := (min(lo+step, rows) - lo) * width
		*buf = slices.Grow((*buf)[:0], n)[:n]
		fill(*buf, lo)
		if err := write(*buf); err != nil {
			return err
		}
	}
	return nil
}
