package kernel

import (
	"maps"
	"slices"
	"sync/atomic"
	"testing"
	"time"
)

// A clock that advances one second each time it is asked.
func ticks() func() time.Duration {
	var n atomic.Int64
	return func() time.Duration { return time.Duration(n.Add(1)) * time.Second }
}

// The time of all threads is that of operations, of waiting and the rest, in whatever way work was shared.
func TestTimesAddUp(t *testing.T) {
	eachPool(t, func(t *testing.T, p *Pool) {
		ops := operations()
		got := p.timeBy(ticks(), func() {
			for _, name := range slices.Sorted(maps.Keys(ops)) {
				ops[name](p)
			}
		})
		var sum time.Duration
		for _, o := range got.Ops {
			busy := time.Duration(0)
			for _, d := range o.Busy {
				busy += d
			}
			sum += busy
			if o.Calls < 1 || busy <= 0 || len(o.Busy) != p.Threads() {
				t.Errorf("%s: got %+v", o.Name, o)
			}
			if o.Name != "Rows" && (o.FLOPs > 0) == (o.Bytes > 0) && o.Name != "Each" {
				t.Errorf("%s: must have operations or bytes (got %v and %v)", o.Name, o.FLOPs, o.Bytes)
			}
		}
		for _, d := range got.Waiting {
			sum += d
		}
		if sum += got.Rest; sum != got.Wall*time.Duration(p.Threads()) || got.Rest <= 0 {
			t.Errorf("parts: got %v, want %d times %v", sum, p.Threads(), got.Wall)
		}
		if p.workers[0].timer != nil || p.workers[p.Threads()-1].timer != nil {
			t.Error("a Pool must not measure any more")
		}
	})
}

// One thread, a clock that ticks at each look: each item lasts a second, and what runs inside another is not counted twice.
func TestTimesOfNestedOperations(t *testing.T) {
	p := NewPool(1)
	x := make([]float32, 40*4)
	scale := NormWeights{Gamma: make([]float32, 4)}
	got := p.timeBy(ticks(), func() {
		p.Rows(0, 40, 0, func(p *Pool, lo, hi int) {
			RMSNorm(p, x[4*lo:], make([]float32, 40), x[4*lo:], scale, hi-lo)
			p.Each(2, func(int, int) {})
		})
		RMSNorm(p, x, make([]float32, 40), x, scale, 16)
	})
	want := map[string]OpTime{
		"Rows": {Calls: 1, Busy: []time.Duration{6 * time.Second}}, // one block: 11 looks at the clock, 5 items inside
		"Each": {Calls: 1, Busy: []time.Duration{2 * time.Second}}, // two items
		"RMSNorm": {Calls: 2, Busy: []time.Duration{4 * time.Second}, // three items of 16 rows and one
			Cost: Cost{Bytes: 4 * 4 * (40 + 16)}},
	}
	if len(got.Ops) != len(want) {
		t.Errorf("operations: got %+v", got.Ops)
	}
	for _, o := range got.Ops {
		w := want[o.Name]
		if o.Calls != w.Calls || o.Busy[0] != w.Busy[0] || o.Bytes != w.Bytes || o.FLOPs != 0 {
			t.Errorf("%s: got %+v, want %+v", o.Name, o, w)
		}
	}
	if got.Waiting[0] != 0 || got.Wall != 15*time.Second || got.Rest != 3*time.Second {
		t.Errorf("got waiting %v, wall %v, rest %v", got.Waiting, got.Wall, got.Rest)
	}
}

// The costs of products and of attention, whose paths count.
func TestCosts(t *testing.T) {
	p := NewPool(1)
	const m, k, n = 3, 40, 70
	x, y := make([]float32, m*k), make([]float32, m*n)
	w := Packed{make([]float32, PackedLen(k, n)), k, n}
	h := make([]float32, 3*4)
	q := QKV{View(h, 4), View(h, 4), View(h, 4)}
	paths := [][]int32{{0}, {0, 1}, nil}
	got := p.Time(func() {
		MatMul(p, View(y, n), View(x, k), m, w, Epilogue{})
		MatMulT(p, View(x, k), View(y, n), m, w, false)
		MatMulGrad(p, w, View(x, k), View(y, n), m, false)
		colSum(p, y[:n], View(y, n), m)
		Attention(p, View(h, 4), q, paths, AttnShape{1, 1, 4, 1})
		AttentionBackward(p, q, View(h, 4), q, paths, AttnShape{1, 1, 4, 1})
	})
	want := map[string]float64{
		"MatMul": 2 * m * k * n, "MatMulT": 2 * m * k * n, "MatMulGrads": 2 * m * k * n,
		"Attention": 2 * 2 * 4 * 3, "AttentionBackward": 2 * 4 * 4 * 3,
	}
	for _, o := range got.Ops {
		if o.FLOPs != want[o.Name] || o.Bytes != 0 {
			t.Errorf("%s: got %v operations and %v bytes, want %v", o.Name, o.FLOPs, o.Bytes, want[o.Name])
		}
	}
	if len(got.Ops) != len(want) {
		t.Errorf("got %d operations, want %d", len(got.Ops), len(want))
	}
}

func TestTimeOfNoPool(t *testing.T) {
	var p *Pool
	ran := false
	if got := p.timeBy(ticks(), func() { ran = true }); !ran || got.Wall != got.Rest || got.Wall != time.Second {
		t.Errorf("got %+v", got)
	}
}
