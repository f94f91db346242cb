package kernel

import (
	"fmt"
	"os"
	"strings"

	"pgsrm/kernel/internal/generic"
)

// ops is the table of primitives of one instruction set; package generic gives their meaning.
type ops struct {
	name      string
	tileRows  int             // most rows of a tile
	maxPanels func(m int) int // most panels of a tile of m rows

	tile      func(*generic.Tile)
	transpose func(dst, src []float32)
	slices    func(dst, src []float32, n, dstStep, srcStep int)
	packRows  func(dst, src []float32, ld, rows, k int)
	packCols  func(dst, src []float32, ld, rows int)

	dot        func(a, b []float32) float32
	sum        func(x []float32) float32
	sumSqDev   func(x []float32, mean float32) float32
	max        func(x []float32) float32
	sumSquares func(x []float32) float64
	expSum     func(x []float32, shift float32) float64
	expStats   func(x []float32, shift float32) (sum, moment float64)
	normSums   func(dout, gamma, x []float32, mean, rstd float32) (sumG, sumGX float32)

	exp, log, tanh func(dst, x []float32)
	add            func(dst, a []float32)
	axpy           func(y []float32, alpha float32, x []float32)
	scale          func(x []float32, s float32)
	softmaxGrad    func(d, x []float32, hi, lo, entropy, gLogp, gEnt float32)
	adamW          func(w, g, m, v []float32, c *generic.Adam)
	normApply      func(out, x, gamma, beta []float32, mean, rstd float32)
	normGrad       func(dx, dgamma, dbeta, dout, gamma, x []float32, mean, rstd, meanG, meanGX float32)

	geluTanh, geluErf, silu   func(out, x []float32)
	geluTanhGrad, geluErfGrad func(dx, dout, x []float32)
	swiGLU                    func(out, gate, up []float32)
	swiGLUGrad                func(dgate, dup, dout, gate, up []float32)

	scores, softmax, mix    func(a *generic.Attn)
	softmaxBackward, spread func(a *generic.Attn)
	rope                    func(x, cos, sin []float32, sign float32)

	peak   func(n int) float32
	stream func(x []float32) float32
}

// Variable is the environment variable that forces an instruction set.
const Variable = "PGSRM_KERNEL"

// use is the table in use, chosen once at start. Tests of this package swap it.
var use, refused = choose(os.Getenv(Variable), available())

// choose returns the table called name, the first (best) one for no name. For one that is not there it returns the best table and
// an error.
func choose(name string, tables []*ops) (*ops, error) {
	var names []string
	for _, t := range tables {
		if t.name == name {
			return t, nil
		}
		names = append(names, t.name)
	}
	if name == "" {
		return tables[0], nil
	}
	return tables[0], fmt.Errorf("%s: must be one of %s on this processor (got %q)", Variable, strings.Join(names, ", "), name)
}

// Check returns an error if PGSRM_KERNEL names no instruction set that this machine can run. Programs should refuse to start then:
// their numbers would be those of another one than was asked for.
func Check() error { return refused }

// Name reports the instruction set in use: "avx512", "avx2" or "go".
func Name() string { return use.name }

// Variants lists the instruction sets that this machine can run, the best first; PGSRM_KERNEL forces one of them.
func Variants() []string {
	var names []string
	for _, t := range available() {
		names = append(names, t.name)
	}
	return names
}

// goOps returns the table of the pure Go primitives.
func goOps() *ops {
	return &ops{
		name: "go", tileRows: 6, maxPanels: generic.MaxPanels,
		tile: generic.Run, transpose: generic.Transpose, slices: generic.Slices, packRows: generic.PackRows, packCols: generic.PackColumns,
		dot: generic.Dot, sum: generic.Sum, sumSqDev: generic.SumSqDev, max: generic.Max,
		sumSquares: generic.SumSquares, expSum: generic.ExpSum, expStats: generic.ExpStats, normSums: generic.NormSums,
		exp: generic.Exp, log: generic.Log, tanh: generic.Tanh,
		add: generic.Add, axpy: generic.Axpy, scale: generic.Scale,
		softmaxGrad: generic.SoftmaxGrad, adamW: generic.AdamW, normApply: generic.NormApply, normGrad: generic.NormGrad,
		geluTanh: generic.GELUTanh, geluErf: generic.GELUErf, silu: generic.SiLU,
		geluTanhGrad: generic.GELUTanhGrad, geluErfGrad: generic.GELUErfGrad,
		swiGLU: generic.SwiGLU, swiGLUGrad: generic.SwiGLUGrad,
		scores: generic.Scores, softmax: generic.Softmax, mix: generic.Mix, spread: generic.Spread,
		softmaxBackward: generic.SoftmaxBackward, rope: generic.Rope, peak: generic.Peak, stream: generic.Stream,
	}
}
