package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Offsets of the fields of generic.Tile.
const (
	tileA, tileB, tileC, tileBias, tileRes, tileAhead                    = 0, 24, 48, 72, 96, 120
	tileM, tileK, tileAK, tileLDC, tileLDRes, tileTiles                  = 144, 152, 160, 168, 176, 184
	tilePanels, tileBStep, tileCStep, tileLoad, tileAheadStep, tileAStep = 192, 200, 208, 216, 224, 232
	panelRow                                                             = 128 // bytes of a row of a panel
	aheadA                                                               = 768 // bytes of A to be ahead of: the latency of the L2 cache
)

// tiles emits the GEMM micro-kernels tile<rows>x<panels>. A tile of 6 rows and 64 columns needs 10 loads for
// 24 multiply-adds, one of 12 rows and 32 columns 14: the fewer, the less it matters that another
// thread of the core loads too. AVX-512: 24 of the 32 registers hold sums; up to 3 rows take 4 panels, since fewer
// sums in flight could not hide the latency of a multiply-add. AVX2: up to 3 rows of 32 columns, else up to 6
// of 16, twice.
func (g *x86) tiles() {
	for m := 1; m <= 6; m++ {
		g.tile(m, 1)
		if g.wide {
			g.tile(m, 2)
		}
		if g.wide && m <= 3 {
			g.tile(m, 4)
		}
	}
}

// tile is the state of one micro-kernel.
type tile struct {
	*x86
	rows, panels int
	cols         int // vectors of a row
	t            Register
	c, ldc       Register // C of the tile in work, bytes between its rows
}

func (g *x86) tile(rows, panels int) {
	g.text(fmt.Sprintf("tile%dx%d", rows, panels))
	k := tile{x86: g, rows: rows, panels: panels, cols: panels * panelRow / g.width, t: Load(Param("t"), GP64())}
	if !g.wide && rows > 3 {
		k.cols = 2
		k.run(0)
		k.run(64)
	} else {
		k.run(0)
	}
	g.end()
}

func (k *tile) field(at int) Register {
	r := GP64()
	MOVQ(Mem{Base: k.t, Disp: at}, r)
	return r
}

// strideOf reads a stride and turns it into bytes.
func (k *tile) strideOf(at int) Register {
	r := k.field(at)
	SHLQ(Imm(2), r)
	return r
}

// run computes the columns from byte offset disp on, tile by tile.
func (k *tile) run(disp int) {
	again := k.newLabel("tile")
	a, ahead, res, left := k.field(tileA), k.field(tileAhead), k.field(tileRes), k.field(tileTiles)
	k.c, k.ldc = k.field(tileC), k.strideOf(tileLDC)
	TESTQ(ahead, ahead)
	CMOVQEQ(k.field(tileB), ahead) // nothing to prefetch: a line that is at hand
	Label(again)
	acc := k.start(disp)
	k.sums(acc, a, ahead, disp)
	ADDQ(k.strideOf(tileAStep), a)
	k.addRow(acc, disp)
	k.addRows(acc, res, disp)
	c := newWalk(k.c, k.panelStep(tileCStep), k.panels)
	for r := range acc {
		for j := range acc[r] {
			VMOVUPS(acc[r][j], k.column(c, j, disp))
		}
		ADDQ(k.ldc, k.c)
	}
	DECQ(left)
	JNE(LabelRef(again))
}

// start zeroes the sums or loads them from C, and prefetches the C of the next tile.
func (k *tile) start(disp int) [][]xreg {
	acc := make([][]xreg, k.rows)
	for r := range acc {
		acc[r] = make([]xreg, k.cols)
		for j := range acc[r] {
			acc[r][j] = full(k.zero())
		}
	}
	fresh := k.newLabel("fresh")
	p := GP64()
	MOVQ(k.c, p)
	CMPQ(Mem{Base: k.t, Disp: tileLoad}, Imm(0))
	JE(LabelRef(fresh))
	c := newWalk(p, k.panelStep(tileCStep), k.panels)
	for r := range acc {
		for j := range acc[r] {
			VMOVUPS(k.column(c, j, disp), acc[r][j])
		}
		ADDQ(k.ldc, p)
	}
	if disp == 0 && k.panels < 4 {
		for range acc {
			for j := 0; j < k.panels*panelRow; j += 64 {
				PREFETCHT0(k.column(c, j/k.width, 0))
			}
			ADDQ(k.ldc, p)
		}
	}
	Label(fresh)
	return acc
}

