// Package stats holds the statistics over seeds, tasks and learning curves: pure
// functions over plain slices.
//
// A score is the end value of one run, in the unit of its metric. Where runs of several
// tasks stand together, scores are [tasks][runs] and tasks may have different numbers of
// runs. Each function says what it does with no value and with one. A NaN is no score:
// functions panic on one, as they do on slices of unequal length.
//
// The same values give the same bits: the draws of the bootstrap are fixed.
// docs/statistics.md has all formulas on one page.
package stats

import (
	"fmt"
	"math"
)

// mustNumbers panics where a value is NaN.
func mustNumbers(values []float64) {
	for i, v := range values {
		if math.IsNaN(v) {
			panic(fmt.Sprintf("stats: value %d must be a number (got NaN)", i))
		}
	}
}

// mustPair panics where slices are not of one length.
func mustPair(x, y int) {
	if x != y {
		panic(fmt.Sprintf("stats: slices must have one length (got %d and %d)", x, y))
	}
}
