package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Offsets of the fields of generic.Attn.
const (
	attnPaths, attnSegs, attnP, attnDP, attnX, attnX2, attnY, attnY2 = 0, 24, 48, 72, 96, 120, 144, 168
	attnPitch, attnLDX, attnLDX2, attnLDY, attnWidth                 = 192, 200, 208, 216, 224
	attnFrom, attnTo, attnScale, attnFill                            = 232, 240, 248, 252
	slice                                                            = 24 // bytes of a slice header
)

func (g *gen) attention() {
	g.scores()
	g.softmax()
	g.softmaxBackward()
	g.mix()
	g.spread()
	g.rope()
}

// attn is a loop over the rows of a generic.Attn: the path of the row in work and its length.
type attn struct {
	*gen
	idx, n reg.GPVirtual
}

// field returns where a field of the argument lies. The argument is read again each time, since
// registers are short.
func (g *gen) field(at int) Mem {
	a := Load(Param("a"), GP64())
	return Mem{Base: a, Disp: at}
}

func (g *gen) get(at int) reg.GPVirtual {
	r := GP64()
	MOVQ(g.field(at), r)
	return r
}

// step adds a stride of that field, in elements, to p.
func (g *gen) stepBy(at int, p Register) {
	LEAQ(Mem{Base: p, Index: g.get(at), Scale: 4}, p)
}

// strideAt returns a stride of that field in bytes.
func (g *gen) strideAt(at int) reg.GPVirtual {
	r := g.get(at)
	SHLQ(Imm(2), r)
	return r
}

// rows emits body for every row with a path, or with one that reaches past From. next moves on to the next row.
// What counts the rows lies on the stack.
func (g *gen) rows(pastFrom bool, body func(a *attn), next func()) {
	paths, left := AllocLocal(8), AllocLocal(8)
	again, skip, done := g.label("row"), g.label("next"), g.label("rows")
	MOVQ(g.get(attnPaths), paths)
	rows := g.get(attnPaths + 8)
	TESTQ(rows, rows)
	JE(LabelRef(done))
	MOVQ(rows, left)
	Label(again)
	a := &attn{gen: g, idx: GP64(), n: GP64()}
	path := GP64()
	MOVQ(paths, path)
	MOVQ(Mem{Base: path}, a.idx)
	MOVQ(Mem{Base: path, Disp: 8}, a.n)
	if pastFrom {
		CMPQ(a.n, g.field(attnFrom))
	} else {
		TESTQ(a.n, a.n)
	}
	JLE(LabelRef(skip))
	body(a)
	Label(skip)
	next()
	ADDQ(Imm(slice), paths)
	DECQ(left)
	JNE(LabelRef(again))
	Label(done)
}

// span returns From and how many positions of the row lie in From..To-1.
func (a *attn) span() (from, count reg.GPVirtual) {
	from, count = a.get(attnFrom), a.get(attnTo)
	CMPQ(a.n, count)
	CMOVQLT(a.n, count)
	SUBQ(from, count)
	return from, count
}

// rowPointer returns p + index*ld, index at m, ld in bytes.
func rowPointer(p Op, m Mem, ld Register) reg.GPVirtual {
	r := GP64()
	MOVLQSX(m, r)
	IMULQ(ld, r)
	ADDQ(p, r)
	return r
}

func stride(name string) Register {
	ld := Load(Param(name), GP64())
	SHLQ(Imm(2), ld)
	return ld
}

// blocks emits body for the 16 lanes after each other that cover n elements at p. They must have room up to a multiple of 16.
func (a *attn) blocks(body func()) {
	again, left := a.label("lanes"), GP64()
	MOVQ(a.n, left)
	a.gen.idx = GP64()
	XORQ(a.gen.idx, a.gen.idx)
	Label(again)
	a.eachPart(body)
	ADDQ(Imm(64), a.gen.idx)
	SUBQ(Imm(16), left)
	JG(LabelRef(again))
}

// softmax passes three times over each row: largest element, exponentials and their sum, quotients.
func (g *gen) softmax() {
	g.text("softmax")
	p := g.get(attnP)
	g.rows(false, func(a *attn) {
		top, sum := g.lanes(), g.lanes()
		none := g.constant(math.Inf(-1))
		for i := range top {
			VMOVAPS(none, top[i])
		}
		a.blocks(func() { VMAXPS(top[g.part], g.load(p), top[g.part]) }) // the operand in the second place wins over a NaN
		shift, total := g.v(), g.v()
		VBROADCASTSS(g.highest(top), shift)
		a.blocks(func() {
			e := g.expCut(g.sub(g.load(p), shift))
			g.store(e, p)
			VADDPS(e, sum[g.part], sum[g.part])
		})
		VBROADCASTSS(g.total(sum), total)
		inverse := g.div(g.constant(1), total)
		a.blocks(func() { g.store(g.mul(g.load(p), inverse), p) })
	}, func() { g.stepBy(attnPitch, p) })
	end()
}

func (g *gen) softmaxBackward() {
	g.text("softmaxBackward")
	p, dp, scale := g.get(attnP), g.get(attnDP), g.v()
	VBROADCASTSS(g.field(attnScale), scale)
	g.rows(false, func(a *attn) {
		acc, mean := g.lanes(), g.v()
		a.blocks(func() { VFMADD231PS(g.mem(dp), g.load(p), acc[g.part]) })
		VBROADCASTSS(g.total(acc), mean)
		a.blocks(func() { g.store(g.mul(g.mul(g.load(p), g.sub(g.load(dp), mean)), scale), dp) })
	}, func() {
		g.stepBy(attnPitch, p)
		g.stepBy(attnPitch, dp)
	})
	end()
}

func (g *gen) rope() {
	g.text("Rope")
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
