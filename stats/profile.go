package stats

import "fmt"

// Profile is the performance profile of an arm at each threshold: the share of its runs,
// over all tasks, whose score is above it (Agarwal et al. 2021, arXiv 2108.13264, equation
// 2, the score distribution), and the pointwise 95% percentile interval of the stratified
// bootstrap over the runs of each task. Scores are [tasks][runs].
//
// The interval needs no draws: a bootstrap sample has, of a task with n runs of which
// the share p is above, a binomially distributed number of runs above, so that the ends are
// quantiles of a sum of binomials. They are what a bootstrap of infinitely many samples
// gives. It panics where there is no run.
func Profile(scores [][]float64, thresholds []float64) (shares []float64, bands [][2]float64) {
	total := 0
	for _, task := range scores {
		mustNumbers(task)
		total += len(task)
	}
	if total == 0 {
		panic(fmt.Sprintf("stats: a profile must have a run (got none in %d tasks)", len(scores)))
	}
	for _, threshold := range thresholds {
		above, chance := 0, []float64{1} // chance of so many runs above in a bootstrap sample
		for _, task := range scores {
			n := 0
			for _, v := range task {
				if v > threshold {
					n++
				}
			}
			above += n
			for range task {
				chance = oneMore(chance, float64(n)/float64(len(task)))
			}
		}
		shares = append(shares, float64(above)/float64(total))
		bands = append(bands, [2]float64{
			float64(reached(chance, 0.025)) / float64(total), float64(reached(chance, 0.975)) / float64(total),
		})
	}
	return shares, bands
}

// oneMore is the distribution of a count with one more trial, which counts with chance p.
func oneMore(chance []float64, p float64) []float64 {
	out := make([]float64, len(chance)+1)
	for k, c := range chance {
		out[k] += (1 - p) * c
		out[k+1] += p * c
	}
	return out
}

// reached is the quantile of a count: the least k of which P(count <= k) >= q.
func reached(chance []float64, q float64) int {
	sum := 0.0
	for k, c := range chance {
		if sum += c; sum >= q {
			return k
		}
	}
	return len(chance) - 1
}
