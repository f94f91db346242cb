package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func (g *gen) attention() {
	g.scores()
	g.softmax()
	g.mix()
	g.scatter()
	g.softmaxBackward()
	g.rope()
}

// rowPointer returns p + idx[t]*ld, ld in bytes.
func rowPointer(p, idx, t, ld Register, ahead int) reg.GPVirtual {
	r := GP64()
	MOVLQSX(Mem{Base: idx, Index: t, Scale: 4, Disp: 4 * ahead}, r)
	IMULQ(ld, r)
	ADDQ(p, r)
	return r
}

func stride(name string) Register {
	ld := Load(Param(name), GP64())
	SHLQ(Imm(2), ld)
	return ld
}

// scores handles four rows of the path at once, then the rest one by one, with the same order of
// every sum.
func (g *gen) scores() {
	g.text("Scores", "func(dst, q, k []float32, ld int, idx []int32, scale float32)")
	dst, q, k, width := base("dst"), base("q"), base("k"), length("q")
	ld, idx, n := stride("ld"), base("idx"), length("idx")
	scale := XMM()
	VBROADCASTSS(address(Param("scale")), scale)
	SHLQ(Imm(2), width)
	t := GP64()
	XORQ(t, t)
	four, one, rest, done := g.label("four"), g.label("one"), g.label("rest"), g.label("done")
	SUBQ(Imm(4), n)
	JL(LabelRef(rest))
	Label(four)
	x := g.dots(q, k, idx, t, ld, width, 4)
	VMULPS(scale, x, x)
	VMOVUPS(x, Mem{Base: dst, Index: t, Scale: 4})
	ADDQ(Imm(4), t)
	CMPQ(t, n)
	JLE(LabelRef(four))
	Label(rest)
	ADDQ(Imm(4), n)
	CMPQ(t, n)
	JGE(LabelRef(done))
	Label(one)
	x = g.dots(q, k, idx, t, ld, width, 1)
	VMULSS(scale, x, x)
	VMOVSS(x, Mem{Base: dst, Index: t, Scale: 4})
	INCQ(t)
	CMPQ(t, n)
	JL(LabelRef(one))
	Label(done)
	end()
}

// dots returns the products of q with rows (1 or 4) rows of the path, from idx[t] on.
func (g *gen) dots(q, k, idx, t, ld, width Register, rows int) reg.VecVirtual {
	again := g.label("dot")
	acc, ptr := make([][]vec, rows), make([]Register, rows)
	for i := range acc {
		acc[i], ptr[i] = g.lanes(), rowPointer(k, idx, t, ld, i)
	}
	g.idx = GP64()
	XORQ(g.idx, g.idx)
	Label(again)
	g.eachPart(func() {
		a := g.load(q)
		for i := range acc {
			VFMADD231PS(g.mem(ptr[i]), a, acc[i][g.part])
		}
	})
	ADDQ(Imm(64), g.idx)
	CMPQ(g.idx, width)
	JL(LabelRef(again))
	if rows == 1 {
		return g.total(acc[0])
	}
	a, b := g.quads(acc[0]), g.quads(acc[2])
	VHADDPS(g.quads(acc[1]), a, a)
	VHADDPS(g.quads(acc[3]), b, b)
	VHADDPS(b, a, a)
	return a
}

func (g *gen) softmax() {
	g.text("Softmax", "func(x []float32)")
	x := base("x")
	m := g.maximum(x, length("x"))
	shift := g.v()
	VBROADCASTSS(m, shift)
	acc := g.lanes()
	g.loop(length("x"), func() {
		e := g.expCut(g.sub(g.load(x), shift))
		g.store(e, x)
		VADDPS(g.only(e), acc[g.part], acc[g.part])
	})
	sum := g.v()
	VBROADCASTSS(g.total(acc), sum)
	inverse := g.div(g.constant(1), sum)
	g.loop(length("x"), func() { g.store(g.mul(g.load(x), inverse), x) })
	end()
}

// mix sums 64 elements of the width at once, then 16.
func (g *gen) mix() {
	g.text("Mix", "func(out, p, v []float32, ld int, idx []int32)")
	out, p, v, width := base("out"), base("p"), base("v"), length("out")
	ld, idx, n := stride("ld"), base("idx"), length("idx")
	for _, block := range []int{64, 16} {
		again, path, next := g.label("width"), g.label("path"), g.label("next")
		Label(again)
		CMPQ(width, U32(block))
		JL(LabelRef(next))
		acc := make([]vec, block*4/g.width)
		for i := range acc {
			acc[i] = g.zero()
		}
		t := GP64()
		XORQ(t, t)
		Label(path)
		row, coef := rowPointer(v, idx, t, ld, 0), g.v()
		VBROADCASTSS(Mem{Base: p, Index: t, Scale: 4}, coef)
		for i := range acc {
			VFMADD231PS(Mem{Base: row, Disp: i * g.width}, coef, acc[i])
		}
		INCQ(t)
		CMPQ(t, n)
		JL(LabelRef(path))
		for i := range acc {
			VMOVUPS(acc[i], Mem{Base: out, Disp: i * g.width})
		}
		ADDQ(U32(4*block), out)
		ADDQ(U32(4*block), v)
		SUBQ(U32(block), width)
		JMP(LabelRef(again))
		Label(next)
	}
	end()
}

func (g *gen) scatter() {
	g.text("Scatter", "func(dst []float32, ld int, idx []int32, coef, vec []float32)")
	dst, ld, idx, n := base("dst"), stride("ld"), base("idx"), length("idx")
	coef, x, width := base("coef"), base("vec"), length("vec")
	SHLQ(Imm(2), width)
	t := GP64()
	XORQ(t, t)
	path, again := g.label("path"), g.label("width")
	Label(path)
	row, a := rowPointer(dst, idx, t, ld, 0), g.v()
	VBROADCASTSS(Mem{Base: coef, Index: t, Scale: 4}, a)
	g.idx = GP64()
	XORQ(g.idx, g.idx)
	Label(again)
	g.eachPart(func() {
		d := g.load(row)
		VFMADD231PS(g.mem(x), a, d)
		g.store(d, row)
	})
	ADDQ(Imm(64), g.idx)
	CMPQ(g.idx, width)
	JL(LabelRef(again))
	INCQ(t)
	CMPQ(t, n)
	JL(LabelRef(path))
	end()
}

func (g *gen) softmaxBackward() {
	g.text("SoftmaxBackward", "func(ds, p, dp []float32, scale float32)")
	ds, p, dp := base("ds"), base("p"), base("dp")
	acc := g.lanes()
	g.loop(length("ds"), func() { VFMADD231PS(g.load(dp), g.load(p), acc[g.part]) })
	mean := g.v()
	VBROADCASTSS(g.total(acc), mean)
	scale := g.param("scale")
	g.loop(length("ds"), func() { g.store(g.mul(g.mul(g.load(p), g.sub(g.load(dp), mean)), scale), ds) })
	end()
}

func (g *gen) rope() {
	g.text("Rope", "func(x, cos, sin []float32, sign float32)")
	x, cos, sin, n := base("x"), base("cos"), base("sin"), length("cos")
	upper := GP64()
	LEAQ(Mem{Base: x, Index: n, Scale: 4}, upper)
	sign := g.param("sign")
	g.loop(n, func() {
		a, b, c, s := g.load(x), g.load(upper), g.load(cos), g.mul(g.load(sin), sign)
		g.store(g.fnma(b, s, g.mul(a, c)), x)
		g.store(g.fma(a, s, g.mul(b, c)), upper)
	})
	end()
}
