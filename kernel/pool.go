package kernel

import (
	"runtime"
	"sync/atomic"
	"time"
)

// Pool is a fixed set of workers with their scratch memory. The caller of an operation is worker
// 0, so a Pool of one thread starts no goroutine and runs everything inline. A Pool serves one
// operation at a time, except that one of a single thread runs a call inside another. A nil *Pool runs
// inline, with memory of its own for each call.
type Pool struct {
	workers []worker
	alone   []Pool  // [threads] Pools of one thread each, with the scratch memory of the workers
	tracer  *tracer // nil but during Trace

	job    job // in work
	jobs   jobs
	size   int64
	busy   atomic.Bool
	closed atomic.Bool
	caller parker

	// What all threads write is apart from what they only read, and from each other.
	_    line
	left atomic.Int64 // items not yet handed out; less than 0 where threads have asked for more
	_    line
	done atomic.Int64 // items finished, as far as threads have told
	_    line
}

// line keeps its neighbours in different cache lines, of which processors fetch two at a time.
type line [128]byte

// parker lets one goroutine sleep until another finds work for it.
type parker struct {
	asleep atomic.Bool
	wake   chan struct{}
	_      line // others look at asleep
}

const (
	looks    = 2000                 // how often a waiting thread looks for work before it lets other goroutines run: some microseconds
	patience = 2 * time.Millisecond // how long it waits before it sleeps: waking it takes up to half a millisecond on a virtual machine
)

// NewPool starts n-1 workers (at least none); Close ends them.
func NewPool(n int) *Pool {
	n = max(n, 1)
	p := &Pool{workers: make([]worker, n), alone: make([]Pool, n)}
	p.caller.wake = make(chan struct{}, 1)
	for i := range p.workers {
		p.workers[i].wake, p.workers[i].id = make(chan struct{}, 1), i
		p.alone[i].workers = p.workers[i : i+1]
	}
	for i := 1; i < n; i++ {
		go p.loop(i)
	}
	return p
}

// Threads reports the number of workers, the caller included.
func (p *Pool) Threads() int {
	if p == nil {
		return 1
	}
	return len(p.workers)
}

// Worker is the number of the first worker: in the function that Rows was given, of the thread that runs it.
func (p *Pool) Worker() int {
	if p == nil {
		return 0
	}
	return p.workers[0].id
}

// Close ends the workers. The Pool must be idle and is not used again.
func (p *Pool) Close() {
	if p == nil || p.closed.Swap(true) {
		return
	}
	for i := 1; i < len(p.workers); i++ {
		p.workers[i].rouse()
	}
}

// job is parallel work: an operation of this package or a function of the caller.
type job interface {
	item(i int, s *worker) // does the i-th piece, with the scratch memory of one thread
	cost() Cost            // what the whole is, for Time
}

// share does the n items of a job: the one way into parallel work. On one thread, or with one item, they run here and now, else on
// all threads. Meanwhile the job stands in the Pool's memory, since a job on the stack would be moved to the heap at every call.
func share[T any, J interface {
	*T
	job
	of(*jobs) *T
}](p *Pool, j *T, n int) {
	p = p.enter()
	slot := J(nil).of(&p.jobs)
	*slot = *j
	p.run(J(slot), n)
	*slot = *new(T) // the Pool must not keep the buffers of an operation alive
	p.leave()
}

// own is p or, of a nil Pool, a new one of one thread.
func (p *Pool) own() *Pool {
	if p == nil {
		return &Pool{workers: make([]worker, 1)}
	}
	return p
}

// enter is own at the start of an operation, before which a Pool of several threads must be idle; leave ends it.
func (p *Pool) enter() *Pool {
	p = p.own()
	if len(p.workers) > 1 && p.busy.Swap(true) {
		panic("kernel: a Pool must not be used from inside its own Each, nor by two goroutines at once")
	}
	return p
}

func (p *Pool) leave() {
	if len(p.workers) > 1 {
		p.busy.Store(false)
	}
}

// run is share for one of the jobs of the Pool, between enter and leave.
func (p *Pool) run(j job, n int) {
	s := &p.workers[0]
	if s.timer != nil {
		s.timer.begin(j, n)
	}
	if len(p.workers) == 1 || n <= 1 {
		for i := range n {
			s.do(j, i)
		}
		return
	}
	if p.tracer != nil {
		p.tracer.region(j, n, s)
		return
	}
	p.job, p.size = j, int64(n)
	p.done.Store(0)
	p.left.Store(int64(n))
	for i := 1; i < min(n, len(p.workers)); i++ {
		p.workers[i].rouse()
	}
	p.work(0)
	since := s.timer.time()
	p.caller.wait(func() bool { return p.done.Load() == p.size })
	s.timer.waited(since)
	p.job = nil
}

// do does one item of a job on the worker's thread.
func (s *worker) do(j job, i int) {
	if s.timer != nil {
		s.timer.item(j, i, s)
		return
	}
	j.item(i, s)
}

// take hands out one item of the current job, the last one first. It writes once, however many threads ask.
func (p *Pool) take() (i int, ok bool) {
	if p.left.Load() <= 0 {
		return 0, false
	}
	i = int(p.left.Add(-1))
	return i, i >= 0
}

// work runs items until none is left, and then tells how many. Until it has told, the job cannot end, so job
// and size are stable.
func (p *Pool) work(id int) {
	i, ok := p.take()
	if !ok {
		return
	}
	j, size, finished := p.job, p.size, int64(0)
	for ; ok; i, ok = p.take() {
		p.workers[id].do(j, i)
		finished++
	}
	if p.done.Add(finished) == size && id != 0 {
		p.caller.rouse()
	}
}

func (p *Pool) loop(id int) {
	ready := func() bool { return p.left.Load() > 0 || p.closed.Load() }
	for {
		p.workers[id].wait(ready)
		if p.closed.Load() {
			return
		}
		p.work(id)
	}
}

// wait returns when ready holds: it looks again and again, now and then lets other goroutines run, then sleeps.
func (k *parker) wait(ready func() bool) {
	for start := time.Now(); time.Since(start) < patience; runtime.Gosched() {
		for range looks {
			if ready() {
				return
			}
		}
	}
	for !ready() {
		k.asleep.Store(true)
		if ready() {
			if !k.asleep.Swap(false) {
				<-k.wake // a waker was quicker: take its token
			}
			return
		}
		<-k.wake
	}
}

// rouse wakes the sleeper, if it sleeps. It only reads what concerns a thread that is awake.
func (k *parker) rouse() {
	if k.asleep.Load() && k.asleep.Swap(false) {
		k.wake <- struct{}{}
	}
}
