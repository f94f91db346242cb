package report

import (
	"math/rand/v2"
	"slices"

	"pgsrm/eval"
)

// Improvement compares the first arm of a task with another one by statistics over
// seeds that single outlying seeds do not decide (Agarwal et al. 2021, arXiv
// 2108.13264). The strata of their bootstrap are tasks; here there is one.
type Improvement struct {
	Reward      string    `json:"reward"` // label of the first arm
	Other       string    `json:"other"`  // label of the other one
	Metric      string    `json:"metric"`
	Seeds       []int64   `json:"seeds"`                      // those that both arms have
	IQM         float64   `json:"iqm"`                        // interquartile mean of the first arm over these seeds
	OtherIQM    float64   `json:"other_iqm"`                  // and of the other one
	Mean        bool      `json:"iqm_is_mean"`                // fewer than four seeds, of which none is left out
	Difference  Resampled `json:"iqm_difference"`             // interquartile mean of first minus other, seed by seed
	Probability Resampled `json:"probability_of_improvement"` // that a run of the first arm is above one of the other
}

// Resampled is a statistic with the 95% percentile interval of its bootstrap.
type Resampled struct {
	Value float64     `json:"value"`
	CI95  *[2]float64 `json:"ci95"` // null with fewer than two seeds
}

// Bootstrap samples of an interval, and the seed of their draws, the same for all.
const (
	resamples    = 10_000
	resampleSeed = 1
)

// trimmedFrom is the least number of seeds of which the interquartile mean leaves out
// any: a quarter at either end, rounded down.
const trimmedFrom = 4

// improvements compares the first arm with each other one in each compared metric.
func (g *Group) improvements() []Improvement {
	out := []Improvement{}
	for i := 1; i < len(g.Arms); i++ {
		for _, metric := range compared {
			if seeds, x, y := pairs(g.Arms[0], g.Arms[i], metric); len(seeds) > 0 {
				m := improvement(x, y)
				m.Reward, m.Other, m.Metric, m.Seeds = g.Arms[0].Label, g.Arms[i].Label, metric, seeds
				out = append(out, m)
			}
		}
	}
	return out
}

// improvement compares the values x of the first arm with y of the other, in the order
// of the seeds. A bootstrap sample draws seeds with replacement, both arms together.
func improvement(x, y []float64) Improvement {
	n := len(x)
	differences := make([]float64, n)
	for i := range x {
		differences[i] = x[i] - y[i]
	}
	m := Improvement{IQM: interquartileMean(slices.Clone(x)), OtherIQM: interquartileMean(slices.Clone(y)), Mean: n < trimmedFrom}
	m.Difference.Value = interquartileMean(slices.Clone(differences))
	order := rankAgainst(x, y)
	once := make([]int, n)
	for i := range once {
		once[i] = 1
	}
	m.Probability.Value = order.probability(once)
	if n < 2 {
		return m
	}
	rng := rand.New(rand.NewPCG(resampleSeed, 0x73656564))
	drawn, counts := make([]float64, n), make([]int, n)
	means, chances := make([]float64, resamples), make([]float64, resamples)
	for b := range resamples {
		clear(counts)
		for i := range drawn {
			at := rng.IntN(n)
			drawn[i] = differences[at]
			counts[at]++
		}
		means[b], chances[b] = interquartileMean(drawn), order.probability(counts)
	}
	m.Difference.CI95, m.Probability.CI95 = percentiles(means), percentiles(chances)
	return m
}

// interquartileMean is the mean of the values without the lowest and the highest
// floor(n/4) of them. It sorts the values.
func interquartileMean(values []float64) float64 {
	slices.Sort(values)
	cut := len(values) / 4
	return mean(values[cut : len(values)-cut])
}

// percentiles are the 2.5% and the 97.5% quantile; it sorts the values.
func percentiles(values []float64) *[2]float64 {
	slices.Sort(values)
	return &[2]float64{eval.Quantile(values, 0.025), eval.Quantile(values, 0.975)}
}

// ranking is where the values x of one arm stand among those of another, y.
type ranking struct {
	sorted []int // indices of y, by value
	below  []int // [x] values of y that are smaller
	upTo   []int // [x] values of y that are smaller or the same
	sums   []int // scratch: draws of the first k of sorted
}

func rankAgainst(x, y []float64) *ranking {
	r := &ranking{below: make([]int, len(x)), upTo: make([]int, len(x)), sums: make([]int, len(y)+1)}
	for i := range y {
		r.sorted = append(r.sorted, i)
	}
	slices.SortStableFunc(r.sorted, func(i, k int) int {
		switch {
		case y[i] < y[k]:
			return -1
		case y[i] > y[k]:
			return 1
		}
		return 0
	})
	for i, v := range x {
		for _, w := range y {
			if w < v {
				r.below[i]++
			}
			if w <= v {
				r.upTo[i]++
			}
		}
	}
	return r
}

// probability is P(x > y) + P(x = y)/2 over all pairs of a drawn x and a drawn y, where
// each seed was drawn counts[seed] times: the Mann-Whitney U statistic over n^2.
func (r *ranking) probability(counts []int) float64 {
	for k, i := range r.sorted {
		r.sums[k+1] = r.sums[k] + counts[i]
	}
	n := r.sums[len(r.sorted)]
	twice := 0 // U, twice
	for i, count := range counts {
		twice += count * (r.sums[r.below[i]] + r.sums[r.upTo[i]])
	}
	return float64(twice) / float64(2*n*n)
}
