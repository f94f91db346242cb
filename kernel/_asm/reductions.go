package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// lanes returns the 16 accumulators of a float32 sum.
func (g *gen) lanes() []vec {
	acc := make([]vec, g.parts)
	for i := range acc {
		acc[i] = g.zero()
	}
	return acc
}

// quads adds lane l to l+8 and then to l+4: four sums remain.
func (g *gen) quads(acc []vec) reg.VecVirtual {
	half, x := YMM(), XMM()
	if g.wide {
		VEXTRACTF64X4(Imm(1), acc[0], half)
		VADDPS(half, acc[0].AsY(), half)
	} else {
		VADDPS(acc[1], acc[0], half)
	}
	VEXTRACTF128(Imm(1), half, x)
	VADDPS(x, half.AsX(), x)
	return x
}

// total combines the lanes in the fixed order.
func (g *gen) total(acc []vec) reg.VecVirtual {
	x := g.quads(acc)
	VHADDPS(x, x, x)
	VHADDPS(x, x, x)
	return x
}

// lanes64 returns the 16 accumulators of a float64 sum: lane 8i+j (4i+j with AVX2) is element j of register i.
func (g *gen) lanes64() []vec {
	acc := make([]vec, 2*g.parts)
	for i := range acc {
		acc[i] = g.zero()
	}
	return acc
}

// widened returns the float64 values of the two halves of the current part.
func (g *gen) widened(x vec) [2]vec {
	lo, hi := g.v(), g.v()
	if g.wide {
		half := YMM()
		VEXTRACTF64X4(Imm(1), x, half)
		VCVTPS2PD(x.AsY(), lo)
		VCVTPS2PD(half, hi)
	} else {
		half := XMM()
		VEXTRACTF128(Imm(1), x, half)
		VCVTPS2PD(x.AsX(), lo)
		VCVTPS2PD(half, hi)
	}
	return [2]vec{lo, hi}
}

// total64 combines the lanes in the fixed order.
func (g *gen) total64(acc []vec) reg.VecVirtual {
	q, x := YMM(), XMM()
	if g.wide {
		VADDPD(acc[1], acc[0], acc[0])
		VEXTRACTF64X4(Imm(1), acc[0], q)
		VADDPD(q, acc[0].AsY(), q)
	} else {
		VADDPD(acc[2], acc[0], acc[0])
		VADDPD(acc[3], acc[1], acc[1])
		VADDPD(acc[1], acc[0], q)
	}
	VHADDPD(q, q, q)
	VEXTRACTF128(Imm(1), q, x)
	VADDPD(x, q.AsX(), x)
	return x
}

func (g *gen) reductions() {
	g.text("Dot")
	a, b, n, acc := base("a"), base("b"), length("a"), g.lanes()
	g.loop(n, func() { VFMADD231PS(g.load(b), g.load(a), acc[g.part]) })
	g.result(0, g.total(acc))

	g.text("Sum")
	x, n, acc := base("x"), length("x"), g.lanes()
	g.loop(n, func() { VADDPS(g.load(x), acc[g.part], acc[g.part]) })
	g.result(0, g.total(acc))

	g.text("SumSqDev")
	x, n, acc = base("x"), length("x"), g.lanes()
	mean := g.param("mean")
	g.loop(n, func() {
		d := g.only(g.sub(g.load(x), mean))
		VFMADD231PS(d, d, acc[g.part])
	})
	g.result(0, g.total(acc))

	g.text("Max")
	x, n = base("x"), length("x")
	g.result(0, g.maximum(x, n))

	g.text("SumSquares")
	x, n = base("x"), length("x")
	acc = g.lanes64()
	g.loop(n, func() {
		for i, d := range g.widened(g.load(x)) {
			VFMADD231PD(d, d, acc[2*g.part+i])
		}
	})
	g.result64(0, g.total64(acc))

	g.exponentialSums()
	g.normSums()
}

// result returns the float32 x as result i and leaves the function.
func (g *gen) result(i int, x reg.VecVirtual) {
	VMOVSS(x, address(ReturnIndex(i)))
	end()
}

// result64 returns the float64 x as result i and leaves the function.
func (g *gen) result64(i int, x reg.VecVirtual) {
	VMOVSD(x, address(ReturnIndex(i)))
	end()
}

// maximum returns the largest of n elements in the lowest lane; NaN elements are passed over.
func (g *gen) maximum(x Register, n reg.GPVirtual) reg.VecVirtual {
	none := g.constant(math.Inf(-1))
	acc := make([]vec, g.parts)
	for i := range acc {
		acc[i] = g.move(none)
	}
	g.loop(n, func() { // the operand in the second place wins over a NaN
		VMAXPS(acc[g.part], g.orElse(g.load(x), none), acc[g.part])
	})
	return g.highest(acc)
}

// highest returns the largest lane in the lowest one.
func (g *gen) highest(acc []vec) reg.VecVirtual {
	half, q, s := YMM(), XMM(), XMM()
	if g.wide {
		VEXTRACTF64X4(Imm(1), acc[0], half)
		VMAXPS(half, acc[0].AsY(), half)
	} else {
		VMAXPS(acc[1], acc[0], half)
	}
	VEXTRACTF128(Imm(1), half, q)
	VMAXPS(q, half.AsX(), q)
	VPERMILPS(Imm(0x4e), q, s)
	VMAXPS(s, q, q)
	VPERMILPS(Imm(0xb1), q, s)
	VMAXPS(s, q, q)
	return q
}

func (g *gen) exponentialSums() {
	g.text("ExpSum")
	x, n, acc := base("x"), length("x"), g.lanes64()
	shift := g.param("shift")
	g.loop(n, func() {
		for i, d := range g.widened(g.only(g.expCut(g.sub(g.load(x), shift)))) {
			VADDPD(d, acc[2*g.part+i], acc[2*g.part+i])
		}
	})
	g.result64(0, g.total64(acc))

	g.text("ExpStats")
	x, n, acc = base("x"), length("x"), g.lanes64()
	moment := g.lanes64()
	shift = g.param("shift")
	g.loop(n, func() {
		z := g.sub(g.load(x), shift)
		e := g.widened(g.only(g.expCut(z)))
		finite := g.widened(g.max(g.constant(-200), z)) // where e is 0, z may be -Inf
		for i := range e {
			VADDPD(e[i], acc[2*g.part+i], acc[2*g.part+i])
			VFMADD231PD(e[i], finite[i], moment[2*g.part+i])
		}
	})
	VMOVSD(g.total64(acc), address(ReturnIndex(0)))
	g.result64(1, g.total64(moment))
}

func (g *gen) normSums() {
	g.text("NormSums")
	dout, gamma, x, n := base("dout"), base("gamma"), base("x"), length("x")
	mean, rstd := g.param("mean"), g.param("rstd")
	sumG, sumGX := g.lanes(), g.lanes()
	g.loop(n, func() {
		d := g.mul(g.load(dout), g.load(gamma))
		VADDPS(d, sumG[g.part], sumG[g.part])
		VFMADD231PS(g.mul(g.sub(g.load(x), mean), rstd), d, sumGX[g.part])
	})
	VMOVSS(g.total(sumG), address(ReturnIndex(0)))
	g.result(1, g.total(sumGX))
}
