package safetensors

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime/debug"
	"sort"
	"unsafe"

	"pgsrm/internal/tensorfile"
)

// errFormat is wrapped by every error about the content of a safetensors file.
var errFormat = errors.New("safetensors")

// Info is the header entry of one tensor.
type Info struct {
	Name  string
	DType DType
	Shape []int // nil or empty for a scalar

	begin, end int64 // bytes within the data section
}

// Len is the number of elements.
func (t Info) Len() int { return tensorfile.Len(t.Shape) }

// File is an open safetensors file: its header is read and checked, its
// numbers are read on demand.
type File struct {
	Path     string
	Metadata map[string]string
	infos    []Info // sorted by name
	data     int64  // where the data section begins
	size     int64  // of the file
	r        io.ReaderAt
	c        io.Closer // nil for bytes in memory
	view     []byte    // the whole file, where it is mapped
}

// Open opens the safetensors file at path within fsys and checks its
// header against the size of the file, before anything is allocated from it.
// Files without io.ReaderAt are read into memory.
func Open(fsys fs.FS, path string) (*File, error) {
	f, err := tensorfile.Open(fsys, path)
	if err != nil {
		return nil, fmt.Errorf("open tensors: %w", err)
	}
	t, err := newFile(path, f, f.Size)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	t.c = f
	if file, ok := f.File.(*os.File); ok {
		t.view = mapFile(file, f.Size)
	}
	return t, nil
}

// newFile reads the header of a safetensors file of size bytes. The name
// is used in errors only.
func newFile(name string, r io.ReaderAt, size int64) (*File, error) {
	t := &File{Path: name, r: r, size: size}
	if err := t.readHeader(); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", errFormat, name, err)
	}
	return t, nil
}

// Close closes the underlying file.
func (t *File) Close() error {
	var errs []error
	if t.view != nil {
		errs = append(errs, unmapFile(t.view))
		t.view = nil
	}
	if t.c != nil {
		errs = append(errs, t.c.Close())
	}
	return errors.Join(errs...)
}

// Tensors are the header entries, sorted by name. Not to be changed.
func (t *File) Tensors() []Info { return t.infos }

// Info is the header entry of the named tensor.
func (t *File) Info(name string) (Info, bool) {
	i := sort.Search(len(t.infos), func(i int) bool { return t.infos[i].Name >= name })
	if i == len(t.infos) || t.infos[i].Name != name {
		return Info{}, false
	}
	return t.infos[i], true
}

// chunkBytes is how much is read at a time; a multiple of every element size.
const chunkBytes = 1 << 18

// ReadFloats fills dst with the numbers of the named tensor, row-major,
// converted to float32 exactly. len(dst) must be the tensor's Len.
func (t *File) ReadFloats(name string, dst []float32) error {
	info, ok := t.Info(name)
	if !ok {
		return fmt.Errorf("%w: %s: tensor %q is missing", errFormat, t.Path, name)
	}
	if info.Len() != len(dst) {
		return fmt.Errorf("%w: %s: tensor %q must have %d numbers (got shape %v)", errFormat, t.Path, name, len(dst), info.Shape)
	}
	return t.readPart(info, 0, dst)
}

// readPart fills dst with the numbers of a tensor from number lo on.
func (t *File) readPart(info Info, lo int, dst []float32) error {
	decode, ok := decoders[info.DType]
	if !ok {
		return fmt.Errorf("%w: %s: tensor %q must be F32, F16 or BF16 (got %s)", errFormat, t.Path, info.Name, info.DType)
	}
	width := int(dtypeBits[info.DType] / 8)
	at := info.begin + int64(lo*width)
	if t.view != nil {
		from := t.data + at
		decode(dst, t.view[from:from+int64(len(dst)*width)])
		return nil
	}
	buf := make([]byte, min(chunkBytes, len(dst)*width))
	for len(dst) > 0 {
		n := min(len(buf)/width, len(dst))
		if _, err := t.r.ReadAt(buf[:n*width], t.data+at); err != nil && err != io.EOF {
			return fmt.Errorf("%w: %s: tensor %q: %w", errFormat, t.Path, info.Name, err)
		}
		decode(dst[:n], buf)
		dst, at = dst[n:], at+int64(n*width)
	}
	return nil
}

// Part returns numbers lo..hi-1 of a tensor: the mapped file itself where it
// holds float32 as this machine does, else converted into buf, which has room.
func (t *File) Part(info Info, lo, hi int, buf []float32) ([]float32, error) {
	at := t.data + info.begin + 4*int64(lo) // of F32
	if t.view != nil && info.DType == F32 && at%4 == 0 && littleEndian && lo < hi {
		return unsafe.Slice((*float32)(unsafe.Pointer(&t.view[at])), hi-lo), nil
	}
	buf = buf[:hi-lo]
	return buf, t.readPart(info, lo, buf)
}

// Drop says that numbers lo..hi-1 of a tensor will not be read again soon.
func (t *File) Drop(info Info, lo, hi int) {
	if t.view != nil {
		width := dtypeBits[info.DType] / 8
		from := t.data + info.begin
		dropPages(t.view, from+int64(lo)*width, from+int64(hi)*width)
	}
}

// Floats returns the numbers of the named tensor, row-major.
func (t *File) Floats(name string) ([]float32, error) {
	info, ok := t.Info(name)
	if !ok {
		return nil, fmt.Errorf("%w: %s: tensor %q is missing", errFormat, t.Path, name)
	}
	dst := make([]float32, info.Len()) // bounded by the file's size: the header was checked
	return dst, t.ReadFloats(name, dst)
}

// Guard calls f, which reads what Part returned, and turns a fault in the mapped
// memory of a file that another program has cut short into an error.
func Guard(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		switch r := recover(); fault := r.(type) {
		case nil:
		case interface{ Addr() uintptr }:
			err = fmt.Errorf("%w: the file was changed while it was read (fault at %#x)", errFormat, fault.Addr())
		default:
			panic(r)
		}
	}()
	return f()
}
