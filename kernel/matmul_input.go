package kernel

import "pgsrm/kernel/internal/generic"

// inputGrad is one product with the transposed weights, cut into blocks of dx columns.
type inputGrad struct {
	dx, dy, w  []float32
	lddx, lddy int
	m, k, n    int
	add        bool
	rowBlock   int // rows of dy that stay in the L2 cache, for pieceBlock panels of n
	pieceBlock int
	panelBlock int // panels of k in a block
}

// transposeRows is the number of rows from which on transposing a block of W again is cheap.
const transposeRows = 512

// MatMulT sets (add: adds) dx[M][K] = dy[M][N]·W^T, W [K][N] packed. Blocks of W are
// transposed into scratch memory as they are needed.
func MatMulT(p *Pool, dx []float32, lddx int, dy []float32, lddy, m int, w []float32, k, n int, add bool) {
	g := inputGrad{dx: dx, lddx: lddx, dy: dy, lddy: lddy, m: m, w: w, k: k, n: n, add: add}
	need("MatMulT: dx", dx, m, lddx, k)
	need("MatMulT: dy", dy, m, lddy, n)
	need("MatMulT: w", w, 1, 0, PackedLen(k, n))
	panels := ceilDiv(k, NR)
	g.rowBlock = even(m, transposeRows)
	g.pieceBlock = even(ceilDiv(n, NR), max(4, blockFloats/(g.rowBlock*NR)))
	g.panelBlock = max(panels, 1)
	if t := p.Threads(); t > 1 {
		g.panelBlock = even(panels, max(1, panels/(2*t)))
	}
	blocks := ceilDiv(panels, g.panelBlock)
	if p.Threads() == 1 || blocks == 1 {
		s := p.at(0)
		for i := range blocks {
			g.block(i, s)
		}
		return
	}
	h := g
	p.Each(blocks, func(i, w int) { h.block(i, p.at(w)) })
}

// block computes some panels of dx columns.
func (g *inputGrad) block(i int, s *worker) {
	i0 := i * g.panelBlock
	i1 := min(i0+g.panelBlock, ceilDiv(g.k, NR))
	panels := ceilDiv(g.n, NR)
	for r0 := 0; r0 < g.m; r0 += g.rowBlock {
		r1 := min(r0+g.rowBlock, g.m)
		for j0 := 0; j0 < max(panels, 1); j0 += g.pieceBlock {
			j1 := min(j0+g.pieceBlock, panels)
			for i := i0; i < i1; i++ {
				wt := g.transposed(s, i*NR, j0, j1)
				g.sums(s, r0, r1, i*NR, j0, j1, wt)
			}
		}
	}
}

// transposed returns W^T for the panels j0..j1-1 and the rows k0..k0+31 of W, as [n][32].
func (g *inputGrad) transposed(s *worker, k0, j0, j1 int) []float32 {
	wt := grown(&s.panel, max(j1-j0, 0)*NR*NR)
	rows := min(NR, g.k-k0)
	for j := j0; j < j1; j++ {
		dst, src := wt[(j-j0)*NR*NR:][:NR*NR], g.w[j*g.k*NR+k0*NR:][:rows*NR]
		if rows < NR {
			buf := grown(&s.edge, NR*NR)
			clear(buf[copy(buf, src):])
			src = buf
		}
		use.transpose(dst, src)
	}
	return wt
}

// sums adds the steps of the panels j0..j1-1 to the columns k0.. of the rows r0..r1-1 of dx.
func (g *inputGrad) sums(s *worker, r0, r1, k0, j0, j1 int, wt []float32) {
	t := &s.tile
	t.Bias, t.Res, t.Panels = nil, nil, 1
	t.ARow, t.AK, t.B, t.BK, t.K, t.Load = g.lddy, 1, wt, NR, min(j1*NR, g.n)-j0*NR, 0
	if g.add || j0 > 0 {
		t.Load = 1
	}
	width := min(NR, g.k-k0)
	tileRows := even(r1-r0, use.tileRows)
	for r := r0; r < r1; r += tileRows {
		t.M = min(tileRows, r1-r)
		t.A = g.dy[r*g.lddy+j0*NR:]
		g.aheadOf(t, j0+(r-r0)/tileRows, j1, k0+NR)
		s.tileAt(g.dx[r*g.lddx+k0:], g.lddx, width)
	}
	t.Ahead, t.AheadStep = nil, 0
}

// aheadOf lets a tile prefetch the block of W at panel j, row k0: part of what is transposed next.
func (g *inputGrad) aheadOf(t *generic.Tile, j, j1, k0 int) {
	t.Ahead, t.AheadStep = nil, 0
	if j < j1 && k0 < g.k && t.K > 0 {
		t.Ahead, t.AheadStep = g.w[(j*g.k+k0)*NR:], ceilDiv(4*NR*NR, t.K)
	}
}
