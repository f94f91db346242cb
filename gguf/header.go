package gguf

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// alignmentKey is the key whose value overrides defaultAlignment, at whose
// multiples the data section and the tensors in it begin.
const (
	alignmentKey     = "general.alignment"
	defaultAlignment = 32
	maxAlignment     = 1 << 20
)

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
