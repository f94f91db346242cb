package stats

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// golden is what testdata/make_golden.py wrote.
type golden struct {
	Improvements []struct {
		Name            string
		X, Y            [][]float64 // [tasks][seeds]
		IQM, Difference float64
		OtherIQM        float64    `json:"other_iqm"`
		DifferenceCI95  [2]float64 `json:"difference_ci95"`
		Probability     float64
		ProbabilityCI95 [2]float64 `json:"probability_ci95"`
	}
	Profiles []struct {
		Scores             [][]float64 // [tasks][runs]
		Thresholds, Shares []float64
		Bands              [][2]float64
	}
	Pairs []struct {
		D, Quantiles []float64
		CI95         [2]float64
		P, G         float64
	}
	Families []struct{ P, Adjusted []float64 }
	Area     struct {
		Episodes, Values []float64
		Area             float64
	}
	Passes []struct {
		N, C, K int
		Value   float64
	}
}

func readGolden(t *testing.T) golden {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "golden.json"))
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(text, &g); err != nil {
		t.Fatal(err)
	}
	for name, n := range map[string]int{
		"improvements": len(g.Improvements), "profiles": len(g.Profiles), "pairs": len(g.Pairs), "families": len(g.Families), "passes": len(g.Passes),
	} {
		if n < 4 {
			t.Fatalf("%s: got %d cases", name, n)
		}
	}
	return g
}

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if math.Abs(got-want) > tolerance {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// The statistics of rliable; its bootstrap has other draws, so that the ends of intervals
// may differ by some standard errors of a quantile, which are fractions of their width, or
// by one step of a probability, which counts pairs.
func TestImproveIsThatOfRliable(t *testing.T) {
	for _, c := range readGolden(t).Improvements {
		x, y := slices.Clone(c.X[0]), slices.Clone(c.Y[0])
		got := Improve(c.X, c.Y)
		near(t, c.Name+": IQM", got.IQM, c.IQM, 1e-12)
		near(t, c.Name+": IQM of the other", got.OtherIQM, c.OtherIQM, 1e-12)
		near(t, c.Name+": difference", got.Difference.Value, c.Difference, 1e-12)
		near(t, c.Name+": probability", got.Probability.Value, c.Probability, 1e-12)
		step := 1.001 / float64(len(c.X)*len(c.X[0])*len(c.X[0]))
		for i := range 2 {
			near(t, c.Name+": interval of the difference", got.Difference.CI95[i], c.DifferenceCI95[i], 0.03*(c.DifferenceCI95[1]-c.DifferenceCI95[0]))
			near(t, c.Name+": interval of the probability", got.Probability.CI95[i], c.ProbabilityCI95[i], max(step, 0.05*(c.ProbabilityCI95[1]-c.ProbabilityCI95[0])))
		}
		if got.Mean != (len(slices.Concat(c.X...)) < trimmedFrom) {
			t.Errorf("%s: iqm_is_mean is %v", c.Name, got.Mean)
		}
		if !slices.Equal(x, c.X[0]) || !slices.Equal(y, c.Y[0]) {
			t.Errorf("%s: the values must be left as they are", c.Name)
		}
	}
}

// The profiles of rliable. Ours has no Monte Carlo error; the ends of 50,000 draws are
// the same but where the chance of a count lies within their error of a quantile, and there
// they are one run apart.
func TestProfileIsThatOfRliable(t *testing.T) {
	for _, c := range readGolden(t).Profiles {
		shares, bands := Profile(c.Scores, c.Thresholds)
		apart, run := 0, 1/float64(len(slices.Concat(c.Scores...)))
		for i := range shares {
			near(t, "share", shares[i], c.Shares[i], 1e-12)
			for k := range 2 {
				switch d := math.Abs(bands[i][k] - c.Bands[i][k]); {
				case d > run+1e-9:
					t.Errorf("threshold %v: got %v, want %v", c.Thresholds[i], bands[i], c.Bands[i])
				case d > 1e-9:
					apart++
				}
			}
		}
		if apart > 1 {
			t.Errorf("%d of %d ends are a run apart", apart, 2*len(shares))
		}
	}
}

// Interval, p-value, effect size and quantiles as scipy and NumPy have them.
func TestPairedIsThatOfScipy(t *testing.T) {
	for _, c := range readGolden(t).Pairs {
		lo, hi, _ := TInterval(c.D)
		p, _ := PairedT(c.D)
		g, _ := EffectSize(c.D)
		near(t, "lo", lo, c.CI95[0], 1e-9)
		near(t, "hi", hi, c.CI95[1], 1e-9)
		near(t, "p", p, c.P, 1e-9)
		near(t, "effect size", g, c.G, 1e-9)
		sorted := slices.Sorted(slices.Values(c.D))
		for i, q := range []float64{0, 0.025, 0.5, 0.8, 1} {
			near(t, "quantile", Quantile(sorted, q), c.Quantiles[i], 1e-12)
		}
	}
}

func TestHolmIsThatOfStatsmodels(t *testing.T) {
	for _, c := range readGolden(t).Families {
		for i, p := range Holm(c.P) {
			near(t, "p", p, c.Adjusted[i], 1e-12)
		}
	}
	if len(Holm(nil)) != 0 {
		t.Error("no p must have none adjusted")
	}
}

func TestAreaAndPassAtKAreThoseOfScipy(t *testing.T) {
	g := readGolden(t)
	near(t, "area", Area(g.Area.Episodes, g.Area.Values), g.Area.Area, 1e-12)
	for _, c := range g.Passes {
		near(t, "pass@k", PassAtK(c.N, c.C, c.K), c.Value, 1e-9)
	}
}

// Worked by hand: t(0.975, 2) = 4.302653, t(0.975, 1) = 12.706205.
func TestTInterval(t *testing.T) {
	lo, hi, ok := TInterval([]float64{1, 2, 3})
	if !ok {
		t.Fatal("interval of three values must exist")
	}
	near(t, "lo", lo, 2-4.302653/math.Sqrt(3), 1e-6)
	near(t, "hi", hi, 2+4.302653/math.Sqrt(3), 1e-6)
	lo, hi, _ = TInterval([]float64{0, 2})
	near(t, "lo of two", lo, 1-12.706205, 1e-6)
	near(t, "hi of two", hi, 1+12.706205, 1e-6)
	if _, _, ok := TInterval([]float64{1}); ok {
		t.Error("interval of one value must not exist")
	}
	if lo, hi, ok := TInterval([]float64{0.5, 0.5, 0.5}); !ok || lo != 0.5 || hi != 0.5 {
		t.Errorf("equal values must have an interval of width zero (got %v, %v, %v)", lo, hi, ok)
	}
}

// Few pairs and pairs without spread have no test and no effect size; rounding is no spread.
func TestPairedEdges(t *testing.T) {
	a, b, c := 0.9, 0.8, 0.7 // as variables, whose differences are rounded
	for _, d := range [][]float64{nil, {1}, {0.5, 0.5, 0.5}, {0, 0, 0, 0}, {a - b, b - c, a - b}} {
		if _, ok := PairedT(d); ok {
			t.Errorf("%v must have no test", d)
		}
		if _, ok := EffectSize(d); ok {
			t.Errorf("%v must have no effect size", d)
		}
	}
	if _, ok := PairedT([]float64{1, 2}); !ok {
		t.Error("two different pairs must have a test")
	}
	if _, ok := EffectSize([]float64{1, 2}); ok {
		t.Error("two pairs must have no effect size")
	}
}

// Worked by hand: of three seeds the interquartile mean is the mean, of five it leaves
// out the ends; of the 9 pairs of seeds 7 are above, 1 is the same and 1 below.
func TestImproveByHand(t *testing.T) {
	near(t, "three", IQM([]float64{9, 0, 3}), 4, 0)
	near(t, "four", IQM([]float64{9, 1, 0, 3}), 2, 0)
	near(t, "five", IQM([]float64{100, 1, 2, 3, -50}), 2, 0)
	got := Improve([][]float64{{4, 2, 5}}, [][]float64{{1, 2, 3}})
	near(t, "probability", got.Probability.Value, 7.5/9, 1e-15)
	if !math.IsNaN(IQM(nil)) || !math.IsNaN(Mean(nil)) {
		t.Error("the mean of nothing must be NaN")
	}
}

func TestImproveOfOneSeed(t *testing.T) {
	got := Improve([][]float64{{0.5}}, [][]float64{{0.25}})
	if got.Difference != (Resampled{Value: 0.25}) || got.Probability != (Resampled{Value: 1}) || !got.Mean {
		t.Errorf("got %+v", got)
	}
}

// Tasks of different numbers of seeds: their scores count alike, their probabilities too.
func TestImproveOfUnequalTasks(t *testing.T) {
	x, y := [][]float64{{1, 1, 1, 1}, {0}}, [][]float64{{0, 0, 0, 0}, {1}}
	got := Improve(x, y)
	near(t, "IQM", got.IQM, 1, 0)
	near(t, "probability", got.Probability.Value, 0.5, 0)
	near(t, "lo", got.Probability.CI95[0], 0.5, 0) // each draw has all of a task
}

// With the arms exchanged difference and probability are reflected, and the same values
// give the same bits.
func TestImproveIsAntisymmetric(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 9).Draw(t, "n")
		value := rapid.SliceOfN(rapid.Float64Range(0, 1), n, n)
		x, y := [][]float64{value.Draw(t, "x")}, [][]float64{value.Draw(t, "y")}
		a, b, again := Improve(x, y), Improve(y, x), Improve(x, y)
		if math.Abs(a.Difference.Value+b.Difference.Value) > 1e-12 || math.Abs(a.Probability.Value+b.Probability.Value-1) > 1e-12 {
			t.Fatalf("got %+v and %+v", a, b)
		}
		if n == 1 {
			return
		}
		if *a.Difference.CI95 != *again.Difference.CI95 || *a.Probability.CI95 != *again.Probability.CI95 {
			t.Fatalf("got %+v and %+v", a, again)
		}
		lo, hi := a.Probability.CI95[0], a.Probability.CI95[1]
		if lo < 0 || hi > 1 || math.Abs(a.Difference.CI95[0]+b.Difference.CI95[1]) > 1e-9 {
			t.Fatalf("got %+v and %+v", a, b)
		}
	})
}

