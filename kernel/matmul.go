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
	Pre      []float32 // [M][ldc] or nil: receives the value before Act; unused with ActNone
	Residual []float32 // [M][LdRes] or nil, added at the end; may be c; not together with an Act
	LdRes    int
}

// product is one forward product, cut into blocks of rows and of panels.
type product struct {
	c, a, w    []float32
	ldc, lda   int
	m, k, n    int
	ep         Epilogue
	rowBlock   int // rows of a block: those of A stay in the L2 cache
	panelBlock int // panels of a block
}

const (
	blockFloats = 256 << 10 // of A in a block of rows: half of a 2 MB L2 cache
	blockK      = 1024      // most steps of a sum between two visits of C
)

// MatMul sets c[M][N] = act(a[M][K]·W + bias) + residual, W [K][N] packed.
func MatMul(p *Pool, c []float32, ldc int, a []float32, lda, m int, w []float32, k, n int, ep Epilogue) {
	g := product{c: c, ldc: ldc, a: a, lda: lda, m: m, w: w, k: k, n: n, ep: ep}
	if ep.Residual != nil && ep.Act != ActNone {
		panic("kernel: MatMul: an activation and a residual exclude each other")
	}
	panels := ceilDiv(n, NR)
	g.rowBlock = even(m, max(use.tileRows, blockFloats/max(min(k, blockK), 1)))
	g.panelBlock = even(panels, 16)
	if t := p.Threads(); t > 1 {
		g.panelBlock = min(g.panelBlock, max(4, panels/(4*t)))
	}
	blocks := ceilDiv(m, g.rowBlock) * ceilDiv(panels, g.panelBlock)
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

func ceilDiv(a, b int) int { return (a + b - 1) / b }

// even returns the size of the parts when n is cut into as few parts of at most limit as
// possible, all of nearly the same size.
func even(n, limit int) int { return max(1, ceilDiv(n, max(1, ceilDiv(n, limit)))) }

// block computes one block: the sums in pieces of blockK steps, then the activation row by row.
func (g *product) block(i int, s *worker) {
	panels := ceilDiv(g.n, NR)
	cols := ceilDiv(panels, g.panelBlock)
	r0 := i / cols * g.rowBlock
	r1 := min(r0+g.rowBlock, g.m)
	j0 := i % cols * g.panelBlock
	j1 := min(j0+g.panelBlock, panels)
	step := even(g.k, blockK)
	if g.ep.Residual != nil {
		step = max(g.k, 1) // c may be the residual: it must not hold partial sums
	}
	for k0 := 0; k0 < max(g.k, 1); k0 += step {
		g.sums(s, r0, r1, j0, j1, k0, min(k0+step, g.k))
	}
	g.finish(r0, r1, j0*NR, min(j1*NR, g.n))
}

// sums adds the steps k0..k1-1 to every tile of the block; the last piece adds the bias
// and, without an activation, the residual.
func (g *product) sums(s *worker, r0, r1, j0, j1, k0, k1 int) {
	t := &s.tile
	t.ARow, t.AK, t.BK, t.K, t.Load = g.lda, 1, NR, k1-k0, 0
	if k0 > 0 {
		t.Load = 1
	}
	last := k1 == g.k
	out := g.sumsTo()
	tileRows := even(r1-r0, use.tileRows)
	for j := j0; j < j1; j += t.Panels {
		col := j * NR
		t.Panels = g.panelsAt(j, j1, tileRows)
		t.PanelStep = g.k * NR
		t.B = g.w[j*g.k*NR+k0*NR:]
		if g.k == 0 {
			t.B = nil
		}
		t.Bias, t.Res = nil, nil
		if last && g.ep.Bias != nil && t.Panels > 0 {
			t.Bias = g.ep.Bias[col:]
		}
		if t.Panels == 0 { // cut off at the right
			t.Panels = 1
			g.edge(s, r0, r1, col, k0, last)
			continue
		}
		for r := r0; r < r1; r += tileRows {
			t.M = min(tileRows, r1-r)
			t.A = g.a[r*g.lda+k0:]
			t.C, t.LDC = out[r*g.ldc+col:], g.ldc
			if last && g.ep.Residual != nil {
				t.Res, t.LDRes = g.ep.Residual[r*g.ep.LdRes+col:], g.ep.LdRes
			}
			use.tile(t)
		}
	}
}

// sumsTo returns where the value before the activation goes.
func (g *product) sumsTo() []float32 {
	if g.ep.Act != ActNone && g.ep.Pre != nil {
		return g.ep.Pre
	}
	return g.c
}

// panelsAt returns how many panels the tiles at panel j may have, 0 if the panel is cut off.
func (g *product) panelsAt(j, j1, rows int) int {
	full := min(j1, g.n/NR) - j
	most := use.maxPanels(rows)
	if full >= most {
		return most
	}
	return min(full, 1)
}

// edge computes the tiles of the last, incomplete panel in scratch memory.
func (g *product) edge(s *worker, r0, r1, col, k0 int, last bool) {
	t, out := &s.tile, g.sumsTo()
	width := g.n - col
	buf := grown(&s.edge, use.tileRows*NR)
	tileRows := even(r1-r0, use.tileRows)
	for r := r0; r < r1; r += tileRows {
		t.M = min(tileRows, r1-r)
		t.A, t.C, t.LDC = g.a[r*g.lda+k0:], buf, NR
		if t.Load != 0 {
			for i := range t.M {
				clear(buf[i*NR+copy(buf[i*NR:][:width], out[(r+i)*g.ldc+col:]) : (i+1)*NR])
			}
		}
		use.tile(t)
		for i := range t.M {
			row := buf[i*NR:][:width]
			if last && g.ep.Bias != nil {
				use.add(row, g.ep.Bias[col:][:width])
			}
			if last && g.ep.Residual != nil {
				use.add(row, g.ep.Residual[(r+i)*g.ep.LdRes+col:][:width])
			}
			copy(out[(r+i)*g.ldc+col:], row)
		}
	}
}

// finish applies the activation to the columns c0..c1-1 of a block, row by row while it is in the cache.
func (g *product) finish(r0, r1, c0, c1 int) {
	act, pre := activation(g.ep.Act), g.sumsTo()
	if act == nil {
		return
	}
	for r := r0; r < r1; r++ {
		act(g.c[r*g.ldc+c0:r*g.ldc+c1], pre[r*g.ldc+c0:r*g.ldc+c1])
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
