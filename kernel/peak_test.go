package kernel

import (
	"slices"
	"testing"
)

func TestPeak(t *testing.T) {
	eachTable(t, func(t *testing.T) {
		near(t, "after 100 rounds", use.peak(100), 2, 1e-6)
		near(t, "after none", use.peak(0), 0, 0)
	})
	eachPool(t, func(t *testing.T, p *Pool) {
		if got, want := Peak(p, 3), float64(2*384*3*p.Threads()); got != want {
			t.Errorf("got %v operations, want %v", got, want)
		}
	})
}

func TestStream(t *testing.T) {
	eachTable(t, func(t *testing.T) {
		for _, n := range []int{0, 64, 640, 4096} {
			g := newGuarded(newRand(uint64(n)), n)
			x := g.s()
			sum, sumAbs := exact(n, func(i int) float32 { return x[i] }, func(int) float32 { return 1 })
			near(t, "sum", use.stream(x), sum, sumBound(n, sumAbs))
		}
	})
	x := make([]float32, streamBlock+64+5)
	for i := range x {
		x[i] = 1
	}
	eachPool(t, func(t *testing.T, p *Pool) {
		if got := Stream(p, x); got != streamBlock+64 {
			t.Errorf("got %v, want the number of elements", got)
		}
	})
}

// Fetch reads and writes nothing, wherever in its lines x begins.
func TestFetch(t *testing.T) {
	eachTable(t, func(t *testing.T) {
		for n := range 70 {
			x := newGuarded(newRand(1), n)
			want := slices.Clone(x.s())
			use.fetch(x.s())
			x.check(t, "x")
			sameBits(t, "x", x.s(), want)
		}
		use.fetch(nil)
	})
}

func BenchmarkStream(b *testing.B) {
	p, x := NewPool(1), make([]float32, 64<<20)
	for i := range x {
		x[i] = 1 // else all pages would be one
	}
	b.SetBytes(int64(4 * len(x)))
	for b.Loop() {
		Stream(p, x)
	}
}

func BenchmarkPeak(b *testing.B) {
	const rounds = 1000
	p := NewPool(1)
	var flops float64
	for b.Loop() {
		flops += Peak(p, rounds)
	}
	b.ReportMetric(flops/b.Elapsed().Seconds()/1e9, "GFLOP/s")
}
