package gguf

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"unicode/utf8"
)

// Limits of the format.
const (
	maxKey  = 65535 // bytes of a key
	maxName = 64    // bytes of a tensor's name
	maxDims = 4
)

// alignmentKey is the key whose value overrides defaultAlignment, at whose
// multiples the data section and the tensors in it begin.
const (
	alignmentKey     = "general.alignment"
	defaultAlignment = 32
	maxAlignment     = 1 << 20
)

// header reads a file from its beginning and knows what is left of it.
type header struct {
	r    *bufio.Reader
	left int64
	size int64
}

// take says that n bytes will be read.
func (h *header) take(n int64) error {
	if n > h.left {
		return fmt.Errorf("file of %d bytes is truncated at byte %d: %d more must follow", h.size, h.size-h.left, n)
	}
	h.left -= n
	return nil
}

// read reads a number or numbers into what dst points to.
func (h *header) read(dst any) error {
	if err := h.take(int64(binary.Size(dst))); err != nil {
		return err
	}
	return binary.Read(h.r, binary.LittleEndian, dst)
}

// text reads a string of at most limit bytes, after its length.
func (h *header) text(limit int64) (string, error) {
	var n uint64
	if err := h.read(&n); err != nil {
		return "", err
	}
	if limit = min(limit, h.left); n > uint64(limit) {
		return "", fmt.Errorf("text at byte %d must have at most %d bytes (got a length of %d)", h.size-h.left, limit, n)
	}
	b := make([]byte, n)
	h.left -= int64(n)
	_, err := io.ReadFull(h.r, b)
	return string(b), err
}

// name reads a key or a name: not empty, UTF-8.
func (h *header) name(limit int64) (string, error) {
	s, err := h.text(limit)
	if err == nil && (s == "" || !utf8.ValidString(s)) {
		return "", fmt.Errorf("name before byte %d must be UTF-8 and not empty (got %q)", h.size-h.left, s)
	}
	return s, err
}

// count checks a number of things of at least width bytes each.
func (h *header) count(what string, n uint64, width int64) (int, error) {
	if n > uint64(h.left/width) {
		return 0, fmt.Errorf("%s must fit into the %d bytes left of the file (got %d)", what, h.left, n)
	}
	return int(n), nil
}

// readHeader reads and checks the header: magic, version, counts, metadata, tensor
// entries; then, aligned, the data section.
func (t *File) readHeader() error {
	h := &header{bufio.NewReaderSize(io.NewSectionReader(t.r, 0, t.size), 1<<16), t.size, t.size}
	var start struct {
		Magic   [4]byte
		Version uint32
		Tensors uint64
		Pairs   uint64
	}
	if err := h.read(&start); err != nil {
		return err
	}
	switch {
	case string(start.Magic[:]) == "vers":
		return errors.New("file must be fetched: it is a pointer of git LFS (git lfs pull)")
	case string(start.Magic[:]) != "GGUF":
		return fmt.Errorf("file must begin with \"GGUF\" (got %q)", start.Magic)
	case start.Version != 0 && start.Version&0xffff == 0:
		return errors.New("file must be little-endian (it is big-endian)")
	case start.Version != 2 && start.Version != 3:
		return fmt.Errorf("version must be 2 or 3 (got %d)", start.Version)
	}
	t.Version = int(start.Version)
	if err := t.readMetadata(h, start.Pairs); err != nil {
		return err
	}
	alignment, err := t.Metadata.alignment()
	if err != nil {
		return err
	}
	return t.readInfos(h, start.Tensors, alignment)
}

// alignment is the alignment that the metadata ask for.
func (m Metadata) alignment() (int64, error) {
	v, ok := m.Value(alignmentKey)
	if !ok {
		return defaultAlignment, nil
	}
	n, ok := v.(uint32)
	if !ok {
		return 0, fmt.Errorf("key %q must be of type uint32 (got %T)", alignmentKey, v)
	}
	if n == 0 || n&(n-1) != 0 || n > maxAlignment {
		return 0, fmt.Errorf("key %q must be a power of two up to %d (got %d)", alignmentKey, maxAlignment, n)
	}
	return int64(n), nil
}

// minInfo is the smallest size of a tensor entry: name, dimensions, type, offset.
const minInfo = 8 + 1 + 4 + 4 + 8

