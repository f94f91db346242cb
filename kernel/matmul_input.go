package kernel

// inputGrad is one product with the transposed weights, cut into blocks of rows and of dx columns.
type inputGrad struct {
	dx, dy     Matrix
	m          int
	w          Packed
	add        bool
	rowBlock   int
	panelBlock int // panels of k in a block
}

// MatMulT sets (add: adds) dx[M][K] = dy[M][N]·W^T. Blocks of W are
// transposed into scratch memory as they are needed.
func MatMulT(p *Pool, dx, dy Matrix, m int, w Packed, add bool) {
	g := inputGrad{dx: dx, dy: dy, m: m, w: w, add: add}
	need("MatMulT: dx", dx, m, w.K)
	need("MatMulT: dy", dy, m, w.N)
	w.need("MatMulT: w")
	panels := ceilDiv(w.K, NR)
	g.rowBlock, g.panelBlock = p.split(m, panels, w.K*w.N, 96)
	blocks := ceilDiv(m, g.rowBlock) * ceilDiv(panels, g.panelBlock)
	share(p, &g, blocks)
}

func (g *inputGrad) cost() Cost {
	return Cost{Name: "MatMulT", FLOPs: 2 * float64(g.m) * float64(g.w.K) * float64(g.w.N)}
}

// item computes some panels of columns for some rows of dx, a piece of the sum after the other.
func (g *inputGrad) item(i int, s *worker) {
	panels := ceilDiv(g.w.K, NR)
	cols := ceilDiv(panels, g.panelBlock)
	r0, i0 := i/cols*g.rowBlock, i%cols*g.panelBlock
	r1, i1 := min(r0+g.rowBlock, g.m), min(i0+g.panelBlock, panels)
	t := &s.tile
	t.Bias, t.Res = nil, nil
	step := even(ceilDiv(g.w.N, NR), pieceK/NR)
	for j0 := 0; j0*NR < max(g.w.N, 1); j0 += step {
		j1 := min(j0+step, ceilDiv(g.w.N, NR))
		rows := s.packedRows(View(g.dy.from(r0, j0*NR), g.dy.Stride), r1-r0, min(j1*NR, g.w.N)-j0*NR)
		t.Load = 0
		if g.add || j0 > 0 {
			t.Load = 1
		}
		t.BStep, t.CStep = (j1-j0)*NR*NR, NR
		for i := i0; i < i1; i += t.Panels {
			t.Panels = rows.panelsAt(i, i1, g.w.K)
			t.B = g.transposed(s, i, t.Panels, j0, j1)
			s.columns(rows, View(g.dx.from(r0, i*NR), g.dx.Stride), min(t.Panels*NR, g.w.K-i*NR))
		}
	}
}

// transposed returns panels of W^T from panel i on, for the panels j0..j1-1 of W: [panels][n][32].
func (g *inputGrad) transposed(s *worker, i, panels, j0, j1 int) []float32 {
	wt := grown(&s.panel, panels*max(j1-j0, 0)*NR*NR)
	at := wt
	for k0 := i * NR; k0 < (i+panels)*NR; k0 += NR {
		rows := min(NR, g.w.K-k0)
		for j := j0; j < j1; j++ {
			src := g.w.Data[(j*g.w.K+k0)*NR:][:rows*NR]
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

// Transposition is a matrix W and the room for its transpose. With that, MatMul does what MatMulT does, without transposing W for
// each block of rows.
type Transposition struct {
	Dst []float32 // [PackedLen(W.N, W.K)]
	W   Packed
}

// Transpose sets the Dst of all ts.
func Transpose(p *Pool, ts ...Transposition) {
	items := 0
	for _, x := range ts {
		x.W.need("Transpose: w")
		needLen("Transpose: dst", x.Dst, PackedLen(x.W.N, x.W.K))
		items += ceilDiv(x.W.K, NR)
	}
	p = p.enter()
	l := &p.jobs.transposed
	l.list = append(l.list[:0], ts...)
	p.run(l, items)
	clear(l.list)
	p.leave()
}

// transposed is one Transpose; an item is a panel of a Dst.
type transposed struct{ list []Transposition }

func (l *transposed) cost() Cost {
	c := Cost{Name: "Transpose"}
	for _, t := range l.list {
		c.Bytes += 4 * float64(PackedLen(t.W.K, t.W.N))
	}
	return c
}

func (l *transposed) item(i int, s *worker) {
	for _, t := range l.list {
		if panels := ceilDiv(t.W.K, NR); i < panels {
			t.panel(i, s)
			return
		} else {
			i -= panels
		}
	}
}

// panel sets the panel of the rows 32i.. of W.
func (t *Transposition) panel(i int, s *worker) {
	K, N := t.W.K, t.W.N
	rows := min(NR, K-i*NR)
	for n := 0; n < N; n += NR {
		src, dst := t.W.Data[n*K+i*NR*NR:][:rows*NR], t.Dst[(i*N+n)*NR:]
		if rows == NR && n+NR <= N {
			use.transpose(dst[:NR*NR], src)
			continue
		}
		buf := grown(&s.edge, 2*NR*NR)
		from, to := buf[:NR*NR], buf[NR*NR:]
		clear(from[copy(from, src):])
		use.transpose(to, from)
		copy(dst[:min(NR, N-n)*NR], to)
	}
}
