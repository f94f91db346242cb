package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// peak emits Peak: n rounds of 384 multiply-adds that touch registers only. 24 sums (AVX2: 12) are in flight, far more
// than the latency of a multiply-add times the units of any core. Sums start at 0 and go to 2, so no number is ever subnormal.
func (g *x86) peak() {
	g.text("Peak")
	n := Load(Param("n"), GP64())
	half, one := g.constant(0.5), g.constant(1)
	sums := make([]vec, 24/g.registers)
	for i := range sums {
		sums[i] = g.zero()
	}
	again, done := g.newLabel("round"), g.newLabel("done")
	TESTQ(n, n)
	JLE(LabelRef(done))
	Label(again)
	for range g.registers * g.registers {
		for _, s := range sums {
			VFMADD213PS(one, half, s)
		}
	}
	DECQ(n)
	JNE(LabelRef(again))
	Label(done)
	g.result(0, full(sums[0]).AsX())
	g.end()
}

// stream emits Stream: a sum that reads at four places at once, since a core asks memory for more lines ahead on several
// streams than on one. A quarter is len(x) bytes long.
func (g *x86) stream() {
	g.text("Stream")
	x, quarter := base("x"), length("x")
	streams := newWalk(x, quarter, 4)
	left := GP64()
	MOVQ(quarter, left)
	sums := make([]vec, 4*g.registers)
	for i := range sums {
		sums[i] = g.zero()
	}
	again, done := g.newLabel("line"), g.newLabel("done")
	TESTQ(left, left)
	JE(LabelRef(done))
	Label(again)
	for i, s := range sums {
		m := streams.at(i / g.registers)
		m.Disp = i % g.registers * g.width
		VADDPS(m, s, s)
	}
	streams.advance(64)
	SUBQ(Imm(64), left)
	JNE(LabelRef(again))
	Label(done)
	for i, s := range sums[g.registers:] {
		VADDPS(s, sums[i%g.registers], sums[i%g.registers])
	}
	g.result(0, g.total(sums[:g.registers]))
	g.end()
}
