package kernel

import (
	"runtime"
	"sync/atomic"
	"time"
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
	alone  []Pool // [threads] Pools of one thread each, with the memory of the workers
}

// parker lets one goroutine sleep until another finds work for it.
type parker struct {
	asleep atomic.Bool
	wake   chan struct{}
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

// RowUnit is what the blocks of Rows begin at multiples of, counted from the first row.
const RowUnit = normRows

// cut says how Rows cuts.
type cut struct {
	least int // fewest rows for each thread that are worth it
	most  int // most rows of a block
	cost  int // what a block costs beside its rows, in rows
}

// smallChain is the most weights of a chain of operations that stay in the L2 cache beside a block of rows.
const smallChain = 1 << 20

var (
	smallCut = cut{least: RowUnit, most: 128, cost: 6}
	largeCut = cut{least: 160, most: 512, cost: 30} // blocks read the weights from memory: the longer the better
)

// Small tells whether the weights of a chain of operations stay in the cache while blocks of rows go through it.
func Small(weights int) bool { return weights <= smallChain }

// Rows calls f for blocks that together are the rows from..to-1, on all threads at once, each with a Pool of one thread. It is for a chain of
// operations that each compute rows from the same rows: a block stays in the caches from one to the next, and the
// threads wait for each other once. weights is how many weights the chain multiplies each row with: the more, the longer are
// blocks. Where rows are too few for all threads, f is called once, with all of them and p itself.
func (p *Pool) Rows(from, to, weights int, f func(p *Pool, lo, hi int)) {
	n := to - from
	if n <= 0 {
		return
	}
	c := smallCut
	if !Small(weights) {
		c = largeCut
	}
	if n < c.least*p.Threads() || p.Threads() == 1 && !Small(weights) {
		f(p, from, to)
		return
	}
	size := c.rows(n, p.Threads())
	if p.Threads() == 1 { // p may be nil
		for lo := from; lo < to; lo += size {
			f(p, lo, min(lo+size, to))
		}
		return
	}
	share(p, &p.jobs.rows, rowBlocks{p, from, to, size, f}, ceilDiv(n, size))
}

// rows returns the number of rows of a block: that for which the last of the threads is done first.
func (c cut) rows(n, threads int) int {
	best, least := c.most, 0
	for size := c.most; size >= RowUnit; size -= RowUnit {
		blocks, rest := n/size, n%size
		time := ceilDiv(blocks, threads) * (size + c.cost)
		if blocks%threads == 0 && rest > 0 {
			time += rest + c.cost
		}
		if least == 0 || time < least {
			best, least = size, time
		}
	}
	return best
}

// rowBlocks is one Rows.
type rowBlocks struct {
	p              *Pool
	from, to, size int
	f              func(p *Pool, lo, hi int)
}

func (r *rowBlocks) item(i int, s *worker) {
	lo := r.from + i*r.size
	r.f(&r.p.alone[s.id], lo, min(lo+r.size, r.to))
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
