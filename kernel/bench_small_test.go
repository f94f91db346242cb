package kernel

import (
	"fmt"
	"testing"
)

// BenchmarkVectors covers what works on one vector.
func BenchmarkVectors(b *testing.B) {
	const n = 64 * 768
	x, y := newGuarded(newRand(1), n).s(), newGuarded(newRand(2), n).s()
	benchRow(b, "Add", n, func() { Add(y, x) })
	benchRow(b, "Axpy", n, func() { Axpy(y, 1e-3, x) })
	benchRow(b, "Scale", n, func() { Scale(y, 1) })
}

// BenchmarkPacking covers the ways into the panel layout and out of it.
func BenchmarkPacking(b *testing.B) {
	for _, s := range [][2]int{{768, 3072}, {128, 512}} {
		k, n := s[0], s[1]
		plain, packed := newGuarded(newRand(1), k*n).s(), make([]float32, PackedLen(k, n))
		column := make([]float32, k)
		at := fmt.Sprintf("/%dx%d", k, n)
		benchRow(b, "Pack"+at, k*n, func() { Pack(packed, plain, k, n) })
		benchRow(b, "PackT"+at, k*n, func() { PackT(packed, plain, k, n) })
		benchRow(b, "Unpack"+at, k*n, func() { Unpack(plain, packed, k, n) })
		benchRow(b, "UnpackT"+at, k*n, func() { UnpackT(plain, packed, k, n) })
		benchRow(b, "PackedColumn"+at, k, func() { PackedColumn(column, packed, k, n, n/2) })
		benchRow(b, "AddPackedColumn"+at, k, func() { AddPackedColumn(packed, column, k, n, n/2) })
	}
}

// BenchmarkEach is the cost of handing out one item to each thread.
func BenchmarkEach(b *testing.B) {
	for _, threads := range []int{1, 2, 64} {
		p := NewPool(threads)
		b.Run(fmt.Sprintf("threads=%d", threads), func(b *testing.B) {
			for b.Loop() {
				p.Each(threads, func(int, int) {})
			}
		})
		p.Close()
	}
}
