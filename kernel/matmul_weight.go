package kernel

import "pgsrm/kernel/internal/generic"

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
	need("MatMulGrad: dw", dw, 1, 0, PackedLen(k, n))
	need("MatMulGrad: x", x, m, ldx, k)
	need("MatMulGrad: dy", dy, m, lddy, n)
	panels := ceilDiv(n, NR)
	g.kBlock = even(k, gradBlockK)
	g.kBlock = ceilDiv(g.kBlock, use.tileRows) * use.tileRows
	g.kBlocks = ceilDiv(k, g.kBlock)
	g.panelBlock = max(panels, 1) // every block packs its part of x: no more of them than the threads need
	if t := p.Threads(); t > 1 && g.kBlocks > 0 {
		g.panelBlock = even(panels, max(1, panels/ceilDiv(3*t, g.kBlocks)))
	}
	g.nBlocks = ceilDiv(panels, g.panelBlock)
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
