package safetensors

import (
	"encoding/binary"
	"math"
	"slices"

	"pgsrm/internal/half"
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

// Holds says whether the type has all the numbers exactly.
func (d DType) Holds(x []float32) bool {
	switch d {
	case F32:
		return true
	case BF16:
		return !slices.ContainsFunc(x, func(v float32) bool { return math.Float32bits(v)<<16 != 0 })
	case F16:
		return !slices.ContainsFunc(x, func(v float32) bool { return math.Float32bits(half.Float(half.F16(v))) != math.Float32bits(v) })
	}
	return false
}

// decoders convert little-endian numbers to float32.
var decoders = map[DType]func(dst []float32, src []byte){
	F32: func(dst []float32, src []byte) {
		for i := range dst {
			dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:]))
		}
	},
	F16: func(dst []float32, src []byte) {
		for i := range dst {
			dst[i] = half.Float(binary.LittleEndian.Uint16(src[2*i:]))
		}
	},
	BF16: func(dst []float32, src []byte) {
		for i := range dst {
			dst[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(src[2*i:])) << 16)
		}
	},
}

// encoders write float32 to dst as little-endian numbers of a type.
var encoders = map[DType]func(dst []byte, src []float32){
	F32: func(dst []byte, src []float32) {
		for i, v := range src {
			binary.LittleEndian.PutUint32(dst[4*i:], math.Float32bits(v))
		}
	},
	F16: func(dst []byte, src []float32) {
		for i, v := range src {
			binary.LittleEndian.PutUint16(dst[2*i:], half.F16(v))
		}
	},
	BF16: func(dst []byte, src []float32) {
		for i, v := range src {
			binary.LittleEndian.PutUint16(dst[2*i:], half.BF16(v))
		}
	},
}

// littleEndian says that this machine keeps numbers as the format does.
var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1
