package kernel

import "pgsrm/kernel/internal/generic"

// WeightGrad is the work on the gradients of one linear layer with inputs X [M][K] and output gradients DY [M][N]: DW [K][N] is
// set to X^T·DY or, with Add, that is added; the padding becomes (stays) zero. The sum of the rows of DY is added to DB: blocks of
// 64 rows, in order.
type WeightGrad struct {
	DW    Packed    // without Data: only DB is wanted
	Add   bool      // to DW
	DB    []float32 // [N] or nil
	X, DY Matrix
	M     int
}

// MatMulGrad sets (add: adds to) dw [K][N] to x^T[K][M]·dy[M][N].
func MatMulGrad(p *Pool, dw Packed, x, dy Matrix, m int, add bool) {
	MatMulGrads(p, WeightGrad{DW: dw, Add: add, X: x, DY: dy, M: m})
}

// MatMulGrads does the work of several layers at once, so that threads wait for each other once.
func MatMulGrads(p *Pool, grads ...WeightGrad) {
	total := 0
	for _, w := range grads {
		w.check()
		total += w.multiplyAdds()
	}
	budget := p.blocks(total)
	if p.Threads() > 1 && len(grads) > 1 {
		budget = 4 * p.Threads()
	}
	p = p.enter()
	l := &p.jobs.weightGrads
	l.list = l.list[:0]
	items := 0
	for _, w := range grads {
		g := newWeightGrad(w, max(1, budget*w.multiplyAdds()/max(1, total)))
		items += g.items()
		l.list = append(l.list, g)
	}
	p.run(l, items)
	clear(l.list)
	p.leave()
}

// weightGrads are the layers of one MatMulGrads.
type weightGrads struct{ list []weightGrad }

func (l *weightGrads) cost() Cost {
	c := Cost{Name: "MatMulGrads"}
	for i := range l.list {
		c.FLOPs += 2 * float64(l.list[i].multiplyAdds())
	}
	return c
}

func (l *weightGrads) item(i int, s *worker) {
	for at := range l.list {
		g := &l.list[at]
		n := g.items()
		if i >= n {
			i -= n
			continue
		}
		if sums := g.sums(); i < sums {
			columnSums(s, g.DB[i*sumWidth:min((i+1)*sumWidth, len(g.DB))], View(g.DY.Data[i*sumWidth:], g.DY.Stride), g.M)
		} else {
			g.block(i-sums, s)
		}
		return
	}
}

// weightGrad is a WeightGrad, cut into blocks of the packed dw and of columns of db.
type weightGrad struct {
	WeightGrad
	kBlock, panelBlock int
}

const (
	gradRows   = 192 // rows of x and dy between two visits of dw: dy of a piece stays in the L1 cache
	gradBlockK = 384 // most rows of dw in a block
	gradPanels = 16  // most panels of dw in a block, which stays in the L2 cache beside packed x
)

// multiplyAdds is the number of those that DW needs.
func (w *WeightGrad) multiplyAdds() int {
	if w.DW.Data == nil {
		return 0
	}
	return w.M * w.DW.K * w.DW.N
}

// check panics if a slice is too short.
func (w *WeightGrad) check() {
	need("MatMulGrad: dy", w.DY, w.M, max(len(w.DB), w.DW.N))
	if w.DW.Data != nil {
		w.DW.need("MatMulGrad: dw")
		need("MatMulGrad: x", w.X, w.M, w.DW.K)
	}
}

