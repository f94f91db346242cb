package main

import "math"

// lanes returns the 16 accumulators of a float32 sum.
func (g *gen) lanes() []vec { return g.zeros(g.parts()) }

// lanes64 returns the 16 accumulators of a float64 sum: two registers for each part.
func (g *gen) lanes64() []vec { return g.zeros(2 * g.parts()) }

func (g *gen) zeros(n int) []vec {
	acc := make([]vec, n)
	for i := range acc {
		acc[i] = g.zero()
	}
	return acc
}

func (g *gen) reductions() {
	g.text("Dot")
	a, b, n, acc := g.base("a"), g.base("b"), g.length("a"), g.lanes()
	g.loop(n, func() { g.addMul(g.load(b), g.load(a), acc[g.part()]) })
	g.resultEnd(g.total(acc))

	g.text("Sum")
	x, n, acc := g.base("x"), g.length("x"), g.lanes()
	g.loop(n, func() { g.addTo(g.load(x), acc[g.part()]) })
	g.resultEnd(g.total(acc))

	g.text("SumSqDev")
	x, n, acc = g.base("x"), g.length("x"), g.lanes()
	mean := g.param("mean")
	g.loop(n, func() {
		d := g.only(g.sub(g.load(x), mean))
		g.addMul(d, d, acc[g.part()])
	})
	g.resultEnd(g.total(acc))

	g.maximum()

	g.text("SumSquares")
	x, n = g.base("x"), g.length("x")
	acc = g.lanes64()
	g.loop(n, func() {
		for i, d := range g.widened(g.load(x)) {
			g.addMul64(d, d, acc[2*g.part()+i])
		}
	})
	g.result64(0, g.total64(acc))
	g.end()

	g.exponentialSums()
	g.normSums()
}

// resultEnd returns the lowest lane of x.
func (g *gen) resultEnd(x vec) {
	g.result(0, x)
	g.end()
}

func (g *gen) maximum() {
	g.text("Max")
	x, n := g.base("x"), g.length("x")
	none := g.constant(math.Inf(-1))
	acc := make([]vec, g.parts())
	for i := range acc {
		acc[i] = g.copyOf(none)
	}
	g.loop(n, func() { g.maxTo(g.orElse(g.load(x), none), acc[g.part()]) })
	g.resultEnd(g.highest(acc))
}

func (g *gen) exponentialSums() {
	g.text("ExpSum")
	x, n, acc := g.base("x"), g.length("x"), g.lanes64()
	shift := g.param("shift")
	g.loop(n, func() {
		for i, d := range g.widened(g.only(g.expCut(g.sub(g.load(x), shift)))) {
			g.addTo64(d, acc[2*g.part()+i])
		}
	})
	g.result64(0, g.total64(acc))
	g.end()

	g.text("ExpStats")
	x, n, acc = g.base("x"), g.length("x"), g.lanes64()
	moment := g.lanes64()
	shift = g.param("shift")
	g.loop(n, func() {
		z := g.sub(g.load(x), shift)
		e := g.widened(g.only(g.expCut(z)))
		finite := g.widened(g.max(g.constant(-200), z)) // where e is 0, z may be -Inf
		for i := range e {
			g.addTo64(e[i], acc[2*g.part()+i])
			g.addMul64(e[i], finite[i], moment[2*g.part()+i])
		}
	})
	g.result64(0, g.total64(acc))
	g.result64(1, g.total64(moment))
	g.end()
}

func (g *gen) normSums() {
	g.text("NormSums")
	dout, gamma, x, n := g.base("dout"), g.base("gamma"), g.base("x"), g.length("x")
	mean, rstd := g.param("mean"), g.param("rstd")
	sumG, sumGX := g.lanes(), g.lanes()
	g.loop(n, func() {
		d := g.mul(g.load(dout), g.load(gamma))
		g.addTo(d, sumG[g.part()])
		g.addMul(g.mul(g.sub(g.load(x), mean), rstd), d, sumGX[g.part()])
	})
	g.result(0, g.total(sumG))
	g.result(1, g.total(sumGX))
	g.end()
}
