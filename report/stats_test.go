package report

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if math.Abs(got-want) > tolerance {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// Worked by hand: t(0.975, 2) = 4.302653, t(0.975, 1) = 12.706205.
func TestInterval(t *testing.T) {
	lo, hi, ok := interval([]float64{1, 2, 3})
	if !ok {
		t.Fatal("interval of three values must exist")
	}
	near(t, "lo", lo, 2-4.302653/math.Sqrt(3), 1e-6)
	near(t, "hi", hi, 2+4.302653/math.Sqrt(3), 1e-6)
	lo, hi, _ = interval([]float64{0, 2})
	near(t, "lo of two", lo, 1-12.706205, 1e-6)
	near(t, "hi of two", hi, 1+12.706205, 1e-6)
	if _, _, ok := interval([]float64{1}); ok {
		t.Error("interval of one value must not exist")
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

func TestCurveStatistics(t *testing.T) {
	for _, c := range []struct {
		name             string
		values           []float64
		falling, stagnat float64
	}{
		{"rising", []float64{1, 2, 3, 4}, 0, 0},
		{"falling", []float64{4, 3, 2, 1}, 1, 1},
		{"flat", []float64{1, 1, 1}, 0, 1},
		{"dip of two, then new height", []float64{1, 3, 2, 2, 4}, 0.25, 0.5},
		{"single", []float64{1}, 0, 0},
		{"none", nil, 0, 0},
	} {
		near(t, c.name+": falling share", fallingShare(c.values), c.falling, 1e-12)
		near(t, c.name+": longest stagnation", longestStagnation(c.values), c.stagnat, 1e-12)
	}
	near(t, "area", area([]Point{{0, 0, 0}, {1, 10, 1}, {2, 30, 1}}), (5+20)/30.0, 1e-12)
	near(t, "area of a point", area([]Point{{0, 0, 0.3}}), 0.3, 0)
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

// The interval moves and scales with its values and holds their mean.
func TestIntervalProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Float64Range(-10, 10), 2, 12).Draw(t, "values")
		shift := rapid.Float64Range(-5, 5).Draw(t, "shift")
		lo, hi, _ := interval(values)
		if m := mean(values); lo > m || hi < m {
			t.Fatalf("interval must hold the mean (got %v, [%v, %v])", m, lo, hi)
		}
		moved := make([]float64, len(values))
		for i, v := range values {
			moved[i] = 2*v + shift
		}
		mlo, mhi, _ := interval(moved)
		if math.Abs(mlo-2*lo-shift) > 1e-9*(1+math.Abs(lo)) || math.Abs(mhi-2*hi-shift) > 1e-9*(1+math.Abs(hi)) {
			t.Fatalf("interval of 2v+%v must be [%v, %v] (got [%v, %v])", shift, 2*lo+shift, 2*hi+shift, mlo, mhi)
		}
	})
}
