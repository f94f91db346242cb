package kernel

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

// matmulShapes reach every tile height, the last panel cut off at every kind of width, several
// pieces of a long sum, and sizes of zero and one.
func matmulShapes() [][3]int {
	var shapes [][3]int
	for m := 1; m <= 30; m++ {
		shapes = append(shapes, [3]int{m, 7, 64})
	}
	for n := 1; n <= 65; n += 4 {
		shapes = append(shapes, [3]int{5, 9, n}, [3]int{1, 3, n})
	}
	return append(shapes, [][3]int{
		{0, 5, 7}, {1, 1, 1}, {2, 0, 33}, {13, 128, 160}, {25, 33, 129}, {3, 64, 1056}, {50, 40, 200}, {7, 1100, 40}, {300, 12, 33}, {37, 20, 1100},
	}...)
}

// exact returns sum and sum of absolute values of a strided product in float64.
func exact(k int, a func(k int) float32, b func(k int) float32) (sum, abs float64) {
	for i := range k {
		v := float64(a(i)) * float64(b(i))
		sum += v
		abs += math.Abs(v)
	}
	return sum, abs
}

func eachShape(t *testing.T, f func(t *testing.T, p *Pool, m, k, n int)) {
	eachTable(t, func(t *testing.T) {
		eachPool(t, func(t *testing.T, p *Pool) {
			for _, s := range matmulShapes() {
				t.Run(fmt.Sprintf("%dx%dx%d", s[0], s[1], s[2]), func(t *testing.T) { f(t, p, s[0], s[1], s[2]) })
			}
		})
	})
}

func TestMatMul(t *testing.T) {
	eachShape(t, func(t *testing.T, p *Pool, m, k, n int) {
		rng := newRand(1)
		lda, ldc, ldr := k+3, n+5, n+2
		a, w, c := newGuarded(rng, m*lda), newGuarded(rng, k*n), newGuarded(rng, m*ldc)
		bias, res, packed := newGuarded(rng, n), newGuarded(rng, m*ldr), newGuarded(rng, PackedLen(k, n))
		Pack(packed.s(), w.s(), k, n)
		before := append([]float32(nil), c.s()...)
		MatMul(p, View(c.s(), ldc), View(a.s(), lda), m, Packed{packed.s(), k, n}, Epilogue{Bias: bias.s(), Residual: View(res.s(), ldr)})
		c.check(t, "c")
		for i := range m * ldc {
			r, j := i/ldc, i%ldc
			if j >= n {
				if c.s()[i] != before[i] {
					t.Fatalf("gap (%d, %d) was written", r, j)
				}
				continue
			}
			sum, abs := exact(k, func(x int) float32 { return a.s()[r*lda+x] }, func(x int) float32 { return w.s()[x*n+j] })
			b, add := float64(bias.s()[j]), float64(res.s()[r*ldr+j])
			near(t, fmt.Sprintf("c[%d][%d]", r, j), c.s()[i], sum+b+add, sumBound(k+2, abs+math.Abs(b)+math.Abs(add)))
		}
	})
}

// The residual may be c itself: the same bits as with a residual of its own.
func TestMatMulOntoItsResidual(t *testing.T) {
	eachShape(t, func(t *testing.T, p *Pool, m, k, n int) {
		rng := newRand(7)
		a, w, res := newGuarded(rng, m*k), newGuarded(rng, k*n), newGuarded(rng, m*n)
		packed, want := newGuarded(rng, PackedLen(k, n)), newGuarded(rng, m*n)
		Pack(packed.s(), w.s(), k, n)
		MatMul(p, View(want.s(), n), View(a.s(), k), m, Packed{packed.s(), k, n}, Epilogue{Residual: View(res.s(), n)})
		MatMul(p, View(res.s(), n), View(a.s(), k), m, Packed{packed.s(), k, n}, Epilogue{Residual: View(res.s(), n)})
		if !slices.Equal(res.s(), want.s()) {
			t.Fatal("c in place of the residual must not change the result")
		}
	})
}

func TestMatMulT(t *testing.T) {
	eachShape(t, func(t *testing.T, p *Pool, m, k, n int) {
		rng := newRand(2)
		lddx, lddy := k+3, n+5
		dy, w, dx := newGuarded(rng, m*lddy), newGuarded(rng, k*n), newGuarded(rng, m*lddx)
		packed := newGuarded(rng, PackedLen(k, n))
		Pack(packed.s(), w.s(), k, n)
		for _, add := range []bool{false, true} {
			before := append([]float32(nil), dx.s()...)
			MatMulT(p, View(dx.s(), lddx), View(dy.s(), lddy), m, Packed{packed.s(), k, n}, add)
			dx.check(t, "dx")
			for i := range m * lddx {
				r, j := i/lddx, i%lddx
				if j >= k {
					if dx.s()[i] != before[i] {
						t.Fatalf("gap (%d, %d) was written", r, j)
					}
					continue
				}
				sum, abs := exact(n, func(x int) float32 { return dy.s()[r*lddy+x] }, func(x int) float32 { return w.s()[j*n+x] })
				if add {
					sum += float64(before[i])
					abs += math.Abs(float64(before[i]))
				}
				near(t, fmt.Sprintf("dx[%d][%d]", r, j), dx.s()[i], sum, sumBound(n+1, abs))
			}
		}
	})
}

