package kernel

// Act is the activation that an Epilogue applies.
type Act uint8

// The activations.
const (
	ActNone     Act = iota
	ActGELUTanh     // GELU, tanh form (GPT-2)
	ActGELUErf      // GELU, exact form (BERT)
	ActSiLU         // x*sigmoid(x)
)

// Epilogue is what MatMul does to a finished element: bias, then an activation or a residual.
type Epilogue struct {
	Bias     []float32 // [N] or nil
	Act      Act       // applied after the bias
	Pre      []float32 // with the stride of c, or nil: receives the value before Act; unused with ActNone
	Residual Matrix    // [M][N], if it has Data added at the end; may be c; not together with an Act
}

// product is one forward product, cut into blocks of rows and of panels.
type product struct {
	c, a       Matrix
	m          int
	w          Packed
	ep         Epilogue
	rowBlock   int // rows of a block: those of A stay in the L2 cache
	panelBlock int // panels of a block
}

const (
	blockRows    = 1020      // most rows of a block
	narrowRows   = 48        // least rows of a block, unless the columns are too few to give each thread some: all of them read the same panels
	smallWeights = 256 << 10 // elements of W up to which reading it again for every block of rows costs little
	pieceK       = 1024      // most steps of a sum between two visits of C: the panels of a tile stay in the L2 cache, from which they are read fast enough
	finishPanels = 8         // panels that are finished at once: still in the L2 cache, and long enough for one call a row
	singleK      = 4096      // the same for a block of one tile, which reads B once anyway
)

// pieces returns the length of the pieces that a sum of k steps is cut into.
func pieces(k, rows int) int {
	limit := pieceK
	if rows <= use.tileRows {
		limit = singleK
	}
	return (even(k, limit) + 15) &^ 15
}

// blocks returns how many blocks a product of that many multiply-adds is cut into: as few as keep all threads busy
// to the end, since every block packs its own operands.
func (p *Pool) blocks(work int) int {
	if t := p.Threads(); t == 1 {
		return 1
	} else if work < 256<<20 {
		return 2 * t
	} else {
		return 4 * t
	}
}

// split cuts the output of m rows and so many panels, whose product with every row needs weights
// multiply-adds, into blocks. Small weights are cheaper to read again than rows of A are to pack again. The narrowest block of columns
// is two panels, so many threads need more blocks of rows.
func (p *Pool) split(m, panels, weights, leastRows int) (rowBlock, panelBlock int) {
	blocks := p.blocks(m * weights)
	rows := min(blocks/2, m/240)
	if weights <= smallWeights && m/leastRows >= p.Threads() {
		rows = min(blocks, m/leastRows)
	}
	wide, least := max(1, ceilDiv(panels, 2)), max(leastRows, narrowRows)
	if wide < p.Threads() {
		least = leastRows
	}
	rows = max(rows, min(m/least, ceilDiv(blocks, wide)))
	rowBlock = min(max(1, even(m, blockRows)), max(1, ceilDiv(ceilDiv(m, max(1, rows)), use.tileRows))*use.tileRows)
	down := max(1, ceilDiv(m, rowBlock))
	panelBlock = ceilDiv(panels, max(1, blocks/down))
	if up := (panelBlock + 1) &^ 1; 4*down*ceilDiv(panels, max(1, up)) >= 3*blocks {
		return rowBlock, max(1, up)
	}
	return rowBlock, max(2, panelBlock&^1)
}

// MatMul sets c[M][N] = act(a[M][K]·W + bias) + residual.
func MatMul(p *Pool, c, a Matrix, m int, w Packed, ep Epilogue) {
	g := product{c: c, a: a, m: m, w: w, ep: ep}
	g.check()
	panels := ceilDiv(w.N, NR)
	g.rowBlock, g.panelBlock = p.split(m, panels, w.K*w.N, 2*use.tileRows)
	blocks := ceilDiv(m, g.rowBlock) * ceilDiv(panels, g.panelBlock)
	share(p, &g, blocks)
}

func (g *product) cost() Cost {
	return Cost{Name: "MatMul", FLOPs: 2 * float64(g.m) * float64(g.w.K) * float64(g.w.N)}
}

// check panics if a slice is too short or the epilogue is impossible.
func (g *product) check() {
	need("MatMul: c", g.c, g.m, g.w.N)
	need("MatMul: a", g.a, g.m, g.w.K)
	g.w.need("MatMul: w")
	if g.ep.Residual.Data != nil {
		need("MatMul: residual", g.ep.Residual, g.m, g.w.N)
		if g.ep.Act != ActNone {
			panic("kernel: MatMul: an activation and a residual exclude each other")
		}
	}
	if g.ep.Bias != nil {
		needLen("MatMul: bias", g.ep.Bias, g.w.N)
	}
	if g.ep.Pre != nil {
		need("MatMul: pre", View(g.ep.Pre, g.c.Stride), g.m, g.w.N)
	}
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }

