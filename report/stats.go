package report

import (
	"math"

	"pgsrm/stats"
)

// Estimate is a mean over seeds with its 95% interval.
type Estimate struct {
	Mean   float64     `json:"mean"`
	CI95   *[2]float64 `json:"ci95"`   // null with fewer than two seeds
	Values []float64   `json:"values"` // [seeds], in the order of the seeds
	Start  *float64    `json:"start,omitempty"`
}

// limits is the range that a metric can have; an interval is cut at it.
type limits struct{ lo, hi float64 }

var (
	free     = limits{math.Inf(-1), math.Inf(1)}
	share    = limits{0, 1}
	cosine   = limits{-1, 1}
	positive = limits{0, math.Inf(1)}
)

// estimate summarises one value for each seed; nil of nothing.
func estimate(values []float64, lim limits) *Estimate {
	if len(values) == 0 {
		return nil
	}
	e := &Estimate{Mean: stats.Mean(values), Values: values}
	if lo, hi, ok := stats.TInterval(values); ok {
		e.CI95 = &[2]float64{max(lo, lim.lo), min(hi, lim.hi)}
	}
	return e
}

// endValue is the last value of an evaluation, and for a training metric the
// mean over the last tenth of the episodes.
func endValue(points []Point, evaluation bool) float64 {
	last := points[len(points)-1]
	if evaluation {
		return last.Value
	}
	var tail []float64
	for _, p := range points {
		if 10*p.Episode > 9*last.Episode || p == last {
			tail = append(tail, p.Value)
		}
	}
	return stats.Mean(tail)
}

// series are the episodes and the values of a series.
func series(points []Point) (episodes, values []float64) {
	for _, p := range points {
		episodes, values = append(episodes, float64(p.Episode)), append(values, p.Value)
	}
	return episodes, values
}
