package bench

import (
	"context"
	"fmt"
	"slices"
	"time"

	"pgsrm/kernel"
)

// Cores is what one run of a row takes with a number of threads: measured where there are as many cores, and counted.
//
// To count, the run is cut as for so many threads and done by one, which measures each item of each operation. Then items are
// handed out as the threads of a Pool take them, one after another to the thread that is free first:
//
//	seconds = serial + sum over regions of (end of the last item + cost of a region)
//
// Cores are taken to be alike, each as fast as the one that measured; memory and caches to grow with them.
type Cores struct {
	Row      string   `json:"row"`
	Threads  int      `json:"threads"`
	Measured *float64 `json:"measured"` // seconds, median; null where there are fewer cores
	Seconds  float64  `json:"seconds"`  // counted
	SpeedUp  float64  `json:"speed_up"` // against one thread, counted
	Bound    float64  `json:"bound"`    // of the speed-up, whatever the number of threads, by the serial part (Amdahl); 0 for one thread, whose work is in no regions

	// The parts of Seconds.
	Shared  float64 `json:"shared"`  // the items, if they could be shared evenly
	Uneven  float64 `json:"uneven"`  // threads that have nothing left to take
	Regions float64 `json:"regions"` // handing out work and waiting for the last thread
	Serial  float64 `json:"serial"`  // what one thread does between regions

	Count  int     `json:"count"`  // of regions
	Items  float64 `json:"items"`  // of a region, median
	Hybrid float64 `json:"hybrid"` // seconds, where every second core is half as fast
}

// The numbers of threads that are counted, and how a region's cost is measured.
var coreCounts = []int{1, 2, 4, 8, 16, 32, 64}

const (
	regionTime = time.Second
	regionWork = 20 * time.Microsecond // of an item, so that each thread takes one
)

// coreRow is a row that Cores are counted for.
type coreRow struct {
	name string
	open opener
}

// coreRows are steps and iterations of the three shapes.
func coreRows() []coreRow {
	var rows []coreRow
	for _, s := range []shape{shapeA(), shapeB(), shapeC()} {
		rows = append(rows, coreRow{"step_" + s.name + "_s", steps(s)}, coreRow{"iteration_" + s.name + "_grpo_s", iterations(s, "grpo", s.group)})
	}
	return rows
}

// CountCores counts steps and iterations of GRPO of the three shapes, or those of the rows only, for 1 to 64 threads, and measures
// them for up to so many threads as Options say.
func CountCores(ctx context.Context, o Options) ([]Cores, error) {
	rows := coreRows()
	if len(o.Only) > 0 {
		rows = slices.DeleteFunc(rows, func(r coreRow) bool { return !slices.Contains(o.Only, r.name) })
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("none of these rows is a step or an iteration of GRPO (got %q)", o.Only)
	}
	cost, err := regionCost(ctx, regionTime)
	if err != nil {
		return nil, err
	}
	var out []Cores
	for i, r := range rows {
		if o.Progress != nil {
			o.Progress(r.name, i, len(rows))
		}
		series, err := r.count(ctx, o, coreCounts, cost)
		if err != nil {
			return out, fmt.Errorf("%s: %w", r.name, err)
		}
		out = append(out, series...)
	}
	return out, nil
}

// count counts and measures one row with each number of threads.
func (r coreRow) count(ctx context.Context, o Options, threads []int, cost time.Duration) ([]Cores, error) {
	var out []Cores
	for _, n := range threads {
		s := newSession(Options{Repeat: o.Repeat, Threads: n}, 0)
		c, err := r.countOne(ctx, s, n <= o.Threads, cost)
		s.pool.Close()
		if err != nil {
			return out, err
		}
		out = append(out, c)
		last := &out[len(out)-1]
		if last.SpeedUp = out[0].Seconds / c.Seconds; c.Serial > 0 {
			last.Bound = out[0].Seconds / c.Serial
		}
	}
	return out, nil
}

// countOne counts, and with measured set measures, the row on the Pool of a session. A region costs so much for each thread.
func (r coreRow) countOne(ctx context.Context, s *session, measured bool, region time.Duration) (Cores, error) {
	w, err := r.open(s.pool)
	if err != nil {
		return Cores{}, err
	}
	n := s.pool.Threads()
	c := Cores{Row: r.name, Threads: n}
	if measured {
		t, err := s.measure(ctx, w)
		if err != nil {
			return c, err
		}
		c.Measured = &t.median
	}
	best, err := s.trace(ctx, w)
	if err != nil {
		return c, err
	}
	c.countTrace(best, n, region)
	return c, nil
}

