package kernel

import (
	"fmt"

	"pgsrm/kernel/internal/generic"
)

// worker holds what one thread needs: its place to sleep and scratch memory.
type worker struct {
	parker
	tile   generic.Tile
	adam   generic.Adam
	panel  []float32   // packed operand of a matrix product
	pieces []float32   // the other operand, packed
	bias   [NR]float32 // the bias of an incomplete panel
	edge   []float32   // C of a tile that is cut off at the right
	row    []float32   // work space of one row
	parts  []float32   // parameter gradients of blocks of rows
}

// at returns the scratch memory of one worker, of a fresh one for a nil Pool.
func (p *Pool) at(id int) *worker {
	if p == nil {
		return new(worker)
	}
	return &p.workers[id]
}

// grown returns a slice of n elements that reuses *s where it can; its content is arbitrary.
func grown(s *[]float32, n int) []float32 {
	if cap(*s) < n {
		*s = make([]float32, n)
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

// need panics unless s holds rows rows of width elements, ld apart: the assembly does not check.
func need(what string, s []float32, rows, ld, width int) {
	if rows <= 0 || width <= 0 {
		return
	}
	if n := (rows-1)*ld + width; ld < 0 || len(s) < n {
		panic(fmt.Sprintf("kernel: %s: must hold %d elements (got %d)", what, n, len(s)))
	}
}
