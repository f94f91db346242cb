package kernel

import "pgsrm/kernel/internal/generic"

// inputGrad is one product with the transposed weights, cut into panels of dx columns.
type inputGrad struct {
	dx, dy, w  []float32
	lddx, lddy int
	m, k, n    int
	add        bool
	rowBlock   int
}

// transposedPanels is the length of the sum (over n) that one packed block of W^T covers, in panels.
const transposedPanels = 32

// MatMulT sets (add: adds) dx[M][K] = dy[M][N]·W^T, W [K][N] packed. Blocks of W are
// transposed into scratch memory as they are needed.
func MatMulT(p *Pool, dx []float32, lddx int, dy []float32, lddy, m int, w []float32, k, n int, add bool) {
	g := inputGrad{dx: dx, lddx: lddx, dy: dy, lddy: lddy, m: m, w: w, k: k, n: n, add: add}
	g.rowBlock = even(m, max(use.tileRows, blockFloats/(transposedPanels*NR)))
	blocks := ceilDiv(k, NR)
	if p.Threads() == 1 || blocks == 1 {
		s := p.at(0)
		for i := range blocks {
			g.panel(i, s)
		}
		return
	}
	h := g
	p.Each(blocks, func(i, w int) { h.panel(i, p.at(w)) })
}

