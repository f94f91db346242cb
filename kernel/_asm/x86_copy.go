package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// transpose emits the transposition of a contiguous 32x32 block, in blocks of 8x8 (AVX and AVX-512 alike):
// rows are joined in pairs of 128-bit lanes on loading, then words are exchanged within the lanes.
func (g *x86) transpose() {
	g.text("Transpose")
	dst, src := base("dst"), base("src")
	rows, again, inner := GP64(), g.newLabel("rows"), g.newLabel("columns")
	MOVQ(U32(4), rows)
	Label(again)
	cols := GP64()
	MOVQ(U32(4), cols)
	Label(inner)
	transpose8(Mem{Base: dst}, Mem{Base: src})
	ADDQ(Imm(32), src)
	ADDQ(U32(8*128), dst)
	DECQ(cols)
	JNE(LabelRef(inner))
	ADDQ(U32(8*128-128), src) // the next 8 rows
	SUBQ(U32(32*128-32), dst) // the next 8 columns
	DECQ(rows)
	JNE(LabelRef(again))
	g.end()
}

// transpose8 transposes 8x8 elements with rows 128 bytes apart on both sides.
func transpose8(dst, src Mem) {
	for half := range 2 { // columns 0-3 and 4-7 of src become rows of dst
		var a [4]xreg // a[i]: row i in the low lane, row i+4 in the high lane
		for i := range a {
			a[i] = YMM()
			VMOVUPS(src.Offset(128*i+16*half), a[i].AsX())
			VINSERTF128(Imm(1), src.Offset(128*(i+4)+16*half), a[i], a[i])
		}
		lo01, hi01, lo23, hi23 := YMM(), YMM(), YMM(), YMM()
		VUNPCKLPS(a[1], a[0], lo01)
		VUNPCKHPS(a[1], a[0], hi01)
		VUNPCKLPS(a[3], a[2], lo23)
		VUNPCKHPS(a[3], a[2], hi23)
		for i, pair := range [][2]xreg{{lo01, lo23}, {hi01, hi23}} {
			first, second := YMM(), YMM()
			VSHUFPS(Imm(0x44), pair[1], pair[0], first)
			VSHUFPS(Imm(0xee), pair[1], pair[0], second)
			VMOVUPS(first, dst.Offset(128*(4*half+2*i)))
			VMOVUPS(second, dst.Offset(128*(4*half+2*i+1)))
		}
	}
}

// packRows emits the packing of the rows of a tile: the words of four rows are exchanged within the
// 128-bit lanes, then the lanes of the groups of four rows, so that a vector holds one column.
func (g *x86) packRows() {
	g.text("packRows")
	dst, src := Load(Param("dst"), GP64()), Load(Param("src"), GP64())
	at, n, k := Load(Param("rows"), GP64()), Load(Param("n"), GP64()).(reg.GPVirtual), Load(Param("k"), GP64())
	lanes := g.width / 16 // columns are packed in steps of 4*lanes
	mask := g.maskOf(n)
	step := GP64()
	MOVQ(n, step)
	SHLQ(Imm(2), step)
	again, done := g.newLabel("columns"), g.newLabel("done")
	SUBQ(U32(uint32(4*lanes)), k)
	JLT(LabelRef(done))
	Label(again)
	var col [2][4]xreg // col[q][i]: in lane L rows 4q.. of column 4L+i
	for q := range col {
		var a [4]xreg
		for i := range a {
			row := GP64()
			MOVQ(Mem{Base: at, Disp: 8 * (4*q + i)}, row)
			a[i] = g.move(Mem{Base: src, Index: row, Scale: 1})
		}
		col[q] = g.exchange(a)
	}
	for lane := range lanes {
		for i := range 4 {
			g.storeTo(g.column(col, lane, i), mask, Mem{Base: dst})
			ADDQ(step, dst)
		}
	}
	ADDQ(U32(uint32(g.width)), src)
	SUBQ(U32(uint32(4*lanes)), k)
	JGE(LabelRef(again))
	Label(done)
	g.end()
}

// exchange transposes the 4x4 words of each lane.
func (g *x86) exchange(a [4]xreg) (t [4]xreg) {
	lo01, hi01, lo23, hi23 := g.v(), g.v(), g.v(), g.v()
	VUNPCKLPS(a[1], a[0], lo01)
	VUNPCKHPS(a[1], a[0], hi01)
	VUNPCKLPS(a[3], a[2], lo23)
	VUNPCKHPS(a[3], a[2], hi23)
	for i, pair := range [][2]xreg{{lo01, lo23}, {hi01, hi23}} {
		t[2*i], t[2*i+1] = g.v(), g.v()
		VSHUFPS(Imm(0x44), pair[1], pair[0], t[2*i])
		VSHUFPS(Imm(0xee), pair[1], pair[0], t[2*i+1])
	}
	return t
}

