package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// nan guards the memory round every slice of a test: a read of it spoils the result, a write shows.
var nan = float32(math.NaN())

const guard = 64

// guarded is a slice with NaN on both sides.
type guarded struct {
	all []float32
	n   int
}

// newGuarded returns n normal numbers between guards, shifted by a few elements so that
// nothing is aligned.
func newGuarded(rng *rand.Rand, n int) guarded {
	g := guarded{make([]float32, n+2*guard+3), n}
	for i := range g.all {
		g.all[i] = nan
	}
	for i := range g.s() {
		g.s()[i] = float32(rng.NormFloat64())
	}
	return g
}

func (g guarded) s() []float32 { return g.all[guard+3:][:g.n:g.n] }

// check fails if a guard was overwritten.
func (g guarded) check(t *testing.T, name string) {
	t.Helper()
	for i, v := range g.all {
		if (i < guard+3 || i >= guard+3+g.n) && v == v {
			t.Fatalf("%s: element %d outside of the slice was written", name, i-guard-3)
		}
	}
}

// eachTable runs f with every table of primitives that this machine has.
func eachTable(t *testing.T, f func(t *testing.T)) {
	saved := use
	defer func() { use = saved }()
	for _, table := range available() {
		use = table
		t.Run(table.name, f)
	}
}

// eachPool runs f with one thread and with several.
func eachPool(t *testing.T, f func(t *testing.T, p *Pool)) {
	for _, n := range []int{1, 3} {
		p := NewPool(n)
		t.Run(fmt.Sprintf("threads=%d", n), func(t *testing.T) { f(t, p) })
		p.Close()
	}
}

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 7)) }

// near fails unless |got-want| <= bound.
func near(t *testing.T, name string, got float32, want, bound float64) {
	t.Helper()
	if d := math.Abs(float64(got) - want); float64(got) != want && !(d <= bound) {
		t.Fatalf("%s: got %v, want %v (difference %.3g, bound %.3g)", name, got, want, d, bound)
	}
}

// sumBound is the error bound of a chain of k float32 multiply-adds: k * 2^-24 * sum |a*b|.
func sumBound(k int, sumAbs float64) float64 { return float64(k+2) * 0x1p-24 * (sumAbs + 1e-30) }

// colSum adds the sum over the rows of dy [M][N] to db [N]: the gradient of a bias
// without that of its matrix.
func colSum(p *Pool, db []float32, dy Matrix, m int) {
	MatMulGrads(p, WeightGrad{DB: db, DY: dy, M: m})
}