func TestMatMulGrad(t *testing.T) {
	eachShape(t, func(t *testing.T, p *Pool, m, k, n int) {
		rng := newRand(3)
		ldx, lddy := k+3, n+5
		dy, x, w := newGuarded(rng, m*lddy), newGuarded(rng, m*ldx), newGuarded(rng, k*n)
		dw, got := newGuarded(rng, PackedLen(k, n)), make([]float32, k*n)
		Pack(dw.s(), w.s(), k, n)
		MatMulGrad(p, Packed{dw.s(), k, n}, View(x.s(), ldx), View(dy.s(), lddy), m, true)
		dw.check(t, "dw")
		Unpack(got, dw.s(), k, n)
		for i := range got {
			r, j := i/n, i%n
			sum, abs := exact(m, func(z int) float32 { return x.s()[z*ldx+r] }, func(z int) float32 { return dy.s()[z*lddy+j] })
			before := float64(w.s()[i])
			near(t, fmt.Sprintf("dw[%d][%d]", r, j), got[i], sum+before, sumBound(m+1, abs+math.Abs(before)))
		}
		for j := n; j%NR != 0; j++ {
			for i := range k {
				if v := dw.s()[columnAt(k, j)+i*NR]; v != 0 {
					t.Fatalf("padding (%d, %d) became %v", i, j, v)
				}
			}
		}
	})
}

// Several layers at once have the gradients that each has alone.
func TestMatMulGradsTogether(t *testing.T) {
	eachPool(t, func(t *testing.T, p *Pool) {
		rng := newRand(8)
		var together []WeightGrad
		for _, s := range [][3]int{{200, 70, 300}, {31, 5, 1}, {200, 64, 64}, {0, 40, 40}, {5, 400, 33}} {
			m, k, n := s[0], s[1], s[2]
			together = append(together, WeightGrad{
				DW: Packed{make([]float32, PackedLen(k, n)), k, n}, DB: newGuarded(rng, n).s(),
				X: View(newGuarded(rng, m*k).s(), k), DY: View(newGuarded(rng, m*n).s(), n), M: m,
			})
		}
		var want [][]float32
		for _, g := range together {
			dw, db := make([]float32, len(g.DW.Data)), slices.Clone(g.DB)
			MatMulGrad(nil, Packed{dw, g.DW.K, g.DW.N}, g.X, g.DY, g.M, false)
			colSum(nil, db, g.DY, g.M)
			want = append(want, dw, db)
		}
		MatMulGrads(p, together...)
		for i, g := range together {
			sameBits(t, "dw", g.DW.Data, want[2*i])
			sameBits(t, "db", g.DB, want[2*i+1])
		}
	})
}

// A product with transposed weights is MatMulT.
func TestTranspose(t *testing.T) {
	eachShape(t, func(t *testing.T, p *Pool, m, k, n int) {
		rng := newRand(9)
		w, dy := make([]float32, PackedLen(k, n)), newGuarded(rng, m*n)
		Pack(w, newGuarded(rng, k*n).s(), k, n)
		wt, want, got := newGuarded(rng, PackedLen(n, k)), make([]float32, m*k), make([]float32, m*k)
		Transpose(p, Transposition{make([]float32, PackedLen(n, k)), Packed{w, k, n}}, Transposition{wt.s(), Packed{w, k, n}})
		wt.check(t, "wt")
		MatMulT(p, View(want, k), View(dy.s(), n), m, Packed{w, k, n}, false)
		MatMul(p, View(got, k), View(dy.s(), n), m, Packed{wt.s(), n, k}, Epilogue{})
		sameBits(t, "dx", got, want)
	})
}

