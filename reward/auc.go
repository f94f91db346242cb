package reward

import (
	"cmp"
	"math"
	"slices"

	"pgsrm/stats"
)

// cluster holds the similarities that belong to one prompt and are therefore not
// independent: those of related and of unrelated pairs.
type cluster struct{ pos, neg []float64 }

// auc is the probability that a related pair is more similar than an unrelated
// one, ties counted half, over all pairs of all clusters, with its 95% confidence
// interval. The variance is that of Obuchowski 1997 ("Nonparametric analysis of
// clustered ROC curve data"): pairs of one prompt are not independent. The interval
// is Wilson's with the number of independent pairs that this variance stands for,
// so that it stays in 0..1 and is not empty at 1. Without pairs it is NaN.
func auc(clusters []cluster) (a float64, ci [2]float64) {
	above, below := placements(clusters)
	var m, n float64 // numbers of positives and negatives
	for i, c := range clusters {
		m, n = m+float64(len(c.pos)), n+float64(len(c.neg))
		a += above[i]
	}
	if m == 0 || n == 0 {
		return math.NaN(), [2]float64{math.NaN(), math.NaN()}
	}
	a /= m
	k := float64(len(clusters))
	var s10, s01, s11 float64
	for i, c := range clusters {
		dp, dn := above[i]-float64(len(c.pos))*a, below[i]-float64(len(c.neg))*a
		s10, s01, s11 = s10+dp*dp, s01+dn*dn, s11+dp*dn
	}
	variance := k / math.Max(1, k-1) * (s10/(m*m) + s01/(n*n) + 2*s11/(m*n))
	independent := k
	if variance > 0 && a > 0 && a < 1 {
		independent = a * (1 - a) / variance
	}
	return a, stats.Wilson(math.Min(1, a), independent)
}

// placements sums, for each cluster, over its positives the share of all
// negatives that lie below, and over its negatives the share of all positives
// that lie above; equal values count half.
func placements(clusters []cluster) (above, below []float64) {
	type value struct {
		x       float64
		cluster int
		pos     bool
	}
	var all []value
	var m, n float64
	for i, c := range clusters {
		for _, x := range c.pos {
			all = append(all, value{x, i, true})
		}
		for _, x := range c.neg {
			all = append(all, value{x, i, false})
		}
		m, n = m+float64(len(c.pos)), n+float64(len(c.neg))
	}
	slices.SortStableFunc(all, func(a, b value) int { return cmp.Compare(a.x, b.x) })
	above, below = make([]float64, len(clusters)), make([]float64, len(clusters))
	var posBefore, negBefore float64
	for lo := 0; lo < len(all); {
		hi, posHere, negHere := lo, 0., 0.
		for ; hi < len(all) && all[hi].x == all[lo].x; hi++ {
			if all[hi].pos {
				posHere++
			} else {
				negHere++
			}
		}
		for _, v := range all[lo:hi] {
			if v.pos {
				above[v.cluster] += (negBefore + negHere/2) / n
			} else {
				below[v.cluster] += (m - posBefore - posHere/2) / m
			}
		}
		posBefore, negBefore, lo = posBefore+posHere, negBefore+negHere, hi
	}
	return above, below
}
