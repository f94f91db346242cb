package kernel

import (
	"runtime"
	"time"
)

// Region is one operation that the threads of a Pool share: the time of each item, in the order in which items are handed out.
type Region struct {
	Name  string // of the operation, as in Cost
	Items []time.Duration
}

// Trace says what a function consists of: regions, and beside them what one thread does alone.
type Trace struct {
	Wall    time.Duration
	Regions []Region
}

// Trace calls f and measures each item of each operation. Operations are cut as for all threads of the Pool, but the calling thread does
// all items, one after another, so that what as many cores would do can be computed where there are fewer. On Linux times are those that the
// thread had a core. f must not call Trace or Time.
func (p *Pool) Trace(f func()) Trace {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	return p.traceBy(threadClock(), f)
}

// traceBy is Trace with a clock. A Pool of one thread has no regions.
func (p *Pool) traceBy(now func() time.Duration, f func()) Trace {
	p.tracer = &tracer{now: now}
	defer func() { p.tracer = nil }()
	begin := now()
	f()
	return Trace{now() - begin, p.tracer.regions}
}

// tracer measures items.
type tracer struct {
	now     func() time.Duration
	regions []Region
}

// region does the n items of a job.
func (t *tracer) region(j job, n int, s *worker) {
	r := Region{j.cost().Name, make([]time.Duration, 0, n)}
	since := t.now()
	for i := n - 1; i >= 0; i-- {
		s.do(j, i)
		end := t.now()
		r.Items = append(r.Items, end-since)
		since = end
	}
	t.regions = append(t.regions, r)
}