// Worked by hand: of two runs, one of them above, a sample has 0, 1, 2 above with the
// chances 1/4, 1/2, 1/4; of one run the band has no width.
func TestProfileByHand(t *testing.T) {
	shares, bands := Profile([][]float64{{0.2, 0.6}}, []float64{0, 0.2, 0.6})
	if !slices.Equal(shares, []float64{1, 0.5, 0}) || !slices.Equal(bands, [][2]float64{{1, 1}, {0, 1}, {0, 0}}) {
		t.Errorf("got %v, %v", shares, bands)
	}
	_, bands = Profile([][]float64{{0.2}}, []float64{0.1})
	if bands[0] != [2]float64{1, 1} {
		t.Errorf("got %v", bands)
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
		near(t, c.name+": falling share", FallingShare(c.values), c.falling, 1e-12)
		near(t, c.name+": longest stagnation", LongestStagnation(c.values), c.stagnat, 1e-12)
	}
	near(t, "area", Area([]float64{0, 10, 30}, []float64{0, 1, 1}), (5+20)/30.0, 1e-12)
	near(t, "area of a point", Area([]float64{0}, []float64{0.3}), 0.3, 0)
	at, ok := EpisodesTo(0.5, []float64{0, 10, 20, 30}, []float64{0, 0.5, 0.4, 0.9})
	if at != 10 || !ok {
		t.Errorf("level 0.5: got %v, %v", at, ok)
	}
	if _, ok := EpisodesTo(0.95, []float64{0, 10}, []float64{0, 0.9}); ok {
		t.Error("a level that no point has must not be reached")
	}
}

