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

func TestWindows(t *testing.T) {
	points := []Point{{0, 0, 1}, {1, 1, 3}, {2, 2, 5}, {3, 3, 7}}
	got := windows(points, 2)
	near(t, "first", got[0], 2, 1e-12)
	near(t, "second", got[1], 6, 1e-12)
	if n := len(windows(points, 9)); n != 4 {
		t.Errorf("windows must be at most the points (got %d)", n)
	}
}
