package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// attn is a loop over the rows of a generic.Attn: the path of the row in work and its length.
type attn struct {
	*x86
	idx, n reg.GPVirtual
}

// attnField returns where a field of the argument lies. The argument is read again each time, since
// registers are short.
func (g *x86) attnField(at int) Mem {
	a := Load(Param("a"), GP64())
	return Mem{Base: a, Disp: at}
}

func (g *x86) field(at int) gpr { return g.get(at) }

func (g *x86) get(at int) reg.GPVirtual {
	r := GP64()
	MOVQ(g.attnField(at), r)
	return r
}

func (g *x86) stepBy(at int, p gpr) {
	LEAQ(Mem{Base: p.(Register), Index: g.get(at), Scale: 4}, p)
}

// strideAt returns a stride of that field in bytes.
func (g *x86) strideAt(at int) reg.GPVirtual {
	r := g.get(at)
	SHLQ(Imm(2), r)
	return r
}

func (g *x86) eachRow(pastFrom bool, body func(path, n gpr), next func()) {
	g.attnRows(pastFrom, func(a *attn) { body(a.idx, a.n) }, next)
}

// attnRows emits body for every row with a path, or with one that reaches past From. next moves on to the next row.
// What counts the rows lies on the stack.
func (g *x86) attnRows(pastFrom bool, body func(a *attn), next func()) {
	paths, left := AllocLocal(8), AllocLocal(8)
	again, skip, done := g.newLabel("row"), g.newLabel("next"), g.newLabel("rows")
	MOVQ(g.get(attnPaths), paths)
	rows := g.get(attnPaths + 8)
	TESTQ(rows, rows)
	JE(LabelRef(done))
	MOVQ(rows, left)
	Label(again)
	a := &attn{x86: g, idx: GP64(), n: GP64()}
	path := GP64()
	MOVQ(paths, path)
	MOVQ(Mem{Base: path}, a.idx)
	MOVQ(Mem{Base: path, Disp: 8}, a.n)
	if pastFrom {
		CMPQ(a.n, g.attnField(attnFrom))
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

func (g *x86) eachBlock(n gpr, body func()) {
	again, left := g.newLabel("lanes"), GP64()
	MOVQ(n, left)
	g.idx = GP64()
	XORQ(g.idx, g.idx)
	Label(again)
	g.eachPart(body)
	ADDQ(Imm(64), g.idx)
	SUBQ(Imm(16), left)
	JG(LabelRef(again))
}

func stride(name string) Register {
	ld := Load(Param(name), GP64())
	SHLQ(Imm(2), ld)
	return ld
}
