package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// columns emits body for the columns of X and Y in pieces that fit the registers: each so many parts of 16 lanes wide,
// then once for the masked rest. at is the byte offset of the piece.
func (g *x86) columns(most int, body func(at Register, parts int)) {
	at, left := GP64(), g.get(attnWidth)
	XORQ(at, at)
	for parts := most; parts > 0; parts /= 2 {
		again, next := g.newLabel("columns"), g.newLabel("fewer")
		Label(again)
		CMPQ(left, Imm(uint64(16*parts)))
		JLT(LabelRef(next))
		body(at, parts)
		ADDQ(U32(uint32(64*parts)), at)
		SUBQ(Imm(uint64(16*parts)), left)
		if parts == most {
			JMP(LabelRef(again))
		}
		Label(next)
	}
	done := g.newLabel("done")
	TESTQ(left, left)
	JE(LabelRef(done))
	g.setMask(left)
	g.masked = true
	body(at, 1)
	g.masked = false
	Label(done)
}

// piece is a row of one piece of the columns, at p.
type piece struct {
	*x86
	parts int // of 16 lanes
}

func (c piece) vectors() []xreg {
	x := make([]xreg, c.parts*c.x86.registers)
	for i := range x {
		x[i] = c.v()
	}
	return x
}

func (c piece) zeros(x []xreg) {
	for i := range x {
		VXORPS(x[i], x[i], x[i])
	}
}

func (c piece) mem(p Register, i int) Mem { return Mem{Base: p, Disp: i * c.width} }

func (c piece) load(p Register, x []xreg) {
	for i := range x {
		c.loadOne(c.mem(p, i), i, x[i])
	}
}

func (c piece) loadOne(m Mem, i int, x xreg) {
	switch {
	case !c.masked:
		VMOVUPS(m, x)
	case c.wide:
		VMOVUPS_Z(m, c.kmask, x)
	default:
		VMASKMOVPS(m, c.vmask[i], x)
	}
}

func (c piece) store(x []xreg, p Register) {
	for i := range x {
		switch m := c.mem(p, i); {
		case !c.masked:
			VMOVUPS(x[i], m)
		case c.wide:
			VMOVUPS(x[i], c.kmask, m)
		default:
			VMASKMOVPS(x[i], c.vmask[i], m)
		}
	}
}

// add adds the scalar at coef times the row at p.
func (c piece) add(x []xreg, coef Mem, p Register) {
	a := c.v()
	VBROADCASTSS(coef, a)
	for i := range x {
		if !c.masked {
			VFMADD231PS(c.mem(p, i), a, x[i])
			continue
		}
		y := c.v()
		c.loadOne(c.mem(p, i), i, y)
		VFMADD231PS(y, a, x[i])
	}
}

func (g *x86) mix() {
	g.text("mix")
	most := 2
	if g.wide {
		most = 8
	}
	g.columns(most, func(at Register, parts int) {
		x, p, y, ld := g.get(attnX), g.get(attnP), g.get(attnY), g.strideAt(attnLDY)
		ADDQ(at, x)
		ADDQ(at, y)
		c := piece{g, parts}
		g.attnRows(true, func(a *attn) {
			acc, t, left := c.vectors(), GP64(), GP64()
			from, count := a.span()
			MOVQ(from, t)
			MOVQ(count, left)
			first, again := g.newLabel("first"), g.newLabel("path")
			c.zeros(acc)
			TESTQ(t, t)
			JE(LabelRef(first))
			c.load(x, acc)
			Label(first)
			ADDQ(t, left)
			Label(again)
			c.add(acc, Mem{Base: p, Index: t, Scale: 4}, rowPointer(y, Mem{Base: a.idx, Index: t, Scale: 4}, ld))
			INCQ(t)
			CMPQ(t, left)
			JL(LabelRef(again))
			c.store(acc, x)
		}, func() {
			g.stepBy(attnLDX, x)
			g.stepBy(attnPitch, p)
		})
	})
	g.end()
}