// even returns the size of the parts when n is cut into as few parts of at most limit as
// possible, all of nearly the same size.
func even(n, limit int) int { return max(1, ceilDiv(n, max(1, ceilDiv(n, limit)))) }

// sums is one block in work: the rows r0..r1-1 of the panels j0..j1-1.
type sums struct {
	r0, r1, j0, j1 int
	out            Matrix // the block
}

// item computes one block: the sums in pieces of so many steps, with the last of them what is left of the epilogue.
func (g *product) item(i int, s *worker) {
	panels := ceilDiv(g.w.N, NR)
	cols := ceilDiv(panels, g.panelBlock)
	b := sums{r0: i / cols * g.rowBlock, j0: i % cols * g.panelBlock}
	b.r1, b.j1 = min(b.r0+g.rowBlock, g.m), min(b.j0+g.panelBlock, panels)
	step := pieces(g.w.K, b.r1-b.r0)
	b.out = View(g.c.from(b.r0, b.j0*NR), g.c.Stride)
	// Where c is the residual it must not hold partial sums; a panel that is cut off the tile cannot add to.
	res := g.ep.Residual.Data
	aside := res != nil && (step < g.w.K && &res[0] == &g.c.Data[0] || g.w.N%NR != 0)
	switch {
	case aside:
		width := (b.j1 - b.j0) * NR
		b.out = View(grown(&s.row, (b.r1-b.r0)*width), width)
	case g.ep.Act != ActNone && g.ep.Pre != nil:
		b.out.Data = g.ep.Pre[b.r0*g.c.Stride+b.j0*NR:]
	}
	for k0 := 0; k0 < max(g.w.K, 1); k0 += step {
		g.piece(s, &b, k0, min(k0+step, g.w.K), aside)
	}
}

// piece adds the steps k0..k1-1 to every tile of the block; the last piece adds the bias and finishes the panels of a tile while
// they are in the cache. aside tells that the sums are not kept in c.
func (g *product) piece(s *worker, b *sums, k0, k1 int, aside bool) {
	t := &s.tile
	t.Load = 0
	if k0 > 0 {
		t.Load = 1
	}
	last := k1 == g.w.K
	rows := s.packedRows(View(g.a.from(b.r0, k0), g.a.Stride), b.r1-b.r0, k1-k0)
	t.BStep, t.CStep = g.w.K*NR, NR
	finished := b.j0
	for j := b.j0; j < b.j1; j += t.Panels {
		t.Panels = rows.panelsAt(j, b.j1, g.w.N)
		width := min(t.Panels*NR, g.w.N-j*NR)
		t.B, t.Bias, t.Res = g.w.Data[(j*g.w.K+k0)*NR:], nil, nil
		if last && g.ep.Bias != nil {
			t.Bias = s.padded(g.ep.Bias[j*NR:], width)
		}
		if !aside && last && g.ep.Residual.Data != nil {
			t.Res, t.LDRes = g.ep.Residual.from(b.r0, j*NR), g.ep.Residual.Stride
		}
		if next := j + t.Panels; next < b.j1 {
			t.Ahead, t.AheadStep = g.w.Data[(next*g.w.K+k0)*NR:], rows.aheadStep(4*NR*t.Panels*(k1-k0))
		}
		s.columns(rows, View(b.out.from(0, (j-b.j0)*NR), b.out.Stride), width)
		if next := j + t.Panels; last && (next-finished >= finishPanels || next >= b.j1) {
			g.finish(b, finished, next, aside)
			finished = next
		}
	}
}

// panelsAt returns how many panels the tiles at panel j of n columns have. One that is cut off stands alone.
func (o operand) panelsAt(j, j1, n int) int {
	if most := use.maxPanels(o.tileRows); min(j1, n/NR)-j >= most {
		return most
	}
	return 1
}

// finish applies the activation to the panels j0..j1-1 of a block, row by row, or adds the residual to sums that were kept aside.
func (g *product) finish(b *sums, j0, j1 int, aside bool) {
	act := activation(g.ep.Act)
	if act == nil && !aside {
		return
	}
	c0, width := j0*NR, min(j1*NR, g.w.N)-j0*NR
	for r := b.r0; r < b.r1; r++ {
		c, sum := g.c.from(r, c0)[:width], b.out.from(r-b.r0, (j0-b.j0)*NR)[:width]
		if aside {
			copy(c, g.ep.Residual.from(r, c0)[:width])
			use.add(c, sum)
		} else if act != nil {
			act(c, sum)
		}
	}
}

func activation(a Act) func(out, x []float32) {
	switch a {
	case ActGELUTanh:
		return use.geluTanh
	case ActGELUErf:
		return use.geluErf
	case ActSiLU:
		return use.silu
	}
	return nil
}
