package gguf

import (
	"fmt"
	"math"
)

// Metadata are keys and values in the order of the file.
type Metadata []Pair

// Pair is a key with its value: uint8, int8, uint16, int16, uint32, int32, uint64,
// int64, float32, float64, bool or string, a slice of one of these, or []any, an
// array of arrays, which holds slices.
type Pair struct {
	Key   string
	Value any
}

// Value is the value of a key.
func (m Metadata) Value(key string) (any, bool) {
	for _, p := range m {
		if p.Key == key {
			return p.Value, true
		}
	}
	return nil, false
}

// Limits of metadata.
const (
	maxKey   = 65535 // bytes of a key
	maxDepth = 8     // of nested arrays
)

// kind is the type of a value, numbered as in the format.
type kind uint32

const (
	kindString kind = 8
	kindArray  kind = 9
)

// kinds has the types of values: the smallest size in bytes, and how one or n are read.
var kinds = map[kind]struct {
	size int64
	one  func(h *header) (any, error)
	many func(h *header, n int) (any, error)
}{
	0:          {1, one[uint8], many[uint8]},
	1:          {1, one[int8], many[int8]},
	2:          {2, one[uint16], many[uint16]},
	3:          {2, one[int16], many[int16]},
	4:          {4, one[uint32], many[uint32]},
	5:          {4, one[int32], many[int32]},
	6:          {4, one[float32], many[float32]},
	7:          {1, one[bool], many[bool]},
	kindString: {8, oneText, manyTexts},
	kindArray:  {12, nil, nil}, // in value and array: they need the depth
	10:         {8, one[uint64], many[uint64]},
	11:         {8, one[int64], many[int64]},
	12:         {8, one[float64], many[float64]},
}

// one reads a number.
func one[T any](h *header) (any, error) {
	var v T
	err := h.read(&v)
	return v, err
}

// many reads n numbers.
func many[T any](h *header, n int) (any, error) {
	v := make([]T, n)
	err := h.read(v)
	return v, err
}

func oneText(h *header) (any, error) { return h.text(math.MaxInt64) }

func manyTexts(h *header, n int) (any, error) {
	v := make([]string, n)
	for i := range v {
		var err error
		if v[i], err = h.text(math.MaxInt64); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// readMetadata reads n pairs.
func (t *File) readMetadata(h *header, n uint64) error {
	count, err := h.count("count of keys", n, 8+1+4+1)
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for i := range count {
		key, err := h.name(maxKey)
		if err != nil {
			return fmt.Errorf("key %d of %d: %w", i+1, count, err)
		}
		if seen[key] {
			return fmt.Errorf("key %.100q must be unique", key)
		}
		seen[key] = true
		value, err := h.value()
		if err != nil {
			return fmt.Errorf("key %.100q: %w", key, err)
		}
		t.Metadata = append(t.Metadata, Pair{key, value})
	}
	return nil
}

// value reads a type and a value.
func (h *header) value() (any, error) {
	k, err := h.kind()
	switch {
	case err != nil:
		return nil, err
	case k == kindArray:
		return h.array(1)
	}
	return kinds[k].one(h)
}

// kind reads a type of values.
func (h *header) kind() (kind, error) {
	var k kind
	if err := h.read(&k); err != nil {
		return 0, err
	}
	if _, ok := kinds[k]; !ok {
		return 0, fmt.Errorf("type of values must be 0 to 12 (got %d)", k)
	}
	return k, nil
}

// array reads the type, the count and the values of an array at a depth.
func (h *header) array(depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("arrays must be nested at most %d deep", maxDepth)
	}
	k, err := h.kind()
	if err != nil {
		return nil, err
	}
	var n uint64
	if err := h.read(&n); err != nil {
		return nil, err
	}
	count, err := h.count("length of an array", n, kinds[k].size)
	if err != nil {
		return nil, err
	}
	if k != kindArray {
		return kinds[k].many(h, count)
	}
	v := make([]any, count)
	for i := range v {
		if v[i], err = h.array(depth + 1); err != nil {
			return nil, err
		}
	}
	return v, nil
}
