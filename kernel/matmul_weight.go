package kernel

import "pgsrm/kernel/internal/generic"

// weightGrad is one product x^T·dy, cut into blocks of the packed dw.
type weightGrad struct {
	add                bool
	dw, x, dy          []float32
	ldx, lddy          int
	m, k, n            int
	kBlock, panelBlock int
	nBlocks            int
}

const (
	gradRows   = 192 // rows of x and dy between two visits of dw: dy of a piece stays in the L1 cache
	gradBlockK = 384 // most rows of dw in a block
	gradPanels = 16  // most panels of dw in a block, which stays in the L2 cache beside packed x
)

// MatMulGrad sets (add: adds to) the packed dw [K][N] to x^T[K][M]·dy[M][N]. The padding of dw becomes (stays) zero.
func MatMulGrad(p *Pool, dw []float32, x []float32, ldx int, dy []float32, lddy, m, k, n int, add bool) {
	if m == 0 && !add {
		clear(dw[:PackedLen(k, n)])
	}
	g := weightGrad{add: add, dw: dw, x: x, ldx: ldx, dy: dy, lddy: lddy, m: m, k: k, n: n}
	need("MatMulGrad: dw", dw, 1, 0, PackedLen(k, n))
	need("MatMulGrad: x", x, m, ldx, k)
	need("MatMulGrad: dy", dy, m, lddy, n)
	panels := ceilDiv(n, NR)
	g.kBlock, g.panelBlock = ceilDiv(even(k, gradBlockK), generic.Group)*generic.Group, even(panels, gradPanels)
	if blocks := p.share(m * k * n); ceilDiv(k, g.kBlock)*ceilDiv(panels, g.panelBlock) < blocks {
		g.kBlock = min(g.kBlock, max(2*generic.Group, ceilDiv(ceilDiv(k, p.Threads()), generic.Group)*generic.Group))
		cols := max(1, blocks/max(1, ceilDiv(k, g.kBlock)))
		g.panelBlock = min(g.panelBlock, max(1, (ceilDiv(panels, cols)+1)&^1))
	}
	kBlocks := ceilDiv(k, g.kBlock)
	g.nBlocks = ceilDiv(panels, g.panelBlock)
	blocks := kBlocks * g.nBlocks
	if p.Threads() == 1 || blocks == 1 {
		s := p.at(0)
		for i := range blocks {
			g.block(i, s)
		}
		return
	}
	share(p, &p.jobs.weightGrad, g, blocks)
}

func (g *weightGrad) item(i int, s *worker) { g.block(i, s) }

// block computes one block of dw, gradRows rows of x and dy at a time.
func (g *weightGrad) block(i int, s *worker) {
	k0 := i / g.nBlocks * g.kBlock
	k1 := min(k0+g.kBlock, g.k)
	j0 := i % g.nBlocks * g.panelBlock
	j1 := min(j0+g.panelBlock, ceilDiv(g.n, NR))
	t := &s.tile
	t.Bias, t.Res = nil, nil
	for r0 := 0; r0 < g.m; r0 += gradRows {
		r1 := min(r0+gradRows, g.m)
		t.Load = 0
		if g.add || r0 > 0 {
			t.Load = 1
		}
		rows := g.packed(s, k0, k1, r0, r1)
		t.BStep, t.CStep = gradRows*NR, g.k*NR
		for j := j0; j < j1; j += t.Panels {
			t.Panels = rows.panelsAt(j, j1, j1*NR)
			t.B = g.panelsOf(s, j, t.Panels, r0, r1)
			s.columns(rows, g.dw[(j*g.k+k0)*NR:], NR, t.Panels*NR)
		}
	}
}

// packed returns the columns k0..k1-1 of the rows r0..r1-1 of x, packed as rows of x^T.
func (g *weightGrad) packed(s *worker, k0, k1, r0, r1 int) operand {
	o := operand{rows: k1 - k0, tileRows: use.tileRows, group: generic.Group, k: r1 - r0}
	o.a = grown(&s.pieces, o.rows*o.k)
	for k := k0; k < k1; k += o.group {
		dst, src := o.a[(k-k0)*o.k:], g.x[r0*g.ldx+k:]
		if k+o.group <= k1 {
			use.packCols(dst, src, g.ldx, o.k)
			continue
		}
		for r := range o.k {
			copy(dst[r*(k1-k):][:k1-k], src[r*g.ldx:])
		}
	}
	return o
}

// panelsOf copies the panels from j on of the rows r0..r1-1 of dy, padded with zeros: [panels][gradRows][32].
func (g *weightGrad) panelsOf(s *worker, j, panels, r0, r1 int) []float32 {
	all := grown(&s.panel, panels*gradRows*NR)
	for q := range panels {
		b, n0 := all[q*gradRows*NR:], (j+q)*NR
		width := min(NR, g.n-n0)
		if width == NR && r1 > r0 {
			dy := g.dy[r0*g.lddy+n0:]
			_ = dy[(r1-r0-1)*g.lddy+NR-1]
			use.slices(b, dy, r1-r0, NR, g.lddy)
			use.slices(b[16:], dy[16:], r1-r0, NR, g.lddy)
			continue
		}
		for r := r0; r < r1; r++ {
			row := b[(r-r0)*NR:][:NR]
			clear(row[copy(row, g.dy[r*g.lddy+n0:][:width]):])
		}
	}
	return all
}