// sums runs over k, two steps at a time: a row of B, then one broadcast element of A for each row of the tile.
func (k *tile) sums(acc [][]xreg, first, ahead Register, disp int) {
	a := GP64()
	MOVQ(first, a)
	again, odd, done := k.newLabel("k"), k.newLabel("odd"), k.newLabel("sums")
	b := newWalk(k.field(tileB), k.panelStep(tileBStep), k.panels)
	stepA, stepAhead, n := k.strideOf(tileAK), k.field(tileAheadStep), k.field(tileK)
	SUBQ(Imm(2), n)
	JLT(LabelRef(odd))
	Label(again)
	PREFETCHT1(Mem{Base: ahead})
	ADDQ(stepAhead, ahead)
	if k.rows > 3 {
		PREFETCHT0(Mem{Base: a, Disp: aheadA})
		PREFETCHT0(Mem{Base: a, Disp: aheadA + 64})
	}
	k.step(acc, Mem{Base: a}, b, disp)
	k.step(acc, Mem{Base: a, Index: stepA, Scale: 1}, b, disp+panelRow)
	LEAQ(Mem{Base: a, Index: stepA, Scale: 2}, a)
	b.advance(2 * panelRow)
	SUBQ(Imm(2), n)
	JGE(LabelRef(again))
	Label(odd)
	ADDQ(Imm(2), n)
	JE(LabelRef(done))
	k.step(acc, Mem{Base: a}, b, disp)
	Label(done)
}

// step adds one k.
func (k *tile) step(acc [][]xreg, a Mem, b *walk, disp int) {
	registers := 16
	if k.wide {
		registers = 32
	}
	fromMemory := (k.rows+1)*k.cols+1 > registers // too few to hold the row of B
	row := make([]Op, k.cols)
	for j := range row {
		m := k.column(b, j, disp)
		row[j] = m
		if !fromMemory {
			row[j] = k.move(m)
		}
	}
	if fromMemory {
		k.outer(acc, row, a)
		return
	}
	for r := range acc {
		x := k.broadcast(a.Offset(4 * r))
		for j := range row {
			VFMADD231PS(row[j], x, acc[r][j])
		}
	}
}

// outer holds the elements of A and reads each vector of B once.
func (k *tile) outer(acc [][]xreg, row []Op, a Mem) {
	x := make([]xreg, k.rows)
	for r := range x {
		x[r] = k.broadcast(a.Offset(4 * r))
	}
	for j := range row {
		b := k.move(row[j])
		for r := range x {
			VFMADD231PS(b, x[r], acc[r][j])
		}
	}
}

func (k *tile) broadcast(m Mem) xreg {
	x := k.v()
	VBROADCASTSS(m, x)
	return x
}

// panelStep returns the distance of two panels in bytes; it is not used by a tile of one panel.
func (k *tile) panelStep(field int) Register {
	if k.panels == 1 {
		return nil
	}
	return k.strideOf(field)
}

// column is vector j of a row at p, which holds the panels of the tile.
func (k *tile) column(p *walk, j, disp int) Mem {
	perPanel := k.cols / k.panels
	return p.at(j / perPanel).Offset(disp + j%perPanel*k.width)
}

// addRow adds the bias.
func (k *tile) addRow(acc [][]xreg, disp int) {
	none := k.newLabel("none")
	bias := k.field(tileBias)
	TESTQ(bias, bias)
	JE(LabelRef(none))
	for j := range k.cols {
		b := k.move(Mem{Base: bias, Disp: disp + j*k.width})
		for r := range acc {
			VADDPS(b, acc[r][j], acc[r][j])
		}
	}
	Label(none)
}

// addRows adds the residual; res moves on to that of the next tile.
func (k *tile) addRows(acc [][]xreg, res Register, disp int) {
	none := k.newLabel("none")
	TESTQ(res, res)
	JE(LabelRef(none))
	ld := k.strideOf(tileLDRes)
	for r := range acc {
		for j := range acc[r] {
			VADDPS(Mem{Base: res, Disp: disp + j*k.width}, acc[r][j], acc[r][j])
		}
		ADDQ(ld, res)
	}
	Label(none)
}

// walk addresses up to 4 streams at equal distances.
type walk struct {
	base, step, triple reg.Register
}

func newWalk(p, step Register, n int) *walk {
	w := &walk{base: p, step: step}
	if n > 3 {
		w.triple = GP64()
		LEAQ(Mem{Base: step, Index: step, Scale: 2}, w.triple)
	}
	return w
}

func (w *walk) at(i int) Mem {
	switch i {
	case 1:
		return Mem{Base: w.base, Index: w.step, Scale: 1}
	case 2:
		return Mem{Base: w.base, Index: w.step, Scale: 2}
	case 3:
		return Mem{Base: w.base, Index: w.triple, Scale: 1}
	}
	return Mem{Base: w.base}
}

func (w *walk) advance(bytes int) { ADDQ(U32(bytes), w.base) }
