package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// peak emits Peak: n rounds of 384 multiply-adds that touch registers only. 24 sums (AVX2: 12) are in flight, far more
// than the latency of a multiply-add times the units of any core. Sums start at 0 and go to 2, so no number is ever subnormal.
func (g *gen) peak() {
	g.text("Peak", "func(n int) float32")
	n := Load(Param("n"), GP64())
	half, one := g.constant(0.5), g.constant(1)
	sums := make([]vec, 24/g.parts)
	for i := range sums {
		sums[i] = g.zero()
	}
	again, done := g.label("round"), g.label("done")
	TESTQ(n, n)
	JLE(LabelRef(done))
	Label(again)
	for range g.parts * g.parts {
		for _, s := range sums {
			VFMADD213PS(one, half, s)
		}
	}
	DECQ(n)
	JNE(LabelRef(again))
	Label(done)
	g.result(0, sums[0].AsX().(vec))
}
