package kernel

import (
	"slices"
	"testing"
	"time"
)

// Operations are cut as for all threads, items are measured in the order in which they are handed out, and what is not shared is in no region.
func TestTrace(t *testing.T) {
	p := NewPool(8)
	defer p.Close()
	var order []int
	got := p.traceBy(ticks(), func() {
		p.Each(3, func(i, w int) { order = append(order, 10*i+w) })
		p.Each(1, func(int, int) { order = append(order, 7) })
		p.Rows(0, 8*largeCut.least, 1<<30, func(q *Pool, _, _ int) {
			q.Each(2, func(int, int) {}) // part of the item
		})
	})
	if want := []int{20, 10, 0, 7}; !slices.Equal(order, want) {
		t.Errorf("got items %v, want %v", order, want)
	}
	const s = time.Second
	if len(got.Regions) != 2 || got.Regions[0].Name != "Each" || !slices.Equal(got.Regions[0].Items, []time.Duration{s, s, s}) ||
		got.Regions[1].Name != "Rows" || len(got.Regions[1].Items) != 8 || got.Wall != (4+9+1)*s {
		t.Errorf("got %+v", got)
	}
	p.Each(9, func(i, _ int) {})
	if p.tracer != nil || len(got.Regions) != 2 {
		t.Error("a Pool must not trace any more")
	}
	alone := NewPool(1)
	if got := alone.Trace(func() { alone.Each(5, func(int, int) {}) }); len(got.Regions) != 0 || got.Wall <= 0 {
		t.Errorf("one thread: got %+v", got)
	}
}

// A trace computes the bits that threads compute.
func TestTraceComputes(t *testing.T) {
	const m, k, n = 70, 320, 300
	product := func(p *Pool) []float32 {
		rng, y := newRand(1), make([]float32, m*n)
		x, w := newGuarded(rng, m*k).s(), newGuarded(rng, PackedLen(k, n)).s()
		MatMul(p, View(y, n), View(x, k), m, Packed{w, k, n}, Epilogue{Act: ActGELUTanh})
		return y
	}
	p := NewPool(4)
	defer p.Close()
	var y []float32
	got := p.Trace(func() { y = product(p) })
	if len(got.Regions) != 1 || got.Regions[0].Name != "MatMul" || len(got.Regions[0].Items) < 4 {
		t.Errorf("got %+v", got)
	}
	sameBits(t, "product", y, product(nil))
}
