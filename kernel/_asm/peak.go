package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// peak emits Peak: n rounds of 384 multiply-adds that touch registers only. 24 sums (AVX2: 12) are in flight, far more
// than the latency of a multiply-add times the units of any core. Sums start at 0 and go to 2, so no number is ever subnormal.
func (g *gen) peak() {
	g.text("Peak")
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

// stream emits Stream: a sum that reads at four places at once, since a core asks memory for more lines ahead on several
// streams than on one. A quarter is len(x) bytes long.
func (g *gen) stream() {
	g.text("Stream")
	x, quarter := base("x"), length("x")
	streams := newWalk(x, quarter, 4)
	left := GP64()
	MOVQ(quarter, left)
	sums := make([]vec, 4*g.parts)
	for i := range sums {
		sums[i] = g.zero()
	}
	again, done := g.label("line"), g.label("done")
	TESTQ(left, left)
	JE(LabelRef(done))
	Label(again)
	for i, s := range sums {
		m := streams.at(i / g.parts)
		m.Disp = i % g.parts * g.width
		VADDPS(m, s, s)
	}
	streams.advance(64)
	SUBQ(Imm(64), left)
	JNE(LabelRef(again))
	Label(done)
	for i, s := range sums[g.parts:] {
		VADDPS(s, sums[i%g.parts], sums[i%g.parts])
	}
	g.result(0, g.total(sums[:g.parts]))
}
