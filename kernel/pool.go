package kernel

import (
	"runtime"
	"sync/atomic"
)

// Pool is a fixed set of workers with their scratch memory. The caller of an operation is worker
// 0, so a Pool of one thread starts no goroutine and runs everything inline. A Pool serves one
// operation at a time; a nil *Pool runs inline with scratch memory of its own for each call.
type Pool struct {
	workers []worker

	job    job
	jobs   jobs
	ticket atomic.Uint64 // job number << 32 | items not yet handed out
	done   atomic.Int64  // items finished
	size   int64
	busy   atomic.Bool
	closed atomic.Bool
	caller parker
}

// parker lets one goroutine sleep until another finds work for it.
type parker struct {
	asleep atomic.Bool
	wake   chan struct{}
}

// spins is how many times a thread yields while it waits, before it sleeps: some tens of microseconds.
const spins = 300

// NewPool starts n-1 workers (at least none); Close ends them.
func NewPool(n int) *Pool {
	n = max(n, 1)
	p := &Pool{workers: make([]worker, n)}
	p.caller.wake = make(chan struct{}, 1)
	for i := range p.workers {
		p.workers[i].wake, p.workers[i].id = make(chan struct{}, 1), i
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

// Close ends the workers. The Pool must be idle and is not used again.
func (p *Pool) Close() {
	if p == nil || p.closed.Swap(true) {
		return
	}
	for i := 1; i < len(p.workers); i++ {
		p.workers[i].rouse()
	}
}

// Each calls f(i, worker) for every i in 0..n-1 and returns when all calls have returned. Items are
// handed out one by one to whichever worker is free, so f must not depend on their order; worker is
// in 0..Threads()-1 and no two calls with the same worker run at once. f must not use the Pool.
func (p *Pool) Each(n int, f func(i, worker int)) {
	if n <= 0 {
		return
	}
	if p.Threads() == 1 || n == 1 {
		for i := range n {
			f(i, 0)
		}
		return
	}
	p.run(n, each(f))
}

// each makes a job of a function.
type each func(i, worker int)

func (f each) item(i int, s *worker) { f(i, s.id) }

// run does the items 0..n-1 of a job, n at least 1, on all threads, of which there are several.
func (p *Pool) run(n int, j job) {
	if p.busy.Swap(true) {
		panic("kernel: a Pool must not be used from inside its own Each, nor by two goroutines at once")
	}
	p.job, p.size = j, int64(n)
	p.done.Store(0)
	p.ticket.Store((p.ticket.Load()>>32+1)<<32 | uint64(n))
	for i := 1; i < min(n, len(p.workers)); i++ {
		p.workers[i].rouse()
	}
	p.work(0)
	p.caller.wait(func() bool { return p.done.Load() == p.size })
	p.job = nil
	p.busy.Store(false)
}

// take hands out one item of the current job.
func (p *Pool) take() (i int, ok bool) {
	for {
		t := p.ticket.Load()
		left := uint32(t)
		if left == 0 {
			return 0, false
		}
		if p.ticket.CompareAndSwap(t, t-1) {
			return int(left) - 1, true
		}
	}
}

// work runs items until none is left. An item in hand keeps the job alive, so job and size are
// stable while it runs.
func (p *Pool) work(id int) {
	for {
		i, ok := p.take()
		if !ok {
			return
		}
		p.job.item(i, &p.workers[id])
		size := p.size
		if p.done.Add(1) == size && id != 0 {
			p.caller.rouse()
		}
	}
}

func (p *Pool) loop(id int) {
	ready := func() bool { return uint32(p.ticket.Load()) != 0 || p.closed.Load() }
	for {
		p.workers[id].wait(ready)
		if p.closed.Load() {
			return
		}
		p.work(id)
	}
}

// wait returns when ready holds: it yields for a while, then sleeps.
func (k *parker) wait(ready func() bool) {
	for range spins {
		if ready() {
			return
		}
		runtime.Gosched()
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

// rouse wakes the sleeper, if it sleeps.
func (k *parker) rouse() {
	if k.asleep.Swap(false) {
		k.wake <- struct{}{}
	}
}

// spans cuts n rows into blocks of grain rows and calls f(lo, hi, worker) for each.
func (p *Pool) spans(n, grain int, f func(lo, hi, worker int)) {
	p.Each((n+grain-1)/grain, func(i, w int) { f(i*grain, min((i+1)*grain, n), w) })
}
