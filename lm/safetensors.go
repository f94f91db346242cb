package lm

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"slices"
	"sort"
	"unsafe"
)

// DType is the type of a tensor's numbers, in the spelling of the safetensors format.
type DType string

// The types that this package converts to and from float32. Tensors of other
// types can be listed but not read.
const (
	F32  DType = "F32"
	F16  DType = "F16"
	BF16 DType = "BF16"
)

// dtypeBits is the size in bits of one number of each type of the format.
var dtypeBits = map[DType]int64{
	"F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
	"BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8,
	"I16": 16, "U16": 16, F16: 16, BF16: 16,
	"I32": 32, "U32": 32, F32: 32,
	"F64": 64, "I64": 64, "U64": 64, "C64": 64,
}

// ErrFormat is wrapped by every error about the content of a safetensors file.
var ErrFormat = errors.New("safetensors")

// TensorInfo is the header entry of one tensor.
type TensorInfo struct {
	Name  string
	DType DType
	Shape []int // nil or empty for a scalar

	begin, end int64 // bytes within the data section
}

// Len is the number of elements.
func (t TensorInfo) Len() int {
	n := 1
	for _, d := range t.Shape {
		n *= d
	}
	return n
}

// TensorFile is an open safetensors file: its header is read and checked, its
// numbers are read on demand.
type TensorFile struct {
	Path     string
	Metadata map[string]string
	infos    []TensorInfo // sorted by name
	data     int64        // where the data section begins
	size     int64        // of the file
	r        io.ReaderAt
	c        io.Closer // nil for bytes in memory
	view     []byte    // the whole file, where it is mapped
}

// OpenTensors opens the safetensors file at path within fsys and checks its
// header against the size of the file, before anything is allocated from it.
// Files without io.ReaderAt are read into memory.
func OpenTensors(fsys fs.FS, path string) (*TensorFile, error) {
	f, err := fsys.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open tensors: %w", err)
	}
	st, err := f.Stat()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open tensors: %w", err), f.Close())
	}
	r, ok := f.(io.ReaderAt)
	size := st.Size()
	if !ok {
		b, err := io.ReadAll(f)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("open tensors: %w", err), f.Close())
		}
		r, size = bytes.NewReader(b), int64(len(b))
	}
	t, err := NewTensorFile(path, r, size)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	t.c = f
	if file, ok := f.(*os.File); ok {
		t.view = mapFile(file, size)
	}
	return t, nil
}

// NewTensorFile reads the header of a safetensors file of size bytes. The name
// is used in errors only.
func NewTensorFile(name string, r io.ReaderAt, size int64) (*TensorFile, error) {
	t := &TensorFile{Path: name, r: r, size: size}
	if err := t.readHeader(); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrFormat, name, err)
	}
	return t, nil
}

// Close closes the underlying file.
func (t *TensorFile) Close() error {
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
func (t *TensorFile) Tensors() []TensorInfo { return t.infos }

// Info is the header entry of the named tensor.
func (t *TensorFile) Info(name string) (TensorInfo, bool) {
	i := sort.Search(len(t.infos), func(i int) bool { return t.infos[i].Name >= name })
	if i == len(t.infos) || t.infos[i].Name != name {
		return TensorInfo{}, false
	}
	return t.infos[i], true
}

// chunkBytes is how much is read at a time; a multiple of every element size.
const chunkBytes = 1 << 18

// ReadFloats fills dst with the numbers of the named tensor, row-major,
// converted to float32 exactly. len(dst) must be the tensor's Len.
func (t *TensorFile) ReadFloats(name string, dst []float32) error {
	info, ok := t.Info(name)
	if !ok {
		return fmt.Errorf("%w: %s: tensor %q is missing", ErrFormat, t.Path, name)
	}
	if info.Len() != len(dst) {
		return fmt.Errorf("%w: %s: tensor %q must have %d numbers (got shape %v)", ErrFormat, t.Path, name, len(dst), info.Shape)
	}
	return t.readPart(info, 0, dst)
}

// readPart fills dst with the numbers of a tensor from number lo on.
func (t *TensorFile) readPart(info TensorInfo, lo int, dst []float32) error {
	decode, ok := decoders[info.DType]
	if !ok {
		return fmt.Errorf("%w: %s: tensor %q must be F32, F16 or BF16 (got %s)", ErrFormat, t.Path, info.Name, info.DType)
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
			return fmt.Errorf("%w: %s: tensor %q: %w", ErrFormat, t.Path, info.Name, err)
		}
		decode(dst[:n], buf)
		dst, at = dst[n:], at+int64(n*width)
	}
	return nil
}

// part returns numbers lo..hi-1 of a tensor: the mapped file itself where it
// holds float32 as this machine does, else converted into buf, which has room.
func (t *TensorFile) part(info TensorInfo, lo, hi int, buf []float32) ([]float32, error) {
	at := t.data + info.begin + 4*int64(lo)
	if t.view != nil && info.DType == F32 && at%4 == 0 && littleEndian && lo < hi {
		return unsafe.Slice((*float32)(unsafe.Pointer(&t.view[at])), hi-lo), nil
	}
	buf = buf[:hi-lo]
	return buf, t.readPart(info, lo, buf)
}

// drop says that numbers lo..hi-1 of a tensor will not be read again soon.
func (t *TensorFile) drop(info TensorInfo, lo, hi int) {
	if t.view != nil {
		width := dtypeBits[info.DType] / 8
		from := t.data + info.begin
		dropPages(t.view, from+int64(lo)*width, from+int64(hi)*width)
	}
}

// littleEndian says that this machine keeps numbers as the format does.
var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// Floats returns the numbers of the named tensor, row-major.
func (t *TensorFile) Floats(name string) ([]float32, error) {
	info, ok := t.Info(name)
	if !ok {
		return nil, fmt.Errorf("%w: %s: tensor %q is missing", ErrFormat, t.Path, name)
	}
	dst := make([]float32, info.Len()) // bounded by the file's size: the header was checked
	return dst, t.ReadFloats(name, dst)
}

// Bytes is a reader over the whole file, for digests.
func (t *TensorFile) Bytes() io.Reader { return io.NewSectionReader(t.r, 0, t.size) }

// decoders convert little-endian numbers to float32.
var decoders = map[DType]func(dst []float32, src []byte){
	F32: func(dst []float32, src []byte) {
		for i := range dst {
			dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:]))
		}
	},
	F16: func(dst []float32, src []byte) {
		for i := range dst {
			dst[i] = halfToFloat(binary.LittleEndian.Uint16(src[2*i:]))
		}
	},
	BF16: func(dst []float32, src []byte) {
		for i := range dst {
			dst[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(src[2*i:])) << 16)
		}
	},
}

// halfToFloat converts IEEE 754 binary16, subnormals, infinities and NaN included.
func halfToFloat(h uint16) float32 {
	sign, exp, frac := uint32(h>>15)<<31, uint32(h>>10)&31, uint32(h)&0x3ff
	switch exp {
	case 0: // zero or subnormal: frac * 2^-24, exact in float32
		v := float32(frac) * 0x1p-24
		return math.Float32frombits(math.Float32bits(v) | sign)
	case 31:
		return math.Float32frombits(sign | 0x7f800000 | frac<<13)
	}
	return math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
}

// sortedKeys returns the keys of m in order.
func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
