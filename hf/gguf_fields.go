package hf

import (
	"fmt"
	"math"

	"pgsrm/gguf"
)

// ggufFields reads the metadata of a GGUF file key by key and keeps the first error,
// as fields does for JSON.
type ggufFields struct {
	values map[string]any
	err    error
}

func newGGUFFields(md gguf.Metadata) *ggufFields {
	f := &ggufFields{values: make(map[string]any, len(md))}
	for _, p := range md {
		f.values[p.Key] = p.Value
	}
	return f
}

// fail keeps the first error.
func (f *ggufFields) fail(format string, args ...any) {
	if f.err == nil {
		f.err = fmt.Errorf(format, args...)
	}
}

// has says whether a key is there.
func (f *ggufFields) has(key string) bool {
	_, ok := f.values[key]
	return ok
}

// ggufValue is the value of a key, or absent.
func ggufValue[T any](f *ggufFields, key string, absent T) T {
	value, ok := f.values[key]
	if !ok {
		return absent
	}
	v, ok := value.(T)
	if !ok {
		f.fail("%s must be of type %T (got %T)", key, absent, value)
		return absent
	}
	return v
}

// whole is the value of a key that is a whole number of any type, or absent.
func (f *ggufFields) whole(key string, absent int64) int64 {
	switch v := f.values[key].(type) {
	case nil:
		return absent
	case uint8:
		return int64(v)
	case int8:
		return int64(v)
	case uint16:
		return int64(v)
	case int16:
		return int64(v)
	case uint32:
		return int64(v)
	case int32:
		return int64(v)
	case int64:
		return v
	case uint64:
		if v <= math.MaxInt64 {
			return int64(v)
		}
	}
	f.fail("%s must be a whole number (got %T)", key, f.values[key])
	return absent
}

// id is the value of a key that names one of n tokens, or absent.
func (f *ggufFields) id(key string, n int, absent int32) int32 {
	id := f.whole(key, int64(absent))
	if f.has(key) && (id < 0 || id >= int64(n)) {
		f.fail("%s must be the id of one of the %d tokens (got %d)", key, n, id)
		return absent
	}
	return int32(id)
}
