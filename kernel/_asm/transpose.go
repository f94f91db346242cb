package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// transpose emits the transposition of a contiguous 32x32 block, in blocks of 8x8 (AVX and AVX-512 alike):
// rows are joined in pairs of 128-bit lanes on loading, then words are exchanged within the lanes.
func (g *gen) transpose() {
	g.text("Transpose", "func(dst, src []float32)")
	dst, src := base("dst"), base("src")
	rows, again, inner := GP64(), g.label("rows"), g.label("columns")
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
	end()
}

// transpose8 transposes 8x8 elements with rows 128 bytes apart on both sides.
func transpose8(dst, src Mem) {
	for half := range 2 { // columns 0-3 and 4-7 of src become rows of dst
		var a [4]vec // a[i]: row i in the low lane, row i+4 in the high lane
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
		for i, pair := range [][2]vec{{lo01, lo23}, {hi01, hi23}} {
			first, second := YMM(), YMM()
			VSHUFPS(Imm(0x44), pair[1], pair[0], first)
			VSHUFPS(Imm(0xee), pair[1], pair[0], second)
			VMOVUPS(first, dst.Offset(128*(4*half+2*i)))
			VMOVUPS(second, dst.Offset(128*(4*half+2*i+1)))
		}
	}
}

// slices emits the copy of pieces of 16 elements, as the packing of x^T needs it.
func (g *gen) slices() {
	g.text("Slices", "func(dst, src []float32, n, dstStep, srcStep int)")
	dst, src, n := base("dst"), base("src"), Load(Param("n"), GP64())
	dstStep, srcStep := stride("dstStep"), stride("srcStep")
	again, done := g.label("piece"), g.label("done")
	TESTQ(n, n)
	JLE(LabelRef(done))
	Label(again)
	for i := range g.parts {
		VMOVUPS(g.move(Mem{Base: src, Disp: i * g.width}), Mem{Base: dst, Disp: i * g.width})
	}
	ADDQ(srcStep, src)
	ADDQ(dstStep, dst)
	DECQ(n)
	JNE(LabelRef(again))
	Label(done)
	end()
}
