package gguf

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Limits of the format.
const (
	maxName = 64 // bytes of a tensor's name
	maxDims = 4
)

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
		if d > maxLen {
			return Info{}, fmt.Errorf("shape must be of reasonable size (got %v)", shape)
		}
		info.Shape = append(info.Shape, int(d))
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
const maxLen = min(1<<48, math.MaxInt)

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
