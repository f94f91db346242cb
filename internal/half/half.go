// Package half converts float32 from and to the two types of 16 bits: IEEE 754
// binary16 (F16) and bfloat16 (BF16).
package half

import "math"

// Float converts from IEEE 754 binary16, subnormals, infinities and NaN included.
func Float(h uint16) float32 {
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

// F16 rounds to IEEE 754 binary16, to nearest, ties to even; what is too
// large becomes infinite, a NaN stays a NaN.
func F16(v float32) uint16 {
	u := math.Float32bits(v)
	sign, a := uint16(u>>16)&0x8000, math.Float32frombits(u&^(1<<31))
	switch {
	case v != v:
		return sign | 0x7e00
	case a >= 65520:
		return sign | 0x7c00
	case a < 0x1p-14: // subnormal: the sum is rounded at 2^-24 by float32's own rounding
		return sign | uint16(math.Float32bits(a+0.5)-math.Float32bits(0.5))
	}
	u = math.Float32bits(a)
	u += 0xfff + u>>13&1 // round the 13 bits that go
	return sign | uint16(u>>13-112<<10)
}

// BF16 rounds to nearest, ties to even; a NaN stays a NaN.
func BF16(v float32) uint16 {
	u := math.Float32bits(v)
	if v != v {
		return uint16(u>>16) | 0x40
	}
	return uint16((u + 0x7fff + u>>16&1) >> 16)
}
