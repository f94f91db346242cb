package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// spread holds a row of Y and of Y2 in registers while it runs over the rows of a segment. What the innermost loop
// does not need lies on the stack.
type spread struct {
	piece
	x, x2, p, at, left Mem // first row of the segment; columns; segments left
	seg, path          Register
	t                  reg.GPVirtual
}

func (g *x86) spread() {
	g.text("spread")
	most := 1
	if g.wide {
		most = 4
	}
	s := &spread{}
	for _, m := range []*Mem{&s.x, &s.x2, &s.p, &s.at, &s.left} {
		*m = AllocLocal(8)
	}
	g.columns(most, func(at Register, parts int) {
		s.piece, s.seg = piece{g, parts}, g.get(attnSegs)
		left := g.get(attnSegs + 8)
		again, done := g.newLabel("segment"), g.newLabel("segments")
		TESTQ(left, left)
		JE(LabelRef(done))
		MOVQ(left, s.left)
		MOVQ(at, s.at)
		Label(again)
		s.segment()
		ADDQ(Imm(16), s.seg)
		DECQ(s.left)
		JNE(LabelRef(again))
		Label(done)
	})
	g.end()
}

// segment emits the positions of one generic.Seg.
func (s *spread) segment() {
	row, again := GP64(), s.newLabel("position")
	MOVLQSX(Mem{Base: s.seg, Disp: 8}, row)
	MOVQ(s.rowAt(attnX, attnLDX, row), s.x)
	MOVQ(s.rowAt(attnX2, attnLDX2, row), s.x2)
	MOVQ(s.rowAt(attnP, attnPitch, row), s.p)
	s.t, s.path = GP64(), GP64()
	MOVLQSX(Mem{Base: s.seg}, s.t)
	IMUL3Q(Imm(slice), row, row)
	ADDQ(s.attnField(attnPaths), row)
	MOVQ(Mem{Base: row}, s.path)
	Label(again)
	s.position()
	INCQ(s.t)
	CMPL(s.t.As32(), Mem{Base: s.seg, Disp: 4})
	JL(LabelRef(again))
}

// position adds the contributions of all rows of the segment to one row of Y and of Y2.
func (s *spread) position() {
	rows, x, x2, p, delta := GP64(), GP64(), GP64(), GP64(), s.get(attnDP)
	MOVLQSX(Mem{Base: s.seg, Disp: 12}, rows)
	MOVQ(s.x, x)
	MOVQ(s.x2, x2)
	MOVQ(s.p, p)
	LEAQ(Mem{Base: p, Index: s.t, Scale: 4}, p)
	SUBQ(s.attnField(attnP), delta) // from P to DP
	ADDQ(s.at, x)
	ADDQ(s.at, x2)
	y, y2 := s.key(attnY), s.key(attnY2)
	acc, acc2 := s.vectors(), s.vectors()
	s.load(y, acc)
	s.load(y2, acc2)
	ldx, ldx2, pitch := s.strideAt(attnLDX), s.strideAt(attnLDX2), s.strideAt(attnPitch)
	again := s.newLabel("share")
	Label(again)
	s.add(acc, Mem{Base: p, Index: delta, Scale: 1}, x)
	s.add(acc2, Mem{Base: p}, x2)
	ADDQ(ldx, x)
	ADDQ(ldx2, x2)
	ADDQ(pitch, p)
	DECQ(rows)
	JNE(LabelRef(again))
	s.store(acc, s.key(attnY))
	s.store(acc2, s.key(attnY2))
}

// key returns where the columns of the key at position t begin.
func (s *spread) key(buffer int) Register {
	r := GP64()
	MOVLQSX(Mem{Base: s.path, Index: s.t, Scale: 4}, r)
	IMULQ(s.attnField(attnLDY), r)
	SHLQ(Imm(2), r)
	ADDQ(s.attnField(buffer), r)
	ADDQ(s.at, r)
	return r
}

// rowAt returns where a row begins, given the fields of the buffer and of its stride.
func (g *x86) rowAt(buffer, ld int, row Register) reg.GPVirtual {
	p := g.get(ld)
	IMULQ(row, p)
	SHLQ(Imm(2), p)
	ADDQ(g.attnField(buffer), p)
	return p
}
