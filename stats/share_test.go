package stats

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"pgregory.net/rapid"
)

// What scipy gives, and its bootstrap within the Monte Carlo error of 2,000 draws.
func TestShareGolden(t *testing.T) {
	text, err := os.ReadFile("testdata/share.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Wilson []struct {
			K, N float64
			CI95 [2]float64
		}
		Skews []struct {
			Values []float64
			Skew   float64
		}
		Ratios []struct {
			X, Y  []float64
			Ratio float64
			CI95  [2]float64
		}
	}
	if err := json.Unmarshal(text, &golden); err != nil {
		t.Fatal(err)
	}
	near := func(what string, got, want, bound float64) {
		t.Helper()
		if math.Abs(got-want) > bound {
			t.Errorf("%s: got %v, want %v", what, got, want)
		}
	}
	for _, c := range golden.Wilson {
		ci := Wilson(c.K/c.N, c.N)
		near("Wilson", ci[0], c.CI95[0], 1e-9)
		near("Wilson", ci[1], c.CI95[1], 1e-9)
	}
	for _, c := range golden.Skews {
		near("skewness", Skewness(c.Values), c.Skew, 1e-9)
	}
	for _, c := range golden.Ratios {
		r := RatioOfMeans(c.X, c.Y)
		near("ratio", r.Value, c.Ratio, 1e-9)
		bound := 0.1 * (c.CI95[1] - c.CI95[0])
		near("ratio's interval", r.CI95[0], c.CI95[0], bound)
		near("ratio's interval", r.CI95[1], c.CI95[1], bound)
	}
	if len(golden.Wilson) == 0 || len(golden.Skews) == 0 || len(golden.Ratios) == 0 {
		t.Error("the golden file is empty")
	}
}

// Where all pairs have one share the interval is what a share of unlike ones could change:
// of 100 alike at most 3.7% (Wilson's bound of 0 in 100).
func TestRatioOfEqualShares(t *testing.T) {
	x, y := make([]float64, 100), make([]float64, 100)
	for i := range x {
		x[i], y[i] = 0.4*float64(1+i%3), float64(1+i%3)
	}
	w := Wilson(0, 100)[1]
	r := RatioOfMeans(x, y)
	if math.Abs(w-0.0370) > 1e-4 || math.Abs(r.Value-.4) > 1e-12 || math.Abs(r.CI95[0]-.4*(1-w)) > 1e-12 || math.Abs(r.CI95[1]-(.4*(1-w)+w)) > 1e-12 {
		t.Errorf("got %v %v", r.Value, r.CI95)
	}
	for name, r := range map[string]Resampled{"one pair": RatioOfMeans([]float64{1}, []float64{2}), "nothing to be a share of": RatioOfMeans([]float64{1, 2}, []float64{0, 0})} {
		if r.CI95 != nil {
			t.Errorf("%s: got %v", name, *r.CI95)
		}
	}
}

// The interval of a ratio holds it where it is between 0 and 1, and is always the same.
func TestRatioProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		y := rapid.SliceOfN(rapid.Float64Range(0.1, 1), 2, 12).Draw(t, "y")
		x := make([]float64, len(y))
		for i := range y {
			x[i] = y[i] * rapid.Float64Range(0, 1).Draw(t, "share")
		}
		r := RatioOfMeans(x, y)
		if r.CI95[0] < -1e-12 || r.CI95[1] > 1+1e-12 || r.CI95[0] > r.CI95[1] || r.Value < 0 || r.Value > 1+1e-12 {
			t.Fatalf("got %v %v", r.Value, *r.CI95)
		}
		if again := RatioOfMeans(x, y); *again.CI95 != *r.CI95 {
			t.Fatalf("got %v and %v", *r.CI95, *again.CI95)
		}
	})
}

func TestSkewnessOfEqualValues(t *testing.T) {
	if got := Skewness([]float64{3, 3, 3}); got != 0 {
		t.Errorf("got %v", got)
	}
	for name, f := range map[string]func(){
		"no value": func() { Skewness(nil) }, "no pair": func() { RatioOfMeans(nil, nil) }, "unequal": func() { RatioOfMeans([]float64{1}, nil) },
		"no trial": func() { Wilson(0.5, 0) }, "no share": func() { Wilson(1.5, 3) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: must panic", name)
				}
			}()
			f()
		}()
	}
}