// column joins lane L of the groups of rows: column 4L+i.
func (g *x86) column(col [2][4]xreg, lane, i int) xreg {
	r := g.v()
	if !g.wide {
		VPERM2F128(Imm(uint64(lane|(2+lane)<<4)), col[1][i], col[0][i], r)
		return r
	}
	VSHUFF32X4(Imm(uint64(lane|lane<<4)), col[1][i], col[0][i], r) // lanes 0 and 2
	VSHUFF32X4(Imm(0x08), r, r, r)                                 // lanes 0 and 1
	return r
}

// packColumns emits the copy of 24 columns of x, the rows of four tiles of x^T.
func (g *x86) packColumns() {
	g.text("packColumns")
	dst, src, rows := Load(Param("dst"), GP64()), Load(Param("src"), GP64()), Load(Param("rows"), GP64())
	ld := stride("ld")
	again := g.newLabel("row")
	Label(again)
	for at := 0; at < 96; at += 32 {
		x := YMM()
		VMOVUPS(Mem{Base: src, Disp: at}, x)
		VMOVUPS(x, Mem{Base: dst, Disp: at})
	}
	ADDQ(ld, src)
	ADDQ(U32(96), dst)
	DECQ(rows)
	JNE(LabelRef(again))
	g.end()
}

// maskOf masks the first n lanes of one vector.
func (g *x86) maskOf(n reg.GPVirtual) Register {
	g.setMask(n)
	if g.wide {
		return g.kmask
	}
	return g.vmask[0]
}

func (g *x86) storeTo(x xreg, mask Register, m Mem) {
	if g.wide {
		VMOVUPS(x, mask, m)
	} else {
		VMASKMOVPS(x, mask, m)
	}
}

// slices emits the copy of pieces of 16 elements: of a panel's part of each row.
func (g *x86) slices() {
	g.text("Slices")
	dst, src, n := base("dst"), base("src"), Load(Param("n"), GP64())
	dstStep, srcStep := stride("dstStep"), stride("srcStep")
	again, done := g.newLabel("piece"), g.newLabel("done")
	TESTQ(n, n)
	JLE(LabelRef(done))
	Label(again)
	for i := range g.registers {
		VMOVUPS(g.move(Mem{Base: src, Disp: i * g.width}), Mem{Base: dst, Disp: i * g.width})
	}
	ADDQ(srcStep, src)
	ADDQ(dstStep, dst)
	DECQ(n)
	JNE(LabelRef(again))
	Label(done)
	g.end()
}

// sumRows emits the sums of 64 columns, which stay in registers.
func (g *x86) sumRows() {
	g.text("SumRows")
	dst, src, rows, ld := base("dst"), base("src"), Load(Param("rows"), GP64()), stride("ld")
	again, done := g.newLabel("row"), g.newLabel("done")
	sums := make([]xreg, 4*panelRow/2/g.width)
	for i := range sums {
		sums[i] = full(g.zero())
	}
	TESTQ(rows, rows)
	JLE(LabelRef(done))
	Label(again)
	for i, x := range sums {
		VADDPS(Mem{Base: src, Disp: i * g.width}, x, x)
	}
	ADDQ(ld, src)
	DECQ(rows)
	JNE(LabelRef(again))
	Label(done)
	for i, x := range sums {
		VADDPS(Mem{Base: dst, Disp: i * g.width}, x, x)
		VMOVUPS(x, Mem{Base: dst, Disp: i * g.width})
	}
	g.end()
}

// fetch emits Fetch. The last line is asked for by itself, since x may begin within a line.
func (g *x86) fetch() {
	g.text("Fetch")
	x, n := base("x"), length("x")
	again, done := g.newLabel("line"), g.newLabel("done")
	TESTQ(n, n)
	JE(LabelRef(done))
	last := GP64()
	LEAQ(Mem{Base: x, Index: n, Scale: 4, Disp: -4}, last)
	Label(again)
	PREFETCHT0(Mem{Base: x})
	ADDQ(Imm(64), x)
	CMPQ(x, last)
	JLT(LabelRef(again))
	PREFETCHT0(Mem{Base: last})
	Label(done)
	RET()
}
