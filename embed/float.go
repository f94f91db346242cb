package embed

import (
	"math"
	"strconv"
)

// tenTo are the powers of ten that a float64 holds exactly.
var tenTo = [...]float64{
	1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
	1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
}

// parseFloat reads the number that s begins with, up to the next space, tab or
// the end of s, and returns how many bytes it took. The value is the float32
// nearest to the decimal number, as strconv.ParseFloat(s, 32) gives it. ok is false
// where there is no finite number.
//
// A short number is a whole mantissa and a power of ten, both exact in float64, so
// that one division rounds correctly (Clinger 1990, case of small exponents).
// Rounding again to float32 is safe but where the float64 lies right between two
// float32 values or below their normal range; these, and long numbers, go to strconv.
func parseFloat(s []byte) (x float32, n int, ok bool) {
	i, negative := 0, false
	if len(s) > 0 && (s[0] == '-' || s[0] == '+') {
		negative, i = s[0] == '-', 1
	}
	var mantissa uint64
	digits, fraction := 0, 0
	for ; i < len(s) && s[i]-'0' <= 9; i++ {
		mantissa = mantissa*10 + uint64(s[i]-'0')
		digits++
	}
	if i < len(s) && s[i] == '.' {
		start := i + 1
		for i = start; i < len(s) && s[i]-'0' <= 9; i++ {
			mantissa = mantissa*10 + uint64(s[i]-'0')
		}
		fraction = i - start
		digits += fraction
	}
	exp := -fraction
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		e, took := exponent(s[i+1:])
		if took == 0 {
			return slowFloat(s)
		}
		exp, i = exp+e, i+1+took
	}
	if i < len(s) && s[i] != ' ' && s[i] != '\t' || digits == 0 || digits > 18 || mantissa > 1<<53 || exp < -22 || exp > 22 {
		return slowFloat(s)
	}
	f := float64(mantissa)
	if exp < 0 {
		f /= tenTo[-exp]
	} else {
		f *= tenTo[exp]
	}
	const between = 1 << 28 // the low 29 bits of a float64 halfway between two float32
	if mantissa != 0 && (f < 0x1p-126 || f > math.MaxFloat32 || math.Float64bits(f)&(1<<29-1) == between) {
		return slowFloat(s)
	}
	if negative {
		f = -f
	}
	return float32(f), i, true
}

// exponent reads a signed whole number of at most 4 digits; took is 0 without one.
func exponent(s []byte) (e, took int) {
	i := 0
	if len(s) > 0 && (s[0] == '-' || s[0] == '+') {
		i = 1
	}
	start := i
	for ; i < len(s) && i < start+4 && s[i]-'0' <= 9; i++ {
		e = e*10 + int(s[i]-'0')
	}
	if i == start {
		return 0, 0
	}
	if s[0] == '-' {
		e = -e
	}
	return e, i
}

// slowFloat is parseFloat for every number, by the standard library.
func slowFloat(s []byte) (x float32, n int, ok bool) {
	for n < len(s) && s[n] != ' ' && s[n] != '\t' {
		n++
	}
	f, err := strconv.ParseFloat(string(s[:n]), 32)
	if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		return 0, n, false
	}
	return float32(f), n, true
}