// newWeightGrad cuts the work, dw into at least so many blocks if it is large enough.
func newWeightGrad(w WeightGrad, blocks int) weightGrad {
	g := weightGrad{WeightGrad: w}
	if w.DW.Data == nil {
		return g
	}
	K, N := w.DW.K, w.DW.N
	if w.M == 0 && !w.Add {
		clear(w.DW.Data[:PackedLen(K, N)])
	}
	panels := ceilDiv(N, NR)
	// Each block of rows of dw packs dy for itself, each block of columns x: of the ways to cut into enough blocks
	// the one that packs least.
	least := 0
	for most := gradPanels; most > 0; most -= 2 {
		across := max(1, min(panels, (even(panels, most)+1)&^1))
		cols := max(1, ceilDiv(panels, across))
		down := even(K, max(2*generic.Group, min(gradBlockK, K/ceilDiv(blocks, cols))))
		down = ceilDiv(down, generic.Group) * generic.Group
		rows := max(1, ceilDiv(K, down))
		packed := (cols*K + rows*N) * ceilDiv(blocks, rows*cols)
		if least == 0 || packed < least {
			least, g.kBlock, g.panelBlock = packed, down, across
		}
	}
	return g
}

// sums is the number of blocks of db, the first items.
func (g *weightGrad) sums() int {
	return ceilDiv(len(g.DB), sumWidth)
}

// across is the number of blocks of dw beside each other.
func (g *weightGrad) across() int { return ceilDiv(ceilDiv(g.DW.N, NR), g.panelBlock) }

func (g *weightGrad) items() int {
	if g.DW.Data == nil {
		return g.sums()
	}
	return g.sums() + ceilDiv(g.DW.K, g.kBlock)*g.across()
}

// block computes one block of dw, gradRows rows of x and dy at a time.
func (g *weightGrad) block(i int, s *worker) {
	k0 := i / g.across() * g.kBlock
	k1 := min(k0+g.kBlock, g.DW.K)
	j0 := i % g.across() * g.panelBlock
	j1 := min(j0+g.panelBlock, ceilDiv(g.DW.N, NR))
	t := &s.tile
	t.Bias, t.Res = nil, nil
	for r0 := 0; r0 < g.M; r0 += gradRows {
		r1 := min(r0+gradRows, g.M)
		t.Load = 0
		if g.Add || r0 > 0 {
			t.Load = 1
		}
		rows := g.packed(s, k0, k1, r0, r1)
		t.BStep, t.CStep = gradRows*NR, g.DW.K*NR
		for j := j0; j < j1; j += t.Panels {
			t.Panels = rows.panelsAt(j, j1, j1*NR)
			t.B = g.panelsOf(s, j, t.Panels, r0, r1)
			s.columns(rows, View(g.DW.Data[(j*g.DW.K+k0)*NR:], NR), t.Panels*NR)
		}
	}
}

// packed returns the columns k0..k1-1 of the rows r0..r1-1 of x, packed as rows of x^T.
func (g *weightGrad) packed(s *worker, k0, k1, r0, r1 int) operand {
	o := operand{rows: k1 - k0, tileRows: use.tileRows, group: generic.Group, k: r1 - r0}
	o.a = grown(&s.pieces, o.rows*o.k)
	for k := k0; k < k1; k += o.group {
		dst, src := o.a[(k-k0)*o.k:], g.X.from(r0, k)
		if k+o.group <= k1 {
			use.packCols(dst, src, g.X.Stride, o.k)
			continue
		}
		for r := range o.k {
			copy(dst[r*(k1-k):][:k1-k], src[r*g.X.Stride:])
		}
	}
	return o
}

// panelsOf copies the panels from j on of the rows r0..r1-1 of dy, padded with zeros: [panels][gradRows][32].
func (g *weightGrad) panelsOf(s *worker, j, panels, r0, r1 int) []float32 {
	all := grown(&s.panel, panels*gradRows*NR)
	for q := range panels {
		b, n0 := all[q*gradRows*NR:], (j+q)*NR
		width := min(NR, g.DW.N-n0)
		if width == NR && r1 > r0 {
			dy, ld := g.DY.from(r0, n0), g.DY.Stride
			_ = dy[(r1-r0-1)*ld+NR-1]
			use.slices(b, dy, r1-r0, NR, ld)
			use.slices(b[16:], dy[16:], r1-r0, NR, ld)
			continue
		}
		for r := r0; r < r1; r++ {
			row := b[(r-r0)*NR:][:NR]
			clear(row[copy(row, g.DY.from(r, n0)[:width]):])
		}
	}
	return all
}
