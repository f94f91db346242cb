package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Offsets of the fields of generic.Tile.
const (
	tileA, tileB, tileC, tileBias, tileRes, tileNext = 0, 24, 48, 72, 96, 120
	tileK, tileARow, tileAK, tileBK, tileLDC         = 152, 160, 168, 176, 184
	tileLDRes, tilePanelStep, tileLoad               = 192, 208, 216
	tileAhead, tileAheadStep                         = 224, 248
)

// tiles emits the GEMM micro-kernels tile<rows>x<panels>. AVX-512: 12 rows of 32 columns fill 24 of the
// 32 registers; up to 3 rows take 4 panels at once, since one would be too few sums in flight to
// hide the latency of a multiply-add. AVX2: up to 3 rows of 32 columns, else up to 6 of 16, twice.
func (g *gen) tiles() {
	if !g.wide {
		for m := 1; m <= 6; m++ {
			g.tile(m, 1)
		}
		return
	}
	for m := 1; m <= 12; m++ {
		g.tile(m, 1)
		if m <= 3 {
			g.tile(m, 4)
		}
	}
}

// tile is the state of one micro-kernel.
type tile struct {
	*gen
	rows, panels int
	cols         int // vectors of a row
	t            Register
}

func (g *gen) tile(rows, panels int) {
	g.text(fmt.Sprintf("tile%dx%d", rows, panels), "func(t *byte)")
	k := tile{gen: g, rows: rows, panels: panels, cols: panels * 128 / g.width, t: Load(Param("t"), GP64())}
	if !g.wide && rows > 3 {
		k.cols = 2
		k.run(0)
		k.run(64)
	} else {
		k.run(0)
	}
	end()
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

// run computes the columns from byte offset disp on.
func (k *tile) run(disp int) {
	acc := k.start(disp)
	k.sums(acc, disp)
	k.addRow(acc, disp)
	k.addRows(acc, disp)
	c, ldc := k.field(tileC), k.strideOf(tileLDC)
	for r := range acc {
		if r > 0 {
			ADDQ(ldc, c)
		}
		for j := range acc[r] {
			VMOVUPS(acc[r][j], Mem{Base: c, Disp: disp + j*k.width})
		}
	}
}

// start zeroes the sums or loads them from C, and prefetches the next C.
func (k *tile) start(disp int) [][]vec {
	acc := make([][]vec, k.rows)
	for r := range acc {
		acc[r] = make([]vec, k.cols)
		for j := range acc[r] {
			acc[r][j] = k.zero()
		}
	}
	fresh := k.label("fresh")
	CMPQ(Mem{Base: k.t, Disp: tileLoad}, Imm(0))
	JE(LabelRef(fresh))
	c, ldc := k.field(tileC), k.strideOf(tileLDC)
	for r := range acc {
		for j := range acc[r] {
			VMOVUPS(Mem{Base: c, Disp: disp + j*k.width}, acc[r][j])
		}
		if r < k.rows-1 {
			ADDQ(ldc, c)
		}
	}
	Label(fresh)
	if disp == 0 {
		k.prefetch()
	}
	return acc
}

func (k *tile) prefetch() {
	none := k.label("none")
	next := k.field(tileNext)
	TESTQ(next, next)
	JE(LabelRef(none))
	ldc := k.strideOf(tileLDC)
	for r := range k.rows {
		if r > 0 {
			ADDQ(ldc, next)
		}
		for line := 0; line < k.panels*128; line += 64 {
			PREFETCHT0(Mem{Base: next, Disp: line})
		}
	}
	Label(none)
}

// sums runs over k: a row of B, then one broadcast element of A for each row of the tile.
func (k *tile) sums(acc [][]vec, disp int) {
	again, done := k.label("k"), k.label("sums")
	n := k.field(tileK)
	TESTQ(n, n)
	JE(LabelRef(done))
	a, b := newWalk(k.field(tileA), k.strideOf(tileARow), k.rows), newWalk(k.field(tileB), k.panelStep(), k.panels)
	stepA, stepB := k.strideOf(tileAK), k.strideOf(tileBK)
	ahead, stepAhead := k.field(tileAhead), k.field(tileAheadStep)
	TESTQ(ahead, ahead)
	CMOVQEQ(b.base[0], ahead) // nothing to prefetch: a line that is at hand
	Label(again)
	PREFETCHT1(Mem{Base: ahead})
	ADDQ(stepAhead, ahead)
	registers := 16
	if k.wide {
		registers = 32
	}
	fromMemory := (k.rows+1)*k.cols+1 > registers // too few to hold the row of B
	perPanel := k.cols / k.panels
	row := make([]Op, k.cols)
	for j := range row {
		m := b.at(j / perPanel)
		m.Disp = disp + j%perPanel*k.width
		row[j] = m
		if !fromMemory {
			row[j] = k.move(m)
		}
	}
	if fromMemory {
		k.outer(acc, row, a)
	} else {
		for r := range acc {
			x := k.broadcast(a.at(r))
			for j := range row {
				VFMADD231PS(row[j], x, acc[r][j])
			}
		}
	}
	a.advance(stepA)
	b.advance(stepB)
	DECQ(n)
	JNE(LabelRef(again))
	Label(done)
}

// outer holds the elements of A and reads each vector of B once.
func (k *tile) outer(acc [][]vec, row []Op, a *walk) {
	x := make([]vec, k.rows)
	for r := range x {
		x[r] = k.broadcast(a.at(r))
	}
	for j := range row {
		b := k.move(row[j])
		for r := range x {
			VFMADD231PS(b, x[r], acc[r][j])
		}
	}
}

func (k *tile) broadcast(m Mem) vec {
	x := k.v()
	VBROADCASTSS(m, x)
	return x
}

// panelStep returns the distance of two panels in bytes; it is not used by a tile of one panel.
func (k *tile) panelStep() Register {
	if k.panels == 1 {
		return nil
	}
	return k.strideOf(tilePanelStep)
}

// addRow adds the bias.
func (k *tile) addRow(acc [][]vec, disp int) {
	none := k.label("none")
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

// addRows adds the residual.
func (k *tile) addRows(acc [][]vec, disp int) {
	none := k.label("none")
	res := k.field(tileRes)
	TESTQ(res, res)
	JE(LabelRef(none))
	ld := k.strideOf(tileLDRes)
	for r := range acc {
		if r > 0 {
			ADDQ(ld, res)
		}
		for j := range acc[r] {
			VADDPS(Mem{Base: res, Disp: disp + j*k.width}, acc[r][j], acc[r][j])
		}
	}
	Label(none)
}

// walk addresses up to 12 streams at equal distances: one pointer for each four of them.
type walk struct {
	base         []Register
	step, triple reg.Register
}

func newWalk(p, step Register, n int) *walk {
	w := &walk{base: []Register{p}, step: step}
	if n > 3 {
		w.triple = GP64()
		LEAQ(Mem{Base: step, Index: step, Scale: 2}, w.triple)
	}
	for i := 4; i < n; i += 4 {
		next := GP64()
		LEAQ(Mem{Base: w.base[len(w.base)-1], Index: step, Scale: 4}, next)
		w.base = append(w.base, next)
	}
	return w
}

func (w *walk) at(i int) Mem {
	b := w.base[i/4]
	switch i % 4 {
	case 1:
		return Mem{Base: b, Index: w.step, Scale: 1}
	case 2:
		return Mem{Base: b, Index: w.step, Scale: 2}
	case 3:
		return Mem{Base: b, Index: w.triple, Scale: 1}
	}
	return Mem{Base: b}
}

func (w *walk) advance(step Register) {
	for _, b := range w.base {
		ADDQ(step, b)
	}
}
