package kernel

import (
	"math"
	"slices"
	"testing"
)

func exactStats(x []float64) (lse, entropy float64) {
	var sum, mean float64
	for _, v := range x {
		sum += math.Exp(v)
	}
	lse = math.Log(sum)
	for _, v := range x {
		mean += math.Exp(v-lse) * v
	}
	return lse, lse - mean
}

func TestSoftmaxStatsAndGradient(t *testing.T) {
	eachTable(t, func(t *testing.T) {
		for _, n := range []int{1, 2, 17, 64, 1000} {
			x := newGuarded(newRand(uint64(n)), n)
			w := wide(x.s())
			lse, entropy := SoftmaxStats(x.s())
			wantLSE, wantEntropy := exactStats(w)
			if math.Abs(lse-wantLSE) > 2e-7 || math.Abs(entropy-wantEntropy) > 1e-6 {
				t.Fatalf("n=%d: got %v, %v, want %v, %v", n, lse, entropy, wantLSE, wantEntropy)
			}
			const gLogp, gEnt = 0.75, -0.2
			d, target := newGuarded(newRand(1), n), n/2
			SoftmaxGrad(d.s(), x.s(), lse, entropy, target, gLogp, gEnt)
			d.check(t, "d")
			for i := range min(n, 40) {
				want := centralDifference(w, i, func() float64 {
					l, h := exactStats(w)
					return gLogp*(w[target]-l) + gEnt*h
				})
				near(t, "d", d.s()[i], want, 1e-6)
			}
		}
	})
}

func TestSoftmaxOfMaskedAndHugeLogits(t *testing.T) {
	inf := float32(math.Inf(-1))
	eachTable(t, func(t *testing.T) {
		x := []float32{1000, inf, 1000, inf, -1000}
		lse, entropy := SoftmaxStats(x)
		if math.Abs(lse-1000-math.Ln2) > 1e-6 || math.Abs(entropy-math.Ln2) > 1e-6 {
			t.Fatalf("got %v, %v, want 1000+log 2, log 2", lse, entropy)
		}
		d := make([]float32, len(x))
		SoftmaxGrad(d, x, lse, entropy, 0, 1, 1)
		for i, want := range []float64{0.5, 0, -0.5, 0, 0} {
			near(t, "d", d[i], want, 1e-4) // a logit of 1000 is known to 6e-5
		}
		if got, _ := SoftmaxStats([]float32{inf, inf}); !math.IsInf(got, -1) {
			t.Fatalf("all masked: got %v, want -Inf", got)
		}
	})
}

func TestKthLargest(t *testing.T) {
	var buf []float32
	x := []float32{3, 1, nan, 3, 7, -1, 7, 2}
	for i, want := range []float32{7, 7, 3, 3, 2, 1, -1, float32(math.Inf(-1))} {
		if got := KthLargest(x, i+1, &buf); got != want {
			t.Fatalf("k=%d: got %v, want %v", i+1, got, want)
		}
	}
	eachTable(t, func(t *testing.T) {
		rng := newRand(9)
		for _, n := range []int{1, 63, 64, 500, 2000, 10007} {
			y := newGuarded(rng, n).s()
			for i := range y {
				if i%7 == 3 {
					y[i] = float32(i % 5) // ties
				}
			}
			sorted := slices.Clone(y)
			slices.Sort(sorted)
			slices.Reverse(sorted)
			for _, k := range []int{1, 2, 3, 7, 50, n / 2, n} {
				if k < 1 || k > n {
					continue
				}
				if got := KthLargest(y, k, &buf); got != sorted[k-1] {
					t.Fatalf("n=%d k=%d: got %v, want %v", n, k, got, sorted[k-1])
				}
			}
		}
	})
}
