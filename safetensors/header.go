package safetensors

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"unicode/utf8"

	"pgsrm/internal/jsonobject"
)

// maxHeader is the largest header, in bytes, that the format allows.
const maxHeader = 100_000_000

// readHeader reads and checks the header: 8 bytes of length (little-endian),
// then a JSON object, then the data section that the tensors cover completely,
// without overlaps and holes.
func (t *File) readHeader() error {
	var length [8]byte
	if t.size < 8 {
		return fmt.Errorf("file must hold at least 8 bytes (got %d)", t.size)
	}
	if err := readFull(t.r, length[:], 0); err != nil {
		return err
	}
	if string(length[:]) == "version " {
		return errors.New("file must be fetched: it is a pointer of git LFS (git lfs pull)")
	}
	n := binary.LittleEndian.Uint64(length[:])
	if n > maxHeader || int64(n) > t.size-8 {
		return fmt.Errorf("header must fit into the file of %d bytes and into %d bytes (got a length of %d)", t.size, maxHeader, n)
	}
	t.data = 8 + int64(n)
	raw := make([]byte, n)
	if err := readFull(t.r, raw, 8); err != nil {
		return err
	}
	if err := t.parseHeader(raw); err != nil {
		return err
	}
	return checkCover(t.infos, t.size-t.data)
}

// readFull reads len(p) bytes at off.
func readFull(r io.ReaderAt, p []byte, off int64) error {
	n, err := r.ReadAt(p, off)
	if n == len(p) {
		return nil
	}
	return fmt.Errorf("file is truncated at byte %d: %w", off+int64(n), err)
}

// parseHeader fills infos (sorted by name) and Metadata from the JSON text.
func (t *File) parseHeader(raw []byte) error {
	if len(raw) == 0 || raw[0] != '{' || !utf8.Valid(raw) {
		return fmt.Errorf("header must be a JSON object in UTF-8 (starts with %q)", raw[:min(8, len(raw))])
	}
	err := jsonobject.Each(raw, func(name string, value json.RawMessage) error {
		if name == "__metadata__" {
			return parseMetadata(value, &t.Metadata)
		}
		info, err := parseInfo(name, value)
		if err != nil {
			return fmt.Errorf("tensor %q: %w", name, err)
		}
		t.infos = append(t.infos, info)
		return nil
	})
	if err != nil {
		return fmt.Errorf("header: %w", err)
	}
	slices.SortFunc(t.infos, func(a, b Info) int { return cmp.Compare(a.Name, b.Name) })
	return nil
}

// parseMetadata reads the free-form string pairs of a header.
func parseMetadata(value json.RawMessage, dst *map[string]string) error {
	if err := json.Unmarshal(value, dst); err != nil {
		return fmt.Errorf("__metadata__ must hold strings: %w", err)
	}
	return nil
}

// parseInfo reads one header entry and checks it by itself.
func parseInfo(name string, value json.RawMessage) (Info, error) {
	var e struct {
		DType   DType   `json:"dtype"`
		Shape   []int64 `json:"shape"`
		Offsets []int64 `json:"data_offsets"`
	}
	dec := json.NewDecoder(bytes.NewReader(value))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&e); err != nil {
		return Info{}, err
	}
	bits, ok := dtypeBits[e.DType]
	if !ok {
		return Info{}, fmt.Errorf("dtype must be one of the format's (got %q)", e.DType)
	}
	if e.Shape == nil || len(e.Offsets) != 2 || e.Offsets[0] < 0 || e.Offsets[1] < e.Offsets[0] {
		return Info{}, fmt.Errorf("shape and two ascending data_offsets must be given (got %v, %v)", e.Shape, e.Offsets)
	}
	info := Info{Name: name, DType: e.DType, begin: e.Offsets[0], end: e.Offsets[1]}
	size := bits
	for _, d := range e.Shape {
		if d < 0 || d != 0 && size > math.MaxInt/d || int64(int(d)) != d {
			return Info{}, fmt.Errorf("shape must be of reasonable size (got %v)", e.Shape)
		}
		size *= d
		info.Shape = append(info.Shape, int(d))
	}
	if size%8 != 0 || size/8 != info.end-info.begin {
		return Info{}, fmt.Errorf("shape %v of %s needs %d bits (data_offsets span %d bytes)", e.Shape, e.DType, size, info.end-info.begin)
	}
	return info, nil
}

// checkCover holds that the tensors cover the n bytes of the data section.
func checkCover(infos []Info, n int64) error {
	order := slices.Clone(infos)
	slices.SortFunc(order, func(a, b Info) int {
		return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.end, b.end), cmp.Compare(a.Name, b.Name))
	})
	at := int64(0)
	for _, t := range order {
		switch {
		case t.end > n:
			return fmt.Errorf("tensor %q must end within the data section of %d bytes (ends at %d)", t.Name, n, t.end)
		case t.begin < at:
			return fmt.Errorf("tensor %q must not overlap another (begins at %d, the one before ends at %d)", t.Name, t.begin, at)
		case t.begin > at:
			return fmt.Errorf("tensor %q must follow the one before (begins at %d, the one before ends at %d)", t.Name, t.begin, at)
		}
		at = t.end
	}
	if at != n {
		return fmt.Errorf("tensors must cover the data section of %d bytes (they end at %d)", n, at)
	}
	return nil
}