// trace returns the least times of some traces of a run, after one that does not count.
func (s *session) trace(ctx context.Context, w work) (least kernel.Trace, err error) {
	for i := range s.Repeat + 1 {
		if err := ctx.Err(); err != nil {
			return least, err
		}
		if w.prepare != nil {
			w.prepare()
		}
		var failed error
		t := s.pool.Trace(func() { failed = w.run() })
		if failed != nil {
			return least, failed
		}
		if i <= 1 {
			least = t
		} else {
			least = fastest(least, t)
		}
	}
	return least, nil
}

// fastest is the least time of each item and of the rest in two traces that have the same regions; else the shorter one. An item that took long
// because something else was in the way would pass for one that other threads wait for.
func fastest(a, b kernel.Trace) kernel.Trace {
	alike := slices.EqualFunc(a.Regions, b.Regions, func(a, b kernel.Region) bool { return a.Name == b.Name && len(a.Items) == len(b.Items) })
	if !alike {
		if b.Wall < a.Wall {
			return b
		}
		return a
	}
	wall := min(serial(a), serial(b))
	for r := range a.Regions {
		for i, d := range b.Regions[r].Items {
			a.Regions[r].Items[i] = min(a.Regions[r].Items[i], d)
		}
		wall += sum(a.Regions[r].Items)
	}
	a.Wall = wall
	return a
}

// serial is the time beside regions.
func serial(t kernel.Trace) time.Duration {
	d := t.Wall
	for _, r := range t.Regions {
		d -= sum(r.Items)
	}
	return d
}

// countTrace sets all that a trace tells of a run with n threads.
func (c *Cores) countTrace(t kernel.Trace, n int, region time.Duration) {
	if n == 1 {
		c.Seconds = t.Wall.Seconds()
		c.Shared, c.Hybrid = c.Seconds, c.Seconds
		return
	}
	alike, hybrid := slices.Repeat([]float64{1}, n), slices.Repeat([]float64{1}, n)
	for i := 1; i < n; i += 2 {
		hybrid[i] = 0.5
	}
	var shared, ends, mixed, barriers time.Duration
	var items []int
	for _, r := range t.Regions {
		shared += sum(r.Items)
		ends += makespan(r.Items, alike)
		mixed += makespan(r.Items, hybrid)
		items = append(items, len(r.Items))
		barriers += region * time.Duration(min(n, len(r.Items)))
	}
	slices.Sort(items)
	if c.Count = len(items); c.Count > 0 {
		c.Items = float64(items[c.Count/2])
	}
	alone := serial(t)
	c.Serial, c.Regions = alone.Seconds(), barriers.Seconds()
	c.Shared = shared.Seconds() / float64(n)
	c.Uneven = ends.Seconds() - c.Shared
	c.Seconds = (alone + ends + barriers).Seconds()
	c.Hybrid = (alone + mixed + barriers).Seconds()
}

// makespan is when the last item ends that threads of these speeds take one after another, each as soon as it is free.
func makespan(items []time.Duration, speeds []float64) time.Duration {
	free := make([]float64, len(speeds)) // when each thread is
	for _, d := range items {
		next := 0
		for i, at := range free {
			if at < free[next] {
				next = i
			}
		}
		free[next] += float64(d) / speeds[next]
	}
	return time.Duration(slices.Max(free))
}

// regionCost is what a region costs for each thread that takes part: measured with two, as the least time beyond that of one item for each,
// when nothing else had their cores. What threads write there they write one after another, so the cost of a region is taken to grow with their number.
func regionCost(ctx context.Context, spent time.Duration) (time.Duration, error) {
	p := kernel.NewPool(2)
	defer p.Close()
	least := time.Hour
	for start := time.Now(); time.Since(start) < spent; {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		begin := time.Now()
		p.Each(2, func(int, int) {
			for since := time.Now(); time.Since(since) < regionWork; {
			}
		})
		least = min(least, time.Since(begin)-regionWork)
	}
	return least / 2, nil
}
