package gguf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"pgsrm/internal/half"
)

// Type is the type of a tensor's numbers, numbered as in the format.
type Type uint32

// The types that this package reads; F32, F16, BF16 and Q8_0 are also written.
const (
	F32  Type = 0
	F16  Type = 1
	Q4_0 Type = 2
	Q4_1 Type = 3
	Q5_0 Type = 6
	Q5_1 Type = 7
	Q8_0 Type = 8
	Q2_K Type = 10
	Q3_K Type = 11
	Q4_K Type = 12
	Q5_K Type = 13
	Q6_K Type = 14
	BF16 Type = 30
)

// layout says how a type keeps its numbers: in blocks along the rows.
type layout struct {
	name   string
	block  int                                   // numbers of a block
	bytes  int                                   // of a block
	decode func(dst []float32, src []byte)       // whole blocks; nil: not read
	encode func(dst []byte, src []float32) error // whole blocks; nil: not written
}

// layouts has every type of the format by its number; those without a block can
// only be named.
var layouts = map[Type]layout{
	F32:  {"F32", 1, 4, decodeF32, encodeF32},
	F16:  {"F16", 1, 2, decodeF16, encodeF16},
	BF16: {"BF16", 1, 2, decodeBF16, encodeBF16},
	Q4_0: {"Q4_0", 32, 18, blocks(32, 18, decodeQ4_0), nil},
	Q4_1: {"Q4_1", 32, 20, blocks(32, 20, decodeQ4_1), nil},
	Q5_0: {"Q5_0", 32, 22, blocks(32, 22, decodeQ5_0), nil},
	Q5_1: {"Q5_1", 32, 24, blocks(32, 24, decodeQ5_1), nil},
	Q8_0: {"Q8_0", 32, 34, blocks(32, 34, decodeQ8_0), encodeQ8_0},
	Q2_K: {"Q2_K", 256, 84, blocks(256, 84, decodeQ2_K), nil},
	Q3_K: {"Q3_K", 256, 110, blocks(256, 110, decodeQ3_K), nil},
	Q4_K: {"Q4_K", 256, 144, blocks(256, 144, decodeQ4_K), nil},
	Q5_K: {"Q5_K", 256, 176, blocks(256, 176, decodeQ5_K), nil},
	Q6_K: {"Q6_K", 256, 210, blocks(256, 210, decodeQ6_K), nil},
	9:    {name: "Q8_1"}, 15: {name: "Q8_K"}, 16: {name: "IQ2_XXS"}, 17: {name: "IQ2_XS"},
	18: {name: "IQ3_XXS"}, 19: {name: "IQ1_S"}, 20: {name: "IQ4_NL"}, 21: {name: "IQ3_S"},
	22: {name: "IQ2_S"}, 23: {name: "IQ4_XS"}, 24: {name: "I8"}, 25: {name: "I16"},
	26: {name: "I32"}, 27: {name: "I64"}, 28: {name: "F64"}, 29: {name: "IQ1_M"},
	34: {name: "TQ1_0"}, 35: {name: "TQ2_0"}, 39: {name: "MXFP4"},
}

// String is the name of the type in the format, or its number.
func (t Type) String() string {
	if l, ok := layouts[t]; ok {
		return l.name
	}
	return fmt.Sprintf("type %d", uint32(t))
}

// typeNames lists the types that pass, in the order of their numbers.
func typeNames(pass func(layout) bool) string {
	var types []Type
	for t, l := range layouts {
		if pass(l) {
			types = append(types, t)
		}
	}
	slices.Sort(types)
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = t.String()
	}
	return strings.Join(names, ", ")
}

// blocks decodes block by block: size numbers of width bytes.
func blocks(size, width int, decode func(dst []float32, src []byte)) func(dst []float32, src []byte) {
	return func(dst []float32, src []byte) {
		for ; len(dst) > 0; dst, src = dst[size:], src[width:] {
			decode(dst[:size], src[:width])
		}
	}
}

func decodeF32(dst []float32, src []byte) {
	for i := range dst {
		dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:]))
	}
}

func encodeF32(dst []byte, src []float32) error {
	for i, v := range src {
		binary.LittleEndian.PutUint32(dst[4*i:], math.Float32bits(v))
	}
	return nil
}

func decodeF16(dst []float32, src []byte) {
	for i := range dst {
		dst[i] = float16(src[2*i:])
	}
}

func encodeF16(dst []byte, src []float32) error {
	for i, v := range src {
		binary.LittleEndian.PutUint16(dst[2*i:], half.F16(v))
	}
	return nil
}

func decodeBF16(dst []float32, src []byte) {
	for i := range dst {
		dst[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(src[2*i:])) << 16)
	}
}

func encodeBF16(dst []byte, src []float32) error {
	for i, v := range src {
		binary.LittleEndian.PutUint16(dst[2*i:], half.BF16(v))
	}
	return nil
}

// float16 is the binary16 number that b begins with.
func float16(b []byte) float32 { return half.Float(binary.LittleEndian.Uint16(b)) }

// decodeQ8_0: scale d (F16), then 32 signed bytes q; d*q.
func decodeQ8_0(dst []float32, src []byte) {
	d := float16(src)
	for i := range dst {
		dst[i] = d * float32(int8(src[2+i]))
	}
}

// maxQ8_0 is the largest magnitude whose scale an F16 can hold.
const maxQ8_0 = 127 * 65504

// encodeQ8_0 rounds to the nearest step, halves away from zero, with the largest
// magnitude of each block at 127 steps.
func encodeQ8_0(dst []byte, src []float32) error {
	for ; len(src) > 0; dst, src = dst[34:], src[32:] {
		peak := float32(0)
		for _, v := range src[:32] {
			a := float32(math.Abs(float64(v)))
			if !(a <= maxQ8_0) {
				return errors.New("numbers of Q8_0 must be finite and at most 127*65504")
			}
			peak = max(peak, a)
		}
		d := peak / 127
		inverse := 1 / d
		if math.IsInf(float64(inverse), 1) {
			inverse = 0 // d is zero as F16
		}
		binary.LittleEndian.PutUint16(dst, half.F16(d))
		for i, v := range src[:32] {
			dst[2+i] = byte(int8(math.Round(float64(v * inverse))))
		}
	}
	return nil
}
