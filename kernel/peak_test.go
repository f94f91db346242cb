package kernel

import "testing"

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

func BenchmarkPeak(b *testing.B) {
	const rounds = 1000
	p := NewPool(1)
	var flops float64
	for b.Loop() {
		flops += Peak(p, rounds)
	}
	b.ReportMetric(flops/b.Elapsed().Seconds()/1e9, "GFLOP/s")
}
