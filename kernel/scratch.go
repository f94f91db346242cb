package kernel

import "pgsrm/kernel/internal/generic"

// worker holds what one thread needs: its place to sleep and scratch memory.
type worker struct {
	parker
	id     int
	tile   generic.Tile
	panel  []float32   // packed operand of a matrix product
	pieces []float32   // the other operand, packed
	bias   [NR]float32 // the bias of an incomplete panel
	edge   []float32   // C of a tile that is cut off at the right
	row    []float32   // work space of one row
	head   generic.Attn
	timer  *timer // nil but during Time
	_      line
}

// grown returns a slice of n elements that reuses *s where it can; its content is arbitrary.
func grown(s *[]float32, n int) []float32 {
	if cap(*s) < n {
		*s = Floats(n)
	}
	return (*s)[:n]
}

// padded returns a bias that a whole panel can read.
func (s *worker) padded(bias []float32, width int) []float32 {
	if width >= NR {
		return bias
	}
	clear(s.bias[copy(s.bias[:], bias[:width]):])
	return s.bias[:]
}

// operand is A of some rows of a product, packed: in groups of group rows, each [k][rows of the group], which
// consist of tiles of tileRows rows.
type operand struct {
	a                     []float32
	rows, tileRows, group int
	k                     int
}

// packedRows packs k columns of some rows of a. A single row is packed as it is.
func (s *worker) packedRows(a Matrix, rows, k int) operand {
	o := operand{a: a.Data, rows: rows, tileRows: even(rows, use.tileRows), k: k}
	o.group = o.tileRows
	if rows == 1 {
		return o
	}
	o.a = grown(&s.pieces, rows*k)
	for r := 0; r < rows; r += o.tileRows {
		n := min(o.tileRows, rows-r)
		use.packRows(o.a[r*k:], a.from(r, 0), a.Stride, n, k)
	}
	return o
}

// aheadStep is how far apart the lines are that each second step of a column's tiles prefetches, so that all of
// them fetch so many bytes.
func (o operand) aheadStep(bytes int) int {
	return ceilDiv(2*bytes, max(1, o.k*(o.rows/o.tileRows)))
}

// columns runs the worker's tile, whose fields for B and the epilogue are set, on all rows of o: on panels
// of c or, where width is less than that of a panel, on part of one, which goes through scratch memory.
func (s *worker) columns(o operand, c Matrix, width int) {
	t := &s.tile
	t.K, t.LDC = o.k, c.Stride
	res := t.Res
	for r := 0; r < o.rows; r += t.Tiles * t.M {
		t.AK = min(o.group, o.rows-r/o.group*o.group)
		at := r % o.group
		t.M, t.Tiles, t.AStep = min(o.tileRows, t.AK-at), 1, o.tileRows
		if t.M == o.tileRows && width >= NR {
			if o.group == o.tileRows {
				t.Tiles, t.AStep = (o.rows-r)/t.M, t.M*o.k
			} else {
				t.Tiles = (t.AK - at) / t.M
			}
		}
		t.A = o.a[(r-at)*o.k+at:]
		if res != nil {
			t.Res = res[r*t.LDRes:]
		}
		if width >= NR {
			t.C = c.from(r, 0)
			use.tile(t)
		} else {
			s.edgeTile(View(c.from(r, 0), c.Stride), width)
		}
		t.Ahead, t.AheadStep = nil, 0
	}
}

// edgeTile runs the worker's tile on columns that are narrower than a panel.
func (s *worker) edgeTile(c Matrix, width int) {
	t := &s.tile
	buf := grown(&s.edge, NR*NR)
	if t.Load != 0 {
		for i := range t.M {
			row := buf[i*NR:][:NR]
			clear(row[copy(row, c.from(i, 0)[:width]):])
		}
	}
	t.C, t.LDC = buf, NR
	use.tile(t)
	for i := range t.M {
		copy(c.from(i, 0)[:width], buf[i*NR:])
	}
}
