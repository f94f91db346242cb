package report

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
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

// mean is the arithmetic mean; NaN of nothing.
func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

// interval returns the two-sided 95% Student t interval of the mean,
//
//	mean -+ t(0.975, n-1) * s / sqrt(n),  s^2 = sum (x - mean)^2 / (n-1),
//
// ok = false with fewer than two values.
func interval(values []float64) (lo, hi float64, ok bool) {
	n := float64(len(values))
	if n < 2 {
		return 0, 0, false
	}
	m := mean(values)
	squares := 0.0
	for _, v := range values {
		squares += (v - m) * (v - m)
	}
	t := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: n - 1}.Quantile(0.975)
	half := t * math.Sqrt(squares/(n-1)/n)
	return m - half, m + half, true
}

// estimate summarises one value for each seed; nil of nothing.
func estimate(values []float64, lim limits) *Estimate {
	if len(values) == 0 {
		return nil
	}
	e := &Estimate{Mean: mean(values), Values: values}
	if lo, hi, ok := interval(values); ok {
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
	return mean(tail)
}

// fallingShare is the share of steps of a series that go down; 0 without steps.
func fallingShare(values []float64) float64 {
	if len(values) < 2 {
		return 0
	}
	falls := 0
	for i := 1; i < len(values); i++ {
		if values[i] < values[i-1] {
			falls++
		}
	}
	return float64(falls) / float64(len(values)-1)
}

// longestStagnation is the longest stretch of a series without a new maximum,
// as a share of all its steps; 0 without steps.
func longestStagnation(values []float64) float64 {
	if len(values) < 2 {
		return 0
	}
	best, since, longest := values[0], 0, 0
	for _, v := range values[1:] {
		if v > best {
			best, since = v, 0
			continue
		}
		since++
		longest = max(longest, since)
	}
	return float64(longest) / float64(len(values)-1)
}

// area is the area under a learning curve over the episodes it spans, divided
// by that span: its mean height (trapezoids). One point is its own height.
func area(points []Point) float64 {
	span := float64(points[len(points)-1].Episode - points[0].Episode)
	if span == 0 {
		return points[len(points)-1].Value
	}
	sum := 0.0
	for i := 1; i < len(points); i++ {
		width := float64(points[i].Episode - points[i-1].Episode)
		sum += width * (points[i].Value + points[i-1].Value) / 2
	}
	return sum / span
}

// windows averages a series into at most n stretches of equal length, so that
// the noise of single updates does not count as falling.
func windows(points []Point, n int) []float64 {
	if len(points) <= n {
		n = len(points)
	}
	out := make([]float64, n)
	for w := range out {
		from, to := w*len(points)/n, (w+1)*len(points)/n
		for _, p := range points[from:to] {
			out[w] += p.Value / float64(to-from)
		}
	}
	return out
}
