package bench

import "pgsrm/kernel"

// product is a matrix product of M rows, K inputs and N outputs.
type product struct{ m, k, n int }

// The products of the table: a square one, and the up projection of shape A.
func squareProduct() product { return product{2048, 2048, 2048} }
func mlpProduct() product    { return product{950, 768, 3072} }

// gflops is the number of operations in 1e9.
func (g product) gflops() float64 { return 2 * float64(g.m) * float64(g.k) * float64(g.n) / 1e9 }

func (g product) cost() cost {
	return cost{flops: g.gflops() * 1e9, bytes: traffic(float64(g.m*g.k + g.k*g.n))}
}

// newProduct multiplies arrays that lie in memory as those of a model do.
func newProduct(g product, p *kernel.Pool) work {
	x, w, y := normal(1, g.m*g.k), kernel.Floats(kernel.PackedLen(g.k, g.n)), kernel.Floats(g.m*g.n)
	kernel.Pack(w, normal(2, g.k*g.n), g.k, g.n)
	return work{limit: []cost{g.cost()}, run: func() error {
		kernel.MatMul(p, kernel.View(y, g.n), kernel.View(x, g.k), g.m, kernel.Packed{Data: w, K: g.k, N: g.n}, kernel.Epilogue{})
		return nil
	}}
}

// normal returns n random numbers of deviation 0.02.
func normal(purpose uint64, n int) []float32 {
	rng := newRand(purpose)
	x := kernel.Floats(n)
	for i := range x {
		x[i] = 0.02 * float32(rng.NormFloat64())
	}
	return x
}
