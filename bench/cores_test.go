package bench

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"pgsrm/kernel"
)

// items are items of so many seconds.
func items(seconds ...float64) []time.Duration {
	var out []time.Duration
	for _, s := range seconds {
		out = append(out, time.Duration(s*1e9))
	}
	return out
}

// Items go one after another to the thread that is free first.
func TestMakespan(t *testing.T) {
	for _, c := range []struct {
		items  []time.Duration
		speeds []float64
		want   float64
	}{
		{items(4, 3, 2, 1), []float64{1}, 10},
		{items(4, 3, 2, 1), []float64{1, 1}, 5},  // 4+1, 3+2
		{items(1, 2, 3, 4), []float64{1, 1}, 6},  // 1+3, 2+4
		{items(2, 2), []float64{1, 1, 1}, 2},     // the third has nothing
		{items(1, 1, 1), []float64{1, 0.5}, 2},   // 1+1, and 1 in twice the time
		{items(4), []float64{1, 0.5}, 4},         // the first thread, which is fast
		{items(2, 2, 2), []float64{0.5, 0.5}, 8}, // two for one of them
		{nil, []float64{1, 1}, 0},
	} {
		if got := makespan(c.items, c.speeds).Seconds(); !near(got, c.want) {
			t.Errorf("%v, %v: got %v, want %v", c.items, c.speeds, got, c.want)
		}
	}
}

// The parts of a run add up to it.
func TestCountTrace(t *testing.T) {
	trace := kernel.Trace{Wall: 20 * time.Second, Regions: []kernel.Region{
		{Name: "a", Items: items(3, 3, 3)}, // two threads: 6
		{Name: "b", Items: items(5, 5)},    // 5, of cores of which one is half as fast 10
	}}
	var c Cores
	c.countTrace(trace, 2, time.Second/4)
	want := Cores{Seconds: 1 + 6 + 5 + 1, Shared: 9.5, Uneven: 1.5, Regions: 1, Serial: 1, Count: 2, Items: 3, Hybrid: 1 + 6 + 10 + 1}
	if c != want {
		t.Errorf("got  %+v\nwant %+v", c, want)
	}
	c = Cores{}
	c.countTrace(trace, 16, time.Second/4) // as many regions, each with as many threads as items
	want = Cores{Seconds: 1 + 3 + 5 + 1.25, Shared: 19.0 / 16, Uneven: 8 - 19.0/16, Regions: 1.25, Serial: 1, Count: 2, Items: 3, Hybrid: c.Hybrid}
	if c != want {
		t.Errorf("got  %+v\nwant %+v", c, want)
	}
	c = Cores{}
	if c.countTrace(kernel.Trace{Wall: time.Second}, 1, time.Second); c != (Cores{Seconds: 1, Shared: 1, Hybrid: 1}) {
		t.Errorf("one thread: got %+v", c)
	}
}

// Of two runs that are cut alike the least time of each item counts, of others the shorter run.
func TestFastest(t *testing.T) {
	trace := func(wall float64, name string, list ...float64) kernel.Trace {
		return kernel.Trace{Wall: time.Duration(wall * 1e9), Regions: []kernel.Region{{Name: name, Items: items(list...)}}}
	}
	for _, c := range []struct{ a, b, want kernel.Trace }{
		{trace(10, "a", 5, 3), trace(9, "a", 2, 4), trace(2+2+3, "a", 2, 3)},
		{trace(10, "a", 5, 3), trace(9, "b", 2, 4), trace(9, "b", 2, 4)},
		{trace(8, "a", 5, 3), trace(9, "a", 2, 4, 1), trace(8, "a", 5, 3)},
	} {
		got := fastest(c.a, c.b)
		if got.Wall != c.want.Wall || got.Regions[0].Name != c.want.Regions[0].Name || !slices.Equal(got.Regions[0].Items, c.want.Regions[0].Items) {
			t.Errorf("got %+v, want %+v", got, c.want)
		}
	}
}

// Steps and iterations are counted for each number of threads, and measured where there are as many.
func TestCountCores(t *testing.T) {
	a, b := tiny()
	for _, r := range []coreRow{{"step", steps(a)}, {"iteration", iterations(b, "grpo", b.group)}} {
		got, err := r.count(t.Context(), Options{Repeat: 1, Threads: 2}, []int{1, 2, 16}, time.Microsecond)
		if err != nil || len(got) != 3 {
			t.Fatalf("got %+v, %v", got, err)
		}
		for i, c := range got {
			parts := c.Shared + c.Uneven + c.Regions + c.Serial
			if c.Row != r.name || c.Threads != []int{1, 2, 16}[i] || (c.Measured == nil) != (i == 2) || !near(c.SpeedUp, got[0].Seconds/c.Seconds) ||
				parts-c.Seconds > 1e-8 || c.Seconds-parts > 1e-8 {
				t.Errorf("got %+v, parts %v", c, parts)
			}
			if i > 0 && (c.Count == 0 || c.Items < 2 || !(c.Serial > 0) || !(c.Uneven >= -1e-9) || c.Hybrid < c.Seconds-1e-9 || !near(c.Bound, got[0].Seconds/c.Serial)) {
				t.Errorf("got %+v", c)
			}
		}
	}
	if _, err := CountCores(t.Context(), Options{Only: []string{"start_s"}}); err == nil || err.Error() != `none of these rows is a step or an iteration of GRPO (got ["start_s"])` {
		t.Errorf("got %v", err)
	}
	if cost, err := regionCost(t.Context(), 10*time.Millisecond); err != nil || cost < 0 || cost > time.Second {
		t.Errorf("a region: got %v, %v", cost, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := CountCores(ctx, Options{Repeat: 1, Threads: 1}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	for _, r := range coreRows() {
		if !slices.Contains(rowNames(), r.name) {
			t.Errorf("%s is no row", r.name)
		}
	}
}