// readInfos reads the n tensor entries and checks their places.
func (t *File) readInfos(h *header, n uint64, alignment int64) error {
	count, err := h.count("tensor count", n, minInfo)
	if err != nil {
		return err
	}
	for i := range count {
		name, err := h.name(maxName)
		if err != nil {
			return fmt.Errorf("tensor %d of %d: %w", i+1, count, err)
		}
		if _, ok := t.index[name]; ok {
			return fmt.Errorf("tensor name %q must be unique", name)
		}
		info, err := h.info(alignment)
		if err != nil {
			return fmt.Errorf("tensor %q: %w", name, err)
		}
		info.Name = name
		t.index[name] = len(t.infos)
		t.infos = append(t.infos, info)
	}
	return t.place(align(h.size-h.left, alignment))
}

// align is the next multiple of alignment.
func align(at, alignment int64) int64 { return (at + alignment - 1) / alignment * alignment }

// info reads one tensor entry without its name; begin and end count from the
// beginning of the data section.
func (h *header) info(alignment int64) (Info, error) {
	var dims uint32
	if err := h.read(&dims); err != nil {
		return Info{}, err
	}
	if dims > maxDims {
		return Info{}, fmt.Errorf("shape must have at most %d dimensions (got %d)", maxDims, dims)
	}
	shape := make([]uint64, dims)
	var rest struct {
		Type   Type
		Offset uint64
	}
	if err := h.read(shape); err != nil {
		return Info{}, err
	}
	if err := h.read(&rest); err != nil {
		return Info{}, err
	}
	slices.Reverse(shape)
	if layouts[rest.Type].decode == nil {
		return Info{}, fmt.Errorf("type must be one of %s (got %s)", typeNames(func(l layout) bool { return l.decode != nil }), rest.Type)
	}
	if rest.Offset > uint64(h.size) || int64(rest.Offset)%alignment != 0 {
		return Info{}, fmt.Errorf("offset must be a multiple of %d within the file of %d bytes (got %d)", alignment, h.size, rest.Offset)
	}
	info := Info{Type: rest.Type, begin: int64(rest.Offset)}
	for _, d := range shape {
		info.Shape = append(info.Shape, int(min(d, math.MaxInt)))
	}
	size, err := byteLen(info.Type, info.Shape)
	if err != nil {
		return Info{}, err
	}
	if size > h.size-info.begin {
		return Info{}, fmt.Errorf("shape %v of %s must fit into the file of %d bytes (needs %d from %d of the data on)", info.Shape, info.Type, h.size, size, info.begin)
	}
	info.end = info.begin + size
	return info, nil
}

// maxLen is the largest number of elements: no tensor of a file comes near it, and
// no size overflows below it.
const maxLen = 1 << 48

// byteLen is how many bytes a tensor needs.
func byteLen(typ Type, shape []int) (int64, error) {
	l := layouts[typ]
	n, row := int64(1), 1
	for _, d := range shape {
		if d < 0 || int64(d) > maxLen || d != 0 && n > maxLen/int64(d) {
			return 0, fmt.Errorf("shape must be of reasonable size (got %v)", shape)
		}
		n, row = n*int64(d), d
	}
	if row%l.block != 0 {
		return 0, fmt.Errorf("rows of %s must be a multiple of %d long (got shape %v)", typ, l.block, shape)
	}
	return n / int64(l.block) * int64(l.bytes), nil
}

// place moves the tensors to the data section that begins at byte data and holds
// that they lie within the file, without overlaps.
func (t *File) place(data int64) error {
	order := make([]*Info, len(t.infos))
	for i := range t.infos {
		order[i] = &t.infos[i]
	}
	slices.SortStableFunc(order, func(a, b *Info) int {
		return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.end, b.end))
	})
	last := int64(0)
	for _, info := range order {
		switch {
		case info.begin < last:
			return fmt.Errorf("tensor %q must not overlap another (begins at %d of the data, the one before ends at %d)", info.Name, info.begin, last)
		case info.end > t.size-data:
			return fmt.Errorf("tensor %q must end within the data of %d bytes (ends at %d)", info.Name, max(0, t.size-data), info.end)
		}
		last = info.end
		info.begin, info.end = info.begin+data, info.end+data
	}
	return nil
}