// The interval moves and scales with its values and holds their mean.
func TestTIntervalProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Float64Range(-10, 10), 2, 12).Draw(t, "values")
		shift := rapid.Float64Range(-5, 5).Draw(t, "shift")
		lo, hi, _ := TInterval(values)
		if m := Mean(values); lo > m || hi < m {
			t.Fatalf("interval must hold the mean (got %v, [%v, %v])", m, lo, hi)
		}
		moved := make([]float64, len(values))
		for i, v := range values {
			moved[i] = 2*v + shift
		}
		mlo, mhi, _ := TInterval(moved)
		if math.Abs(mlo-2*lo-shift) > 1e-9*(1+math.Abs(lo)) || math.Abs(mhi-2*hi-shift) > 1e-9*(1+math.Abs(hi)) {
			t.Fatalf("interval of 2v+%v must be [%v, %v] (got [%v, %v])", shift, 2*lo+shift, 2*hi+shift, mlo, mhi)
		}
	})
}

// The p-value is below 0.05 exactly where the interval leaves out zero; Holm's is never
// below it and keeps its order.
func TestPairedProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := rapid.SliceOfN(rapid.Float64Range(-1, 1), 2, 12).Draw(t, "d")
		lo, hi, _ := TInterval(d)
		p, ok := PairedT(d)
		if ok && math.Abs(p-0.05) > 1e-9 && (p < 0.05) != (lo > 0 || hi < 0) {
			t.Fatalf("p = %v, interval [%v, %v]", p, lo, hi)
		}
		family := rapid.SliceOfN(rapid.Float64Range(0, 1), 1, 12).Draw(t, "family")
		adjusted := Holm(family)
		for i := range family {
			for k := range family {
				if adjusted[i] < family[i] || adjusted[i] > 1 || family[i] < family[k] && adjusted[i] > adjusted[k] {
					t.Fatalf("%v adjusted to %v", family, adjusted)
				}
			}
		}
	})
}

