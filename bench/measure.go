package bench

import (
	"context"
	"runtime"
	"slices"
	"time"
)

// work is what a row measures.
type work struct {
	prepare func()       // makes the inputs of the next run, not measured; or nil
	run     func() error // measured
	limit   []cost       // of one run
	note    string       // what a reader of the row must know
}

// sample is the outcome of some runs.
type sample struct {
	runs          int
	median, least float64 // seconds
	allocs, bytes float64 // a run, median
	peak          float64 // 1e9 operations a second on registers, right after the runs, median; 0 = not measured
}

// Runs that do not count, and most runs of short work.
const (
	warmups  = 2
	mostRuns = 200
)

// measure runs w at least Repeat times, and short work until it has taken enough
// time for a median to stand. The context is looked at between runs. Where w has a limit, the peak of the machine is measured
// after each run: processors clock down under load, and other guests come and go.
func (s *session) measure(ctx context.Context, w work) (sample, error) {
	var times, allocs, bytes, peaks []float64
	var before, after runtime.MemStats
	var total time.Duration
	runtime.GC() // what the row before left
	for i := -warmups; i < s.Repeat || total < s.enough && i < mostRuns; i++ {
		if err := ctx.Err(); err != nil {
			return sample{}, err
		}
		if w.prepare != nil {
			w.prepare()
		}
		runtime.ReadMemStats(&before)
		begin := s.now()
		if err := w.run(); err != nil {
			return sample{}, err
		}
		took := s.now().Sub(begin)
		if i < 0 {
			continue
		}
		runtime.ReadMemStats(&after)
		total += took
		times = append(times, took.Seconds())
		if w.limit != nil {
			peaks = append(peaks, s.peakAfter(took))
		}
		allocs = append(allocs, float64(after.Mallocs-before.Mallocs))
		bytes = append(bytes, float64(after.TotalAlloc-before.TotalAlloc))
	}
	return sample{len(times), median(times), slices.Min(times), median(allocs), median(bytes), median(peaks)}, nil
}

// median of a slice, 0 if it is empty; it is sorted here.
func median(x []float64) float64 {
	if len(x) == 0 {
		return 0
	}
	slices.Sort(x)
	n := len(x)
	return (x[(n-1)/2] + x[n/2]) / 2
}