// A row's result is the same to the bit alone and in any batch, and with any number of threads.
func TestMatMulRowsAreIndependent(t *testing.T) {
	eachTable(t, func(t *testing.T) {
		rng := newRand(4)
		const most, k, n = 40, 70, 133
		a, w := newGuarded(rng, most*k).s(), newGuarded(rng, k*n).s()
		packed, dy := make([]float32, PackedLen(k, n)), newGuarded(rng, most*n).s()
		Pack(packed, w, k, n)
		forward, back := make([]float32, most*n), make([]float32, most*k)
		for r := range most {
			MatMul(nil, View(forward[r*n:], n), View(a[r*k:], k), 1, Packed{packed, k, n}, Epilogue{Act: ActGELUTanh})
			MatMulT(nil, View(back[r*k:], k), View(dy[r*n:], n), 1, Packed{packed, k, n}, false)
		}
		eachPool(t, func(t *testing.T, p *Pool) {
			for m := 1; m <= most; m++ {
				c, dx, pre := make([]float32, m*n), make([]float32, m*k), make([]float32, m*n)
				MatMul(p, View(c, n), View(a, k), m, Packed{packed, k, n}, Epilogue{Act: ActGELUTanh, Pre: pre})
				MatMulT(p, View(dx, k), View(dy, n), m, Packed{packed, k, n}, false)
				sameBits(t, "c", c, forward[:m*n])
				sameBits(t, "dx", dx, back[:m*k])
			}
		})
	})
}

func sameBits(t *testing.T, name string, got, want []float32) {
	t.Helper()
	for i := range want {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			t.Fatalf("%s[%d]: got %v, want the bits of %v", name, i, got[i], want[i])
		}
	}
}

func TestColSum(t *testing.T) {
	eachTable(t, func(t *testing.T) {
		eachPool(t, func(t *testing.T, p *Pool) {
			for _, s := range [][2]int{{0, 3}, {1, 1}, {63, 5}, {64, 300}, {200, 513}} {
				m, n, rng := s[0], s[1], newRand(5)
				dy, db := newGuarded(rng, m*(n+1)), newGuarded(rng, n)
				before := append([]float32(nil), db.s()...)
				colSum(p, db.s(), View(dy.s(), n+1), m)
				db.check(t, "db")
				for j := range n {
					sum, abs := exact(m, func(r int) float32 { return dy.s()[r*(n+1)+j] }, func(int) float32 { return 1 })
					near(t, "db", db.s()[j], sum+float64(before[j]), sumBound(m, abs+math.Abs(float64(before[j]))))
				}
			}
		})
	})
}

func TestPack(t *testing.T) {
	for _, s := range [][2]int{{1, 1}, {3, 31}, {5, 32}, {4, 33}, {7, 100}} {
		k, n := s[0], s[1]
		w := newGuarded(newRand(6), k*n).s()
		wt, back := make([]float32, n*k), make([]float32, n*k)
		for i := range k {
			for j := range n {
				wt[j*k+i] = w[i*n+j]
			}
		}
		packed, packedT := make([]float32, PackedLen(k, n)), make([]float32, PackedLen(k, n))
		Pack(packed, w, k, n)
		PackT(packedT, wt, k, n)
		sameBits(t, "PackT", packedT, packed)
		Unpack(back, packed, k, n)
		sameBits(t, "Unpack", back, w)
		UnpackT(back, packed, k, n)
		sameBits(t, "UnpackT", back, wt)
		col := make([]float32, k)
		PackedColumn(col, packed, k, n, n-1)
		sameBits(t, "PackedColumn", col, wt[(n-1)*k:])
		AddPackedColumn(packed, col, k, n, n-1)
		Unpack(back, packed, k, n)
		if back[n-1] != 2*w[n-1] {
			t.Fatalf("AddPackedColumn: got %v, want %v", back[n-1], 2*w[n-1])
		}
	}
}

// Products have work for every thread as long as two panels and a tile's rows are left for each, and for few threads no more
// blocks than these need.
func TestSplitKeepsThreadsBusy(t *testing.T) {
	for _, c := range []struct{ m, n, k, threads, least, most int }{
		{950, 768, 768, 2, 4, 24},
		{950, 768, 768, 16, 64, 128},
		{950, 768, 768, 64, 192, 256},
		{950, 50257, 768, 64, 192, 300},
		{180, 128, 128, 16, 16, 64}, // 15 tiles of rows, 2 blocks of columns
		{180, 128, 128, 64, 28, 64},
		{50, 768, 768, 8, 12, 24}, // blocks of columns are enough: all rows read the same weights
		{50, 768, 768, 64, 36, 128},
		{1, 768, 3072, 64, 12, 24},
	} {
		p := NewPool(c.threads)
		panels := ceilDiv(c.n, NR)
		rows, cols := p.split(c.m, panels, c.k*c.n, 12)
		if got := ceilDiv(c.m, rows) * ceilDiv(panels, cols); got < c.least || got > c.most {
			t.Errorf("%dx%d by %d threads: got %d blocks, want %d to %d", c.m, c.n, c.threads, got, c.least, c.most)
		}
		p.Close()
	}
}
