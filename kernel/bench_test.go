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
	benchGEMM(b, func(p *Pool, x, w, y []float32, m, k, n int) {
		MatMul(p, View(y, n), View(x, k), m, Packed{w, k, n}, Epilogue{})
	})
}

func BenchmarkMatMulGELU(b *testing.B) {
	benchGEMM(b, func(p *Pool, x, w, y []float32, m, k, n int) {
		MatMul(p, View(y, n), View(x, k), m, Packed{w, k, n}, Epilogue{Act: ActGELUTanh})
	})
}

func BenchmarkMatMulT(b *testing.B) {
	benchGEMM(b, func(p *Pool, x, w, y []float32, m, k, n int) {
		MatMulT(p, View(x, k), View(y, n), m, Packed{w, k, n}, false)
	})
}

func BenchmarkMatMulGrad(b *testing.B) {
	benchGEMM(b, func(p *Pool, x, w, y []float32, m, k, n int) {
		MatMulGrad(p, Packed{w, k, n}, View(x, k), View(y, n), m, true)
	})
}

// benchRow times f and reports nanoseconds for each of n elements.
func benchRow(b *testing.B, name string, n int, f func()) {
	b.Run(name, func(b *testing.B) {
		for b.Loop() {
			f()
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/element")
	})
}

func BenchmarkRows(b *testing.B) {
	const rows, d = 64, 768
	const n = rows * d
	rng, p := newRand(1), NewPool(1)
	mk := func(n int) []float32 { return newGuarded(rng, n).s() }
	x, y, z, v := mk(n), mk(n), mk(n), make([]float32, n)
	gamma, beta, mean, rstd, dg, parts := mk(d), mk(d), mk(rows), mk(rows), mk(d), mk(NormParts(rows, d))
	cos, pos, top := make([]float32, 32), make([]int32, rows), []float32(nil)
	benchRow(b, "LayerNorm", n, func() { LayerNorm(p, y, NormStats{mean, rstd}, x, NormWeights{gamma, beta, 1e-5}, rows) })
	benchRow(b, "LayerNormBackward", n, func() { LayerNormBackward(p, y, parts, z, x, gamma, NormStats{mean, rstd}, rows) })
	benchRow(b, "RMSNorm", n, func() { RMSNorm(p, y, rstd, x, NormWeights{gamma, nil, 1e-5}, rows) })
	benchRow(b, "RMSNormBackward", n, func() { RMSNormBackward(p, y, parts, z, x, gamma, rstd, rows) })
	benchRow(b, "GELUTanh", n, func() { GELUTanh(p, y, x) })
	benchRow(b, "GELUTanhBackward", n, func() { GELUTanhBackward(p, y, v, z, x) })
	benchRow(b, "GELUErf", n, func() { GELUErf(p, y, x) })
	benchRow(b, "GELUErfBackward", n, func() { GELUErfBackward(p, y, v, z, x) })
	benchRow(b, "SwiGLU", n, func() { SwiGLU(p, View(y, d), View(x, d), View(z, d), rows, d) })
	benchRow(b, "SwiGLUBackward", n, func() {
		SwiGLUBackward(p, View(y, d), View(v, d), View(v, d), View(z, d), View(x, d), View(z, d), rows, d)
	})
	benchRow(b, "Rope", n, func() { Rope(p, View(y, d), 12, pos, Rotations{cos, cos, 64}, false) })
	benchRow(b, "ColSum", n, func() { colSum(p, dg, View(z, d), rows) })
	benchRow(b, "Exp", n, func() { Exp(y, x) })
	benchRow(b, "Log", n, func() { use.log(y, x) })
	benchRow(b, "Tanh", n, func() { use.tanh(y, x) })
	benchRow(b, "SoftmaxStats", n, func() { SoftmaxStats(x) })
	benchRow(b, "SoftmaxGrad", n, func() { SoftmaxGrad(y, x, 11, 10, 5, 1, 0.1) })
	benchRow(b, "SumSquares", n, func() { SumSquares(p, x) })
	benchRow(b, "Dot", n, func() { Dot(x, z) })
	benchRow(b, "KthLargest", n, func() { KthLargest(x, 50, &top) })
	clear(y)
	clear(v)
	benchRow(b, "AdamW", n, func() { AdamW(p, z, x, y, v, AdamWStep{1e-6, 0.9, 0.999, 1e-8, 0.01, 1, 1, 1}) })
}

// attnLayouts are the ways in which rows rows have paths of n keys.
var attnLayouts = map[string]func(rows, n int) [][]int32{
	// all rows see the same keys: an encoder
	"path": func(rows, n int) [][]int32 { return chains(rows, n, n, n) },
	// sequences that share nothing
	"sequences": func(rows, n int) [][]int32 { return chains(rows, n, 0, 1) },
	// one tree: all sequences share a prefix and continue with short branches
	"tree": func(rows, n int) [][]int32 { return chains(rows, n, n-min(8, n/2), 1) },
}

// chains returns paths in sequences of n keys that share the first shared rows; the first path has the first rows.
func chains(rows, n, shared, first int) [][]int32 {
	var paths [][]int32
	var path []int32
	for len(paths) < rows {
		if len(path) == n {
			path = path[:shared:shared]
		}
		for {
			next := int32(max(len(paths), len(path)))
			if shared == n {
				next = int32(len(path))
			}
			if len(path) < n {
				path = append(path, next)
			}
			if len(path) >= first {
				break
			}
		}
		paths = append(paths, path)
	}
	return paths
}

func BenchmarkAttention(b *testing.B) {
	p := NewPool(1)
	for _, s := range []struct {
		heads, width, rows, path int
		layout                   string
	}{
		{4, 32, 200, 24, "path"}, {12, 64, 200, 19, "path"}, {12, 64, 200, 200, "path"},
		{4, 32, 200, 24, "sequences"}, {12, 64, 200, 19, "sequences"}, {4, 32, 200, 24, "tree"}, {12, 64, 200, 19, "tree"},
		{4, 32, 1024, 1024, "sequences"}, {2, 64, 1024, 1024, "sequences"}, {4, 20, 200, 24, "sequences"},
	} {
		d := s.heads * s.width
		ld := 3 * d // q, k and v side by side, as a model has them: rows on cache lines
		buf, dout, grad := make([]float32, s.rows*ld), make([]float32, s.rows*d), make([]float32, s.rows*ld)
		rng, paths, n := newRand(1), attnLayouts[s.layout](s.rows, s.path), 0
		for i := range buf {
			buf[i] = float32(rng.NormFloat64())
		}
		for _, path := range paths {
			n += len(path) * s.heads
		}
		shape := AttnShape{s.heads, s.heads, s.width, 0.125}
		name := fmt.Sprintf("heads=%d,width=%d,%s=%d", s.heads, s.width, s.layout, s.path)
		benchRow(b, "forward/"+name, n, func() {
			Attention(p, View(dout, d), QKV{View(buf, ld), View(buf[d:], ld), View(buf[2*d:], ld)}, paths, shape)
		})
		benchRow(b, "backward/"+name, n, func() {
			AttentionBackward(p, QKV{View(grad, ld), View(grad[d:], ld), View(grad[2*d:], ld)}, View(dout, d), QKV{View(buf, ld), View(buf[d:], ld), View(buf[2*d:], ld)}, paths, shape)
		})
	}
}