// panel computes the columns 32i..32i+31 of dx.
func (g *inputGrad) panel(i int, s *worker) {
	panels := ceilDiv(g.n, NR)
	for j0 := 0; j0 < max(panels, 1); j0 += transposedPanels {
		j1 := min(j0+transposedPanels, panels)
		wt := g.transposed(s, i*NR, j0, j1)
		g.sums(s, i*NR, j0*NR, min(j1*NR, g.n), wt)
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

// sums adds the steps n0..n1-1 to the columns k0.. of dx.
func (g *inputGrad) sums(s *worker, k0, n0, n1 int, wt []float32) {
	t := &s.tile
	t.Bias, t.Res, t.Panels = nil, nil, 1
	t.ARow, t.AK, t.B, t.BK, t.K, t.Load = g.lddy, 1, wt, NR, n1-n0, 0
	if g.add || n0 > 0 {
		t.Load = 1
	}
	width := min(NR, g.k-k0)
	tileRows := even(g.m, use.tileRows)
	for r := 0; r < g.m; r += tileRows {
		t.M = min(tileRows, g.m-r)
		t.A = g.dy[r*g.lddy+n0:]
		s.tileAt(g.dx[r*g.lddx+k0:], g.lddx, width)
	}
}

// tileAt runs the worker's tile on c; one that is narrower than a panel goes through scratch memory.
func (s *worker) tileAt(c []float32, ldc, width int) {
	t := &s.tile
	if width >= NR {
		t.C, t.LDC = c, ldc
		use.tile(t)
		return
	}
	buf := grown(&s.edge, NR*NR)
	if t.Load != 0 {
		for i := range t.M {
			row := buf[i*NR:][:NR]
			clear(row[copy(row, c[i*ldc:][:width]):])
		}
	}
	t.C, t.LDC = buf, NR
	use.tile(t)
	for i := range t.M {
		copy(c[i*ldc:][:width], buf[i*NR:])
	}
}

// weightGrad is one product x^T·dy, cut into blocks of the packed dw.
type weightGrad struct {
	dw, x, dy          []float32
	ldx, lddy          int
	m, k, n            int
	kBlock, panelBlock int
	kBlocks, nBlocks   int
}

const (
	gradRows   = 256 // rows of x and dy between two visits of dw
	gradBlockK = 576 // rows of dw in a block: with gradRows, packed x that stays in the L2 cache
	packFrom   = 6   // panels of a block from which on packing x pays
	packWidth  = 16  // elements of a piece of packed x: one cache line, so tiles read it in order
)

// MatMulGrad adds x^T[K][M]·dy[M][N] to the packed dw [K][N]. The padding of dw stays zero.
func MatMulGrad(p *Pool, dw []float32, x []float32, ldx int, dy []float32, lddy, m, k, n int) {
	g := weightGrad{dw: dw, x: x, ldx: ldx, dy: dy, lddy: lddy, m: m, k: k, n: n}
	panels := ceilDiv(n, NR)
	g.kBlock = even(k, gradBlockK)
	g.kBlock = ceilDiv(g.kBlock, use.tileRows) * use.tileRows
	g.panelBlock = max(panels, 1)
	if t := p.Threads(); t > 1 {
		g.panelBlock = even(panels, max(1, panels/(2*t)))
	}
	g.kBlocks, g.nBlocks = ceilDiv(k, g.kBlock), ceilDiv(panels, g.panelBlock)
	blocks := g.kBlocks * g.nBlocks
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

// block computes one block of dw, gradRows rows of x and dy at a time.
func (g *weightGrad) block(i int, s *worker) {
	k0 := i / g.nBlocks * g.kBlock
	k1 := min(k0+g.kBlock, g.k)
	j0 := i % g.nBlocks * g.panelBlock
	j1 := min(j0+g.panelBlock, ceilDiv(g.n, NR))
	tileRows := even(k1-k0, use.tileRows)
	for r0 := 0; r0 < g.m; r0 += gradRows {
		r1 := min(r0+gradRows, g.m)
		var packed []float32
		if j1-j0 >= packFrom {
			packed = g.packed(s, k0, k1, r0, r1, tileRows)
		}
		for j := j0; j < j1; j++ {
			g.sums(s, j, k0, k1, r0, r1, tileRows, packed)
		}
	}
}

// packed returns the columns k0..k1-1 of the rows r0..r1-1 of x in pieces: [tile][row][packWidth].
func (g *weightGrad) packed(s *worker, k0, k1, r0, r1, tileRows int) []float32 {
	tiles, step := ceilDiv(k1-k0, tileRows), (r1-r0)*packWidth
	b := grown(&s.pieces, tiles*step)
	whole := (k1 - k0 - (packWidth - tileRows)) / tileRows // pieces that end before k1
	for r := r0; r < r1; r++ {
		src, dst := g.x[r*g.ldx+k0:][:k1-k0], b[(r-r0)*packWidth:]
		use.slices(dst, src, whole, step, tileRows)
		for i := max(whole, 0); i < tiles; i++ {
			copy(dst[i*step:][:packWidth], src[i*tileRows:])
		}
	}
	return b
}

// sums adds the rows r0..r1-1 to the rows k0..k1-1 of panel j of dw.
func (g *weightGrad) sums(s *worker, j, k0, k1, r0, r1, tileRows int, packed []float32) {
	t := &s.tile
	t.Bias, t.Res, t.Panels, t.Load = nil, nil, 1, 1
	t.ARow, t.AK, t.BK, t.K, t.LDC = 1, g.ldx, NR, r1-r0, NR
	if packed != nil {
		t.AK = packWidth
	}
	t.B = g.panelOf(s, j*NR, r0, r1)
	dw := g.dw[j*g.k*NR:][:g.k*NR]
	for k := k0; k < k1; k += tileRows {
		t.M = min(tileRows, k1-k)
		t.C = dw[k*NR:]
		t.Next = nil
		if k+2*tileRows <= k1 {
			t.Next = dw[(k+tileRows)*NR:]
		}
		g.aheadOf(t, j, (k-k0)/tileRows, r0)
		if packed != nil {
			t.A = packed[(k-k0)/tileRows*(r1-r0)*packWidth:]
		} else {
			t.A = g.x[r0*g.ldx+k:]
		}
		use.tile(t)
	}
	t.Next, t.Ahead, t.AheadStep = nil, nil, 0
}

// aheadOf lets the first tiles of panel j prefetch the next panel of dy: each one line of every row.
func (g *weightGrad) aheadOf(t *generic.Tile, j, tile, r0 int) {
	t.Ahead, t.AheadStep = nil, 0
	if at := (j+1)*NR + tile*16; tile <= NR/16 && at < g.n {
		t.Ahead, t.AheadStep = g.dy[r0*g.lddy+at:], 4*g.lddy
	}
}

// panelOf copies the columns n0..n0+31 of the rows r0..r1-1 of dy, padded with zeros.
func (g *weightGrad) panelOf(s *worker, n0, r0, r1 int) []float32 {
	b := grown(&s.panel, gradRows*NR)
	width := min(NR, g.n-n0)
	if width == NR && r1 > r0 {
		dy := g.dy[r0*g.lddy+n0:]
		_ = dy[(r1-r0-1)*g.lddy+NR-1]
		use.slices(b, dy, r1-r0, NR, g.lddy)
		use.slices(b[16:], dy[16:], r1-r0, NR, g.lddy)
		return b
	}
	for r := r0; r < r1; r++ {
		row := b[(r-r0)*NR:][:NR]
		clear(row[copy(row, g.dy[r*g.lddy+n0:][:width]):])
	}
	return b
}

// sumRows is the number of rows that ColSum adds up before it adds to the total.
const sumRows = 64

// ColSum adds the sum over the rows of dy [M][N] to db [N]: blocks of 64 rows, in order.
func ColSum(p *Pool, db []float32, dy []float32, lddy, m, n int) {
	const width = 256 // columns of a block: their partial sums stay in the L1 cache
	if p.Threads() == 1 || n <= width {
		s := p.at(0)
		for c := 0; c < n; c += width {
			columnSums(s, db[c:min(c+width, n)], dy[c:], lddy, m)
		}
		return
	}
	p.spans(n, width, func(lo, hi, w int) { columnSums(p.at(w), db[lo:hi], dy[lo:], lddy, m) })
}

func columnSums(s *worker, db, dy []float32, lddy, m int) {
	acc := grown(&s.row, len(db))
	for r0 := 0; r0 < m; r0 += sumRows {
		clear(acc)
		for r := r0; r < min(r0+sumRows, m); r++ {
			use.add(acc, dy[r*lddy:][:len(db)])
		}
		use.add(db, acc)
	}
}
