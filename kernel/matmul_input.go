package kernel

// inputGrad is one product with the transposed weights, cut into blocks of rows and of dx columns.
type inputGrad struct {
	dx, dy, w  []float32
	lddx, lddy int
	m, k, n    int
	add        bool
	rowBlock   int
	panelBlock int // panels of k in a block
}

// MatMulT sets (add: adds) dx[M][K] = dy[M][N]·W^T, W [K][N] packed. Blocks of W are
// transposed into scratch memory as they are needed.
func MatMulT(p *Pool, dx []float32, lddx int, dy []float32, lddy, m int, w []float32, k, n int, add bool) {
	g := inputGrad{dx: dx, lddx: lddx, dy: dy, lddy: lddy, m: m, w: w, k: k, n: n, add: add}
	need("MatMulT: dx", dx, m, lddx, k)
	need("MatMulT: dy", dy, m, lddy, n)
	need("MatMulT: w", w, 1, 0, PackedLen(k, n))
	panels := ceilDiv(k, NR)
	g.rowBlock, g.panelBlock = p.split(m, panels, k*n, 96)
	blocks := ceilDiv(m, g.rowBlock) * ceilDiv(panels, g.panelBlock)
	if p.Threads() == 1 || blocks == 1 {
		s := p.at(0)
		for i := range blocks {
			g.block(i, s)
		}
		return
	}
	share(p, &p.jobs.inputGrad, g, blocks)
}

func (g *inputGrad) item(i int, s *worker) { g.block(i, s) }

// block computes some panels of columns for some rows of dx, a piece of the sum after the other.
func (g *inputGrad) block(i int, s *worker) {
	panels, cols := ceilDiv(g.k, NR), ceilDiv(ceilDiv(g.k, NR), g.panelBlock)
	r0, i0 := i/cols*g.rowBlock, i%cols*g.panelBlock
	r1, i1 := min(r0+g.rowBlock, g.m), min(i0+g.panelBlock, panels)
	t := &s.tile
	t.Bias, t.Res = nil, nil
	step := even(ceilDiv(g.n, NR), pieceK/NR)
	for j0 := 0; j0*NR < max(g.n, 1); j0 += step {
		j1 := min(j0+step, ceilDiv(g.n, NR))
		rows := s.packedRows(g.dy[r0*g.lddy+j0*NR:], g.lddy, r1-r0, min(j1*NR, g.n)-j0*NR)
		t.Load = 0
		if g.add || j0 > 0 {
			t.Load = 1
		}
		t.BStep, t.CStep = (j1-j0)*NR*NR, NR
		for i := i0; i < i1; i += t.Panels {
			t.Panels = rows.panelsAt(i, i1, g.k)
			t.B = g.transposed(s, i, t.Panels, j0, j1)
			s.columns(rows, g.dx[r0*g.lddx+i*NR:], g.lddx, min(t.Panels*NR, g.k-i*NR))
		}
	}
}

// transposed returns panels of W^T from panel i on, for the panels j0..j1-1 of W: [panels][n][32].
func (g *inputGrad) transposed(s *worker, i, panels, j0, j1 int) []float32 {
	wt := grown(&s.panel, panels*max(j1-j0, 0)*NR*NR)
	at := wt
	for k0 := i * NR; k0 < (i+panels)*NR; k0 += NR {
		rows := min(NR, g.k-k0)
		for j := j0; j < j1; j++ {
			src := g.w[j*g.k*NR+k0*NR:][:rows*NR]
			if rows < NR {
				buf := grown(&s.edge, NR*NR)
				clear(buf[copy(buf, src):])
				src = buf
			}
			use.transpose(at[:NR*NR], src)
			at = at[NR*NR:]
		}
	}
	return wt
}

// Transposition is a packed W [K][N] and the room for W^T [N][K], packed: dst [PackedLen(N, K)]. With that, MatMul does what MatMulT
// does, without transposing W for each block of rows.
type Transposition struct {
	Dst, W []float32
	K, N   int
}

// Transpose sets the Dst of all ts.
func Transpose(p *Pool, ts ...Transposition) {
	s := p.at(0)
	s.transposed = append(s.transposed[:0], ts...)
	t, items := transposed(s.transposed), 0
	for _, x := range ts {
		need("Transpose: w", x.W, 1, 0, PackedLen(x.K, x.N))
		need("Transpose: dst", x.Dst, 1, 0, PackedLen(x.N, x.K))
		items += ceilDiv(x.K, NR)
	}
	if p.Threads() == 1 {
		for i := range items {
			t.item(i, s)
		}
	} else {
		share(p, &p.jobs.transposed, t, items)
	}
	clear(s.transposed)
}

// transposed is one Transpose; an item is a panel of a Dst.
type transposed []Transposition

func (l *transposed) item(i int, s *worker) {
	for _, t := range *l {
		if panels := ceilDiv(t.K, NR); i < panels {
			t.panel(i, s)
			return
		} else {
			i -= panels
		}
	}
}

// panel sets the panel of the rows 32i.. of W.
func (t *Transposition) panel(i int, s *worker) {
	rows := min(NR, t.K-i*NR)
	for n := 0; n < t.N; n += NR {
		src, dst := t.W[n*t.K+i*NR*NR:][:rows*NR], t.Dst[(i*t.N+n)*NR:]
		if rows == NR && n+NR <= t.N {
			use.transpose(dst[:NR*NR], src)
			continue
		}
		buf := grown(&s.edge, 2*NR*NR)
		from, to := buf[:NR*NR], buf[NR*NR:]
		clear(from[copy(from, src):])
		use.transpose(to, from)
		copy(dst[:min(NR, t.N-n)*NR], to)
	}
}
