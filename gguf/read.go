package gguf

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"pgsrm/internal/tensorfile"
)

// errFormat is wrapped by every error about the content of a GGUF file.
var errFormat = errors.New("gguf")

// Info is the header entry of one tensor.
type Info struct {
	Name  string
	Type  Type
	Shape []int // row-major: the last dimension is contiguous (the file has them reversed); empty for a scalar

	begin, end int64 // bytes of the file
}

// Len is the number of elements.
func (t Info) Len() int { return tensorfile.Len(t.Shape) }

// File is an open GGUF file: its header is read and checked, its numbers are read
// on demand, by several goroutines at once if they like.
type File struct {
	Path     string
	Version  int      // of the format: 2 or 3
	Metadata Metadata // in the order of the file

	infos []Info         // in the order of the file
	index map[string]int // of infos, by name
	size  int64          // of the file
	r     io.ReaderAt
	c     io.Closer
}

// Open opens the GGUF file at path within fsys and checks its header against the
// size of the file. Files without io.ReaderAt are read into memory.
func Open(fsys fs.FS, path string) (*File, error) {
	f, err := tensorfile.Open(fsys, path)
	if err != nil {
		return nil, fmt.Errorf("open GGUF: %w", err)
	}
	t, err := newFile(path, f, f.Size)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	t.c = f
	return t, nil
}

// newFile reads the header of a GGUF file of size bytes. The name is used in
// errors only.
func newFile(name string, r io.ReaderAt, size int64) (*File, error) {
	t := &File{Path: name, r: r, size: size, index: map[string]int{}}
	if err := t.readHeader(); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", errFormat, name, err)
	}
	return t, nil
}

// Close closes the underlying file.
func (t *File) Close() error { return t.c.Close() }

// Tensors are the header entries, in the order of the file. Not to be changed.
func (t *File) Tensors() []Info { return t.infos }

// Info is the header entry of the named tensor.
func (t *File) Info(name string) (Info, bool) {
	i, ok := t.index[name]
	if !ok {
		return Info{}, false
	}
	return t.infos[i], true
}

// Floats returns the numbers of the named tensor, row-major, as float32.
func (t *File) Floats(name string) ([]float32, error) {
	info, ok := t.Info(name)
	if !ok {
		return nil, fmt.Errorf("%w: %s: tensor %q is missing", errFormat, t.Path, name)
	}
	dst := make([]float32, info.Len()) // bounded by the file's size: the header was checked
	return dst, t.ReadFloats(name, 0, dst)
}

// chunkBytes is about how much is read at a time.
const chunkBytes = 1 << 18

// ReadFloats fills dst with the numbers of the named tensor from number lo on, as
// float32. lo and len(dst) must be multiples of the row length, or of the block
// length of the tensor's type.
func (t *File) ReadFloats(name string, lo int, dst []float32) error {
	info, ok := t.Info(name)
	if !ok {
		return fmt.Errorf("%w: %s: tensor %q is missing", errFormat, t.Path, name)
	}
	l := layouts[info.Type]
	if n := info.Len(); lo < 0 || lo > n || len(dst) > n-lo || lo%l.block != 0 || len(dst)%l.block != 0 {
		return fmt.Errorf("%w: %s: tensor %q of %d numbers must be read in blocks of %d (got %d from %d on)", errFormat, t.Path, name, n, l.block, len(dst), lo)
	}
	at := info.begin + int64(lo/l.block*l.bytes)
	step := chunkBytes / l.bytes // blocks
	buf := make([]byte, min(step, len(dst)/l.block)*l.bytes)
	for len(dst) > 0 {
		n := min(step, len(dst)/l.block)
		if err := readFull(t.r, buf[:n*l.bytes], at); err != nil {
			return fmt.Errorf("%w: %s: tensor %q: %w", errFormat, t.Path, name, err)
		}
		l.decode(dst[:n*l.block], buf)
		dst, at = dst[n*l.block:], at+int64(n*l.bytes)
	}
	return nil
}

// readFull reads len(p) bytes at off.
func readFull(r io.ReaderAt, p []byte, off int64) error {
	n, err := r.ReadAt(p, off)
	if n == len(p) {
		return nil
	}
	return fmt.Errorf("file is truncated at byte %d: %w", off+int64(n), err)
}
