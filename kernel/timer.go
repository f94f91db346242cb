package kernel

import (
	"slices"
	"strings"
	"time"
)

// Cost is what an operation cannot avoid: its floating-point operations (2 for each multiply-add) or, where those are few, the bytes
// that it reads.
type Cost struct {
	Name  string // of the function of this package
	FLOPs float64
	Bytes float64
}

// OpTime is what the calls of one operation took.
type OpTime struct {
	Cost  // of all calls
	Calls int
	Busy  []time.Duration // [threads] without the operations that ran inside it
}

// Times says where the time of a function went. Together the threads had Threads times Wall: Busy of all operations, Waiting and Rest.
// The operation "Each" is what callers did in parallel themselves, "Rows" what they did between the operations of a chain.
type Times struct {
	Wall    time.Duration
	Ops     []OpTime        // by name
	Waiting []time.Duration // [threads] for others: at the end of an operation, or, but for the first thread, for the next one
	Rest    time.Duration   // of the first thread, outside of operations
}

// Time calls f and measures what the Pool does meanwhile. f must not call Time itself. Otherwise nothing is measured, at the price of
// one comparison for each item of work.
func (p *Pool) Time(f func()) Times {
	start := time.Now()
	return p.timeBy(func() time.Duration { return time.Since(start) }, f)
}

// timeBy is Time with a clock, which all threads may ask at once.
func (p *Pool) timeBy(now func() time.Duration, f func()) Times {
	p = p.own()
	timers := make([]*timer, len(p.workers))
	for i := range timers {
		timers[i] = &timer{now: now, ops: map[string]*opTime{}}
		p.workers[i].timer = timers[i]
	}
	defer func() {
		for i := range p.workers {
			p.workers[i].timer = nil
		}
	}()
	begin := now()
	f()
	return times(now()-begin, timers)
}

// times puts together what the threads measured.
func times(wall time.Duration, timers []*timer) Times {
	out := Times{Wall: wall, Waiting: make([]time.Duration, len(timers))}
	all := map[string]*OpTime{}
	for i, t := range timers {
		idle := wall
		for name, o := range t.ops {
			sum := all[name]
			if sum == nil {
				sum = &OpTime{Cost: Cost{Name: name}, Busy: make([]time.Duration, len(timers))}
				all[name] = sum
			}
			sum.FLOPs += o.flops
			sum.Bytes += o.bytes
			sum.Calls += o.calls
			sum.Busy[i] = o.busy
			idle -= o.busy
		}
		out.Waiting[i] = idle
		if i == 0 {
			out.Waiting[0], out.Rest = t.waiting, idle-t.waiting
		}
	}
	for _, o := range all {
		out.Ops = append(out.Ops, *o)
	}
	slices.SortFunc(out.Ops, func(a, b OpTime) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// timer measures one thread.
type timer struct {
	now     func() time.Duration
	ops     map[string]*opTime
	inner   time.Duration // of the items that ended inside the one in work
	waiting time.Duration
}

// opTime is one operation on one thread.
type opTime struct {
	calls        int
	flops, bytes float64
	busy         time.Duration
}

func (t *timer) op(name string) *opTime {
	o := t.ops[name]
	if o == nil {
		o = new(opTime)
		t.ops[name] = o
	}
	return o
}

// begin counts a call of n items.
func (t *timer) begin(j job, n int) {
	if n <= 0 {
		return
	}
	c := j.cost()
	o := t.op(c.Name)
	o.calls++
	o.flops += c.FLOPs
	o.bytes += c.Bytes
}

// item does an item and measures it, less what runs inside.
func (t *timer) item(j job, i int, s *worker) {
	outer, since := t.inner, t.now()
	t.inner = 0
	j.item(i, s)
	took := t.now() - since
	t.op(j.cost().Name).busy += took - t.inner
	t.inner = outer + took
}

// time and waited do nothing without a timer.
func (t *timer) time() time.Duration {
	if t == nil {
		return 0
	}
	return t.now()
}

// waited adds the time since then.
func (t *timer) waited(since time.Duration) {
	if t != nil {
		t.waiting += t.now() - since
	}
}
