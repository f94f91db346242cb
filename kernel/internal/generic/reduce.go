package generic

import "math"

// lanes is the accumulator of a horizontal float32 sum.
type lanes [16]float32

// Sum combines the lanes in the fixed order.
func (s *lanes) Sum() float32 {
	var q [4]float32
	for i := range q {
		q[i] = (s[i] + s[i+8]) + (s[i+4] + s[i+12])
	}
	return (q[0] + q[1]) + (q[2] + q[3])
}

// lanes64 is the accumulator of a horizontal float64 sum.
type lanes64 [16]float64

// Sum combines the lanes in the fixed order.
func (s *lanes64) Sum() float64 {
	var q [4]float64
	for i := range q {
		q[i] = (s[i] + s[i+8]) + (s[i+4] + s[i+12])
	}
	return (q[0] + q[1]) + (q[2] + q[3])
}

// Dot returns the sum of a[i]*b[i].
func Dot(a, b []float32) float32 {
	var s lanes
	for i, v := range a {
		s[i&15] += float32(v * b[i])
	}
	return s.Sum()
}

// Sum returns the sum of x.
func Sum(x []float32) float32 {
	var s lanes
	for i, v := range x {
		s[i&15] += v
	}
	return s.Sum()
}

// SumSqDev returns the sum of (x[i]-mean)^2.
func SumSqDev(x []float32, mean float32) float32 {
	var s lanes
	for i, v := range x {
		d := v - mean
		s[i&15] += float32(d * d)
	}
	return s.Sum()
}

// Max returns the largest element of x, -Inf for an empty one. NaN elements are passed over.
func Max(x []float32) float32 {
	m := float32(math.Inf(-1))
	for _, v := range x {
		if v > m {
			m = v
		}
	}
	return m
}

// SumSquares returns the sum of x[i]^2 in float64.
func SumSquares(x []float32) float64 {
	var s lanes64
	for i, v := range x {
		s[i&15] += float64(v) * float64(v)
	}
	return s.Sum()
}

// ExpSum returns the sum of exp(x[i]-shift), terms in float32, sum in float64.
func ExpSum(x []float32, shift float32) float64 {
	var s lanes64
	for i, v := range x {
		s[i&15] += float64(exp(v - shift))
	}
	return s.Sum()
}

// ExpStats returns the sums of e = exp(z) and of e*z, z = x[i]-shift. A term with e = 0 adds
// nothing to either (z may be -Inf).
func ExpStats(x []float32, shift float32) (sum, moment float64) {
	var s, t lanes64
	for i, v := range x {
		z := v - shift
		e := float64(exp(z))
		s[i&15] += e
		if e != 0 {
			t[i&15] += e * float64(z)
		}
	}
	return s.Sum(), t.Sum()
}

// NormSums returns the two row sums of a LayerNorm backward: of g and of g*xhat, where
// g = dout*gamma and xhat = (x-mean)*rstd.
func NormSums(dout, gamma, x []float32, mean, rstd float32) (sumG, sumGX float32) {
	var s, t lanes
	for i, v := range x {
		g := float32(dout[i] * gamma[i])
		xhat := (v - mean) * rstd
		s[i&15] += g
		t[i&15] += float32(g * xhat)
	}
	return s.Sum(), t.Sum()
}
