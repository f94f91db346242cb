package kernel

import (
	"fmt"
	"testing"
)

// gemmShapes are M, K, N: GPT-2 small, a small child, cached decoding.
var gemmShapes = [][3]int{
	{2048, 2048, 2048}, {950, 768, 3072}, {950, 3072, 768}, {400, 768, 2304}, {100, 768, 50257},
	{600, 128, 384}, {64, 128, 512}, {50, 512, 128}, {1, 768, 3072}, {1, 128, 512},
}

func benchGEMM(b *testing.B, run func(p *Pool, x, w, y []float32, m, k, n int)) {
	p := NewPool(1)
	defer p.Close()
	for _, s := range gemmShapes {
		m, k, n := s[0], s[1], s[2]
		b.Run(fmt.Sprintf("%dx%dx%d", m, k, n), func(b *testing.B) {
			rng := newRand(1)
			x, w, y := newGuarded(rng, m*k).s(), make([]float32, PackedLen(k, n)), newGuarded(rng, m*n).s()
			Pack(w, newGuarded(rng, k*n).s(), k, n)
			for b.Loop() {
				run(p, x, w, y, m, k, n)
			}
			b.ReportMetric(2*float64(m)*float64(k)*float64(n)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
	}
}

func BenchmarkMatMul(b *testing.B) {
	benchGEMM(b, func(p *Pool, x, w, y []float32, m, k, n int) { MatMul(p, y, n, x, k, m, w, k, n, Epilogue{}) })
}

func BenchmarkMatMulGELU(b *testing.B) {
	benchGEMM(b, func(p *Pool, x, w, y []float32, m, k, n int) {
		MatMul(p, y, n, x, k, m, w, k, n, Epilogue{Act: ActGELUTanh})
	})
}

func BenchmarkMatMulT(b *testing.B) {
	benchGEMM(b, func(p *Pool, x, w, y []float32, m, k, n int) { MatMulT(p, x, k, y, n, m, w, k, n, false) })
}

func BenchmarkMatMulGrad(b *testing.B) {
	benchGEMM(b, func(p *Pool, x, w, y []float32, m, k, n int) { MatMulGrad(p, w, x, k, y, n, m, k, n) })
}
