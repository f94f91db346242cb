package stats

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/stat/distuv"
)

// Wilson is the 95% score interval of a share p of n trials (Wilson 1927),
//
//	(p + z^2/2n -+ z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n),  z the normal quantile of 0.975,
//
// cut at 0 and 1. n need not be whole: it may be the number of independent trials that a
// variance stands for. It has a width at p = 0 and p = 1 too. It panics unless 0 <= p <= 1
// and n > 0.
func Wilson(p, n float64) [2]float64 {
	if !(p >= 0 && p <= 1 && n > 0) {
		panic("stats: a share must be from 0 to 1, of more than 0 trials")
	}
	z := distuv.UnitNormal.Quantile(0.975)
	centre := (p + z*z/(2*n)) / (1 + z*z/n)
	half := z / (1 + z*z/n) * math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	return [2]float64{math.Min(p, math.Max(0, centre-half)), math.Max(p, math.Min(1, centre+half))} // p lies inside but for rounding
}

// draws are the samples of Bootstrap.
const draws = 2000

// Bootstrap is a statistic of n observations, given by their indices, with the 95%
// percentile interval of 2,000 draws of n of them with replacement, always the same draws.
// Draws in which it is NaN are left out; there is no interval below two observations.
func Bootstrap(n int, statistic func(at []int) float64) Resampled {
	at := make([]int, n)
	for i := range at {
		at[i] = i
	}
	r := Resampled{Value: statistic(at)}
	if n < 2 {
		return r
	}
	rng := rand.New(rand.NewPCG(resampleSeed, 0x6f62736572766564))
	values := make([]float64, 0, draws)
	for range draws {
		for i := range at {
			at[i] = rng.IntN(n)
		}
		if v := statistic(at); !math.IsNaN(v) {
			values = append(values, v)
		}
	}
	if len(values) > 0 {
		r.CI95 = percentiles(values)
	}
	return r
}

// RatioOfMeans is mean(x) / mean(y) of pairs, with the interval of Bootstrap; 0 where mean(y) is not above 0. Where x is the same share of y
// in all n pairs, draws show nothing of others: the interval is then that in which the
// ratio lies if a share of the pairs up to Wilson's bound of 0 in n were 0 or 1. There is
// none below two pairs, and where mean(y) is not above 0. It panics on no pair.
func RatioOfMeans(x, y []float64) Resampled {
	mustPair(len(x), len(y))
	mustNumbers(x)
	mustNumbers(y)
	if len(x) == 0 {
		panic("stats: a ratio of means must have a pair")
	}
	if mean(y) <= 0 {
		return Resampled{}
	}
	if v := mean(x) / mean(y); len(x) > 1 && proportional(x, y) {
		w := Wilson(0, float64(len(x)))[1]
		return Resampled{v, &[2]float64{min(v, v*(1-w)), max(v, v*(1-w)+w)}}
	}
	return Bootstrap(len(x), func(at []int) float64 {
		var above, below float64
		for _, i := range at {
			above, below = above+x[i], below+y[i]
		}
		if below <= 0 {
			return math.NaN()
		}
		return above / below
	})
}

// proportional tells whether x is one share of y in all pairs, up to rounding.
func proportional(x, y []float64) bool {
	share := mean(x) / mean(y)
	for i := range x {
		if math.Abs(x[i]-share*y[i]) > 1e-5 {
			return false
		}
	}
	return true
}

// Skewness is the third standardised moment of values, sum (x - mean)^3 / n over the cube of
// the deviation with n in its denominator; 0 where all are equal. It panics on no value.
func Skewness(values []float64) float64 {
	mustNumbers(values)
	if len(values) == 0 {
		panic("stats: skewness must have a value")
	}
	m := mean(values)
	var second, third float64
	for _, v := range values {
		second += (v - m) * (v - m)
		third += (v - m) * (v - m) * (v - m)
	}
	n := float64(len(values))
	if second /= n; second == 0 {
		return 0
	}
	return third / n / math.Pow(second, 1.5)
}