// pass@k rises with k from the share of right answers to 1.
func TestPassAtKProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 60).Draw(t, "n")
		c := rapid.IntRange(0, n).Draw(t, "c")
		before := 0.0
		for k := 1; k <= n; k++ {
			got := PassAtK(n, c, k)
			if got < before-1e-12 || got > 1 || k == 1 && math.Abs(got-float64(c)/float64(n)) > 1e-12 {
				t.Fatalf("pass@%d of %d right among %d: got %v after %v", k, c, n, got, before)
			}
			before = got
		}
		if want := float64(min(c, 1)); before != want {
			t.Fatalf("pass@n: got %v, want %v", before, want)
		}
	})
}

// What is no score is refused.
func TestRefusals(t *testing.T) {
	nan := []float64{0.5, math.NaN()}
	for name, f := range map[string]func(){
		"mean":        func() { Mean(nan) },
		"interval":    func() { TInterval(nan) },
		"IQM":         func() { IQM(nan) },
		"test":        func() { PairedT(nan) },
		"effect size": func() { EffectSize(nan) },
		"Holm":        func() { Holm(nan) },
		"improvement": func() { Improve([][]float64{nan}, [][]float64{{1, 2}}) },
		"unequal":     func() { Improve([][]float64{{1}}, [][]float64{{1, 2}}) },
		"no task":     func() { Improve([][]float64{{1}}, nil) },
		"profile":     func() { Profile([][]float64{nan}, []float64{0}) },
		"no run":      func() { Profile(nil, []float64{0}) },
		"area":        func() { Area([]float64{0, 1}, nan) },
		"level":       func() { EpisodesTo(0, []float64{0}, []float64{0, 1}) },
		"falling":     func() { FallingShare(nan) },
		"stagnation":  func() { LongestStagnation(nan) },
		"pass@0":      func() { PassAtK(1, 0, 0) },
		"pass@2 of 1": func() { PassAtK(1, 0, 2) },
		"2 of 1":      func() { PassAtK(1, 2, 1) },
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

func TestStretches(t *testing.T) {
	values := []float64{1, 3, 5, 7}
	if got := Stretches(values, 2); !slices.Equal(got, []float64{2, 6}) {
		t.Errorf("got %v", got)
	}
	if got := Stretches(values, 9); !slices.Equal(got, values) {
		t.Errorf("stretches must be at most the values (got %v)", got)
	}
}
