package report

import (
	"math"
	"testing"
)

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if math.Abs(got-want) > tolerance {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func TestEstimateCutsAtLimits(t *testing.T) {
	e := estimate([]float64{0, 0.5, 1}, share)
	if *e.CI95 != [2]float64{0, 1} {
		t.Errorf("interval must be cut to [0 1] (got %v)", *e.CI95)
	}
	if estimate(nil, share) != nil {
		t.Error("estimate of nothing must be nil")
	}
	if e := estimate([]float64{0.3}, share); e.CI95 != nil {
		t.Errorf("one value must have no interval (got %v)", *e.CI95)
	}
}

func TestEndValue(t *testing.T) {
	var points []Point
	for i := 1; i <= 20; i++ {
		points = append(points, Point{i, 10 * i, float64(i)})
	}
	near(t, "evaluation", endValue(points, true), 20, 0)
	near(t, "training metric, episodes 190 and 200", endValue(points, false), 19.5, 0)
}
