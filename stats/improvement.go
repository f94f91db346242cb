package stats

import (
	"cmp"
	"math/rand/v2"
	"slices"
)

// Resampled is a statistic with the 95% percentile interval of its bootstrap.
type Resampled struct {
	Value float64     `json:"value"`
	CI95  *[2]float64 `json:"ci95"` // null where no task has two seeds
}

// Improvement compares two arms by statistics over seeds and tasks that single outlying
// runs do not decide (Agarwal et al. 2021, arXiv 2108.13264).
type Improvement struct {
	IQM         float64   `json:"iqm"`                        // interquartile mean of the first arm
	OtherIQM    float64   `json:"other_iqm"`                  // and of the other one
	Mean        bool      `json:"iqm_is_mean"`                // fewer than trimmedFrom pairs, of which none is left out
	Difference  Resampled `json:"iqm_difference"`             // interquartile mean of first minus other, pair by pair
	Probability Resampled `json:"probability_of_improvement"` // that a run of the first arm is above one of the other
}

// Bootstrap samples of an interval, and the seed of their draws, the same for all.
const (
	resamples    = 10_000
	resampleSeed = 1
)

// Improve compares the scores x of the first arm with y of the other, [tasks][seeds], pair
// by pair:
//
//	IQM         of all scores together, see there
//	difference  IQM of all x - y
//	probability mean over tasks of (1/n^2) sum_s sum_t [x_s > y_t] + [x_s = y_t]/2
//
// with the percentile intervals of the stratified bootstrap: a draw takes, task by task,
// as many seeds as the task has, with replacement, both arms together. It panics where no
// task has a pair.
func Improve(x, y [][]float64) Improvement {
	mustPair(len(x), len(y))
	tasks, differences := make([]*ranking, len(x)), make([][]float64, len(x))
	var total, most int
	for t := range x {
		tasks[t] = rankAgainst(x[t], y[t])
		for s := range x[t] {
			differences[t] = append(differences[t], x[t][s]-y[t][s])
		}
		total, most = total+len(x[t]), max(most, len(x[t]))
	}
	m := Improvement{
		IQM: IQM(slices.Concat(x...)), OtherIQM: IQM(slices.Concat(y...)), Mean: total < trimmedFrom,
		Difference:  Resampled{Value: IQM(slices.Concat(differences...))},
		Probability: Resampled{Value: probabilityOfImprovement(x, y)},
	}
	if most < 2 {
		return m
	}
	rng := rand.New(rand.NewPCG(resampleSeed, 0x73656564))
	drawn, counts := make([]float64, 0, total), make([]int, most)
	means, chances := make([]float64, resamples), make([]float64, resamples)
	for b := range resamples {
		drawn = drawn[:0]
		for t, d := range differences {
			clear(counts)
			for range d {
				at := rng.IntN(len(d))
				drawn = append(drawn, d[at])
				counts[at]++
			}
			chances[b] += tasks[t].probability(counts[:len(d)]) / float64(len(tasks))
		}
		means[b] = trimmed(drawn)
	}
	m.Difference.CI95, m.Probability.CI95 = percentiles(means), percentiles(chances)
	return m
}

// percentiles are the 2.5% and the 97.5% quantile; it sorts the values.
func percentiles(values []float64) *[2]float64 {
	slices.Sort(values)
	return &[2]float64{Quantile(values, 0.025), Quantile(values, 0.975)}
}

// probabilityOfImprovement is the mean over tasks of the probability that a run of x is
// above one of y, a tie counting half: the Mann-Whitney U over the number of pairs (Agarwal
// et al. 2021, section 4.3; Mann and Whitney 1947). x and y are [tasks][runs].
func probabilityOfImprovement(x, y [][]float64) float64 {
	mustPair(len(x), len(y))
	sum := 0.0
	for t := range x {
		once := make([]int, len(x[t]))
		for i := range once {
			once[i] = 1
		}
		sum += rankAgainst(x[t], y[t]).probability(once)
	}
	return sum / float64(len(x))
}

// ranking is where the values x of one arm stand among those of another, y.
type ranking struct {
	sorted []int // indices of y, by value
	below  []int // [x] values of y that are smaller
	upTo   []int // [x] values of y that are smaller or the same
	sums   []int // scratch: draws of the first k of sorted
}

func rankAgainst(x, y []float64) *ranking {
	mustPair(len(x), len(y))
	mustNumbers(x)
	mustNumbers(y)
	r := &ranking{below: make([]int, len(x)), upTo: make([]int, len(x)), sums: make([]int, len(y)+1)}
	for i := range y {
		r.sorted = append(r.sorted, i)
	}
	slices.SortStableFunc(r.sorted, func(i, k int) int { return cmp.Compare(y[i], y[k]) })
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
// each seed was drawn counts[seed] times.
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
