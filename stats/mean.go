package stats

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// Mean is the arithmetic mean, in the unit of the values; NaN of nothing.
func Mean(values []float64) float64 {
	mustNumbers(values)
	return mean(values)
}

func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

// deviation is the standard deviation with n-1 in its denominator; NaN below two values.
func deviation(values []float64) float64 {
	m, squares := mean(values), 0.0
	for _, v := range values {
		squares += (v - m) * (v - m)
	}
	return math.Sqrt(squares / float64(len(values)-1))
}

// TInterval returns the two-sided 95% interval of the mean (Student 1908),
//
//	mean -+ t(0.975, n-1) * s / sqrt(n),  s^2 = sum (x - mean)^2 / (n-1),
//
// in the unit of the values. It is exact for normal values. ok = false below two values;
// equal values give an interval of width zero.
func TInterval(values []float64) (lo, hi float64, ok bool) {
	mustNumbers(values)
	n := float64(len(values))
	if n < 2 {
		return 0, 0, false
	}
	t := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: n - 1}.Quantile(0.975)
	m, half := mean(values), t*deviation(values)/math.Sqrt(n)
	return m - half, m + half, true
}

// trimmedFrom is the least number of scores of which the interquartile mean leaves out any.
const trimmedFrom = 4

// IQM is the interquartile mean: the mean of the sorted values without the floor(n/4)
// lowest and the floor(n/4) highest (Agarwal et al. 2021, arXiv 2108.13264, section 4.3),
// in the unit of the values. Below trimmedFrom values it is the mean; NaN of nothing.
func IQM(values []float64) float64 {
	mustNumbers(values)
	return trimmed(slices.Clone(values))
}

// trimmed is IQM; it sorts the values.
func trimmed(values []float64) float64 {
	slices.Sort(values)
	cut := len(values) / trimmedFrom
	return mean(values[cut : len(values)-cut])
}

// Quantile of sorted values, linear between them: type 7 of Hyndman and Fan (1996), NumPy's
// default. It panics on no value; of one it is that value.
func Quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	lo := int(at)
	hi := min(lo+1, len(sorted)-1)
	return sorted[lo] + (at-float64(lo))*(sorted[hi]-sorted[lo])
}
