package gguf

import (
	"encoding/binary"
	"fmt"
	"reflect"
)

// appendText appends a string after its length.
func appendText(b []byte, s string) []byte {
	return append(binary.LittleEndian.AppendUint64(b, uint64(len(s))), s...)
}

// appendValue appends the type and the value of a pair.
func appendValue(b []byte, v any) ([]byte, error) {
	k, n, err := kindOf(v)
	switch {
	case err != nil:
		return nil, err
	case n >= 0:
		return appendArray(binary.LittleEndian.AppendUint32(b, uint32(kindArray)), v, 1)
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(k))
	if k == kindString {
		return appendText(b, v.(string)), nil
	}
	return binary.Append(b, binary.LittleEndian, v)
}

// appendArray appends the type, the count and the values of an array at a depth.
func appendArray(b []byte, v any, depth int) ([]byte, error) {
	k, n, err := kindOf(v)
	switch {
	case err != nil:
		return nil, err
	case n < 0 || depth > maxDepth:
		return nil, fmt.Errorf("arrays must hold arrays alone or none, at most %d deep (got %T)", maxDepth, v)
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(k))
	b = binary.LittleEndian.AppendUint64(b, uint64(n))
	switch v := v.(type) {
	case []string:
		for _, s := range v {
			b = appendText(b, s)
		}
		return b, nil
	case []any:
		for _, x := range v {
			var err error
			if b, err = appendArray(b, x, depth+1); err != nil {
				return nil, err
			}
		}
		return b, nil
	}
	return binary.Append(b, binary.LittleEndian, v)
}

// kindOf is the type of a value, or that of the values of an array and their
// number, which is -1 for a value that is no array.
func kindOf(v any) (k kind, n int, err error) {
	x := reflect.TypeOf(v)
	if x == anyArray {
		return kindArray, len(v.([]any)), nil
	}
	n = -1
	if x != nil && x.Kind() == reflect.Slice {
		x, n = x.Elem(), reflect.ValueOf(v).Len()
	}
	k, ok := goKinds[x]
	if !ok {
		return 0, 0, fmt.Errorf("value must be of a type that Pair lists (got %T)", v)
	}
	return k, n, nil
}

// goKinds has the types of values by their Go types.
var goKinds = map[reflect.Type]kind{
	reflect.TypeFor[uint8](): 0, reflect.TypeFor[int8](): 1,
	reflect.TypeFor[uint16](): 2, reflect.TypeFor[int16](): 3,
	reflect.TypeFor[uint32](): 4, reflect.TypeFor[int32](): 5,
	reflect.TypeFor[float32](): 6, reflect.TypeFor[bool](): 7,
	reflect.TypeFor[string](): kindString, reflect.TypeFor[uint64](): 10,
	reflect.TypeFor[int64](): 11, reflect.TypeFor[float64](): 12,
}

var anyArray = reflect.TypeFor[[]any]()
