package stats

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// PairedT is the two-sided p-value of the paired t-test that the mean of the differences
// d of n pairs is zero (Student 1908):
//
//	t = mean(d) / (s / sqrt(n)),  p = 2 P(T < -|t|),  T Student-distributed with n-1 degrees.
//
// p < 0.05 exactly where TInterval(d) leaves out zero. ok = false below two pairs and
// where all differences are equal up to rounding: without spread the test does not exist.
func PairedT(d []float64) (p float64, ok bool) {
	mustNumbers(d)
	if len(d) < 2 || equal(d) {
		return 0, false
	}
	n := float64(len(d))
	t := mean(d) / (deviation(d) / math.Sqrt(n))
	return 2 * distuv.StudentsT{Mu: 0, Sigma: 1, Nu: n - 1}.CDF(-math.Abs(t)), true
}

// EffectSize is the standardised mean difference of n pairs: Cohen's d_z (1988, section
// 2.3) with the exact correction of its bias for small samples (Hedges 1981),
//
//	g_z = J(n-1) mean(d) / s,  J(m) = Gamma(m/2) / (sqrt(m/2) Gamma((m-1)/2)),
//
// in standard deviations of the differences. ok = false below three pairs, where J is 0,
// and where all differences are equal up to rounding.
func EffectSize(d []float64) (g float64, ok bool) {
	mustNumbers(d)
	if len(d) < 3 || equal(d) {
		return 0, false
	}
	m := float64(len(d) - 1)
	upper, _ := math.Lgamma(m / 2)
	lower, _ := math.Lgamma((m - 1) / 2)
	return math.Exp(upper-lower) / math.Sqrt(m/2) * mean(d) / deviation(d), true
}

// equal tells whether values differ by no more than the rounding of differences of shares and
// cosines: 0.9-0.8 and 0.8-0.7 are not the same float64.
func equal(values []float64) bool { return slices.Max(values)-slices.Min(values) < 1e-12 }

// Holm adjusts the p-values of one family of tests so that the chance of any false
// rejection in it is at most the level, whatever the tests' dependence (Holm 1979): with
// p sorted, the i-th of m becomes
//
//	max over k <= i of min(1, (m - k + 1) p_k).
//
// The order is that of p. Of one p it is p, of none none.
func Holm(p []float64) []float64 {
	mustNumbers(p)
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case p[a] < p[b]:
			return -1
		case p[a] > p[b]:
			return 1
		}
		return 0
	})
	out, least := make([]float64, len(p)), 0.0
	for k, i := range order {
		least = max(least, min(1, float64(len(p)-k)*p[i]))
		out[i] = least
	}
	return out
}
