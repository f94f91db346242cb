package kernel

import "math"

// Each calls f(i, worker) for every i in 0..n-1 and returns when all calls have returned. Items are
// handed out one by one to whichever worker is free, so f must not depend on their order; worker is
// in 0..Threads()-1 and no two calls with the same worker run at once. f must not use the Pool, unless it has one thread.
func (p *Pool) Each(n int, f func(i, worker int)) {
	p = p.own()
	outer := p.jobs.each // on one thread calls may run inside calls
	share(p, &each{f, p.Worker()}, n)
	p.jobs.each = outer
}

// each is one Each.
type each struct {
	f     func(i, worker int)
	first int // worker of the Pool
}

func (e *each) item(i int, s *worker) { e.f(i, s.id-e.first) }
func (e *each) cost() Cost            { return Cost{Name: "Each"} }

// rowUnit is what the blocks of Rows begin at multiples of, counted from the first row.
const rowUnit = normRows

// cut says how Rows cuts.
type cut struct {
	least   int // fewest rows for each thread that are worth it
	threads int // of more threads so many must have rows
	most    int // most rows of a block
	cost    int // what a block costs beside its rows, in rows
}

// smallChain is the most weights of a chain of operations that stay in the L2 cache beside a block of rows.
const smallChain = 1 << 20

var (
	smallCut = cut{least: rowUnit, threads: 8, most: 128, cost: 6}
	largeCut = cut{least: 160, threads: math.MaxInt, most: 512, cost: 30} // blocks read the weights from memory: the longer the better
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
	if n < c.least*min(p.Threads(), c.threads) || p.Threads() == 1 && !Small(weights) {
		f(p, from, to)
		return
	}
	p = p.own()
	size := c.rows(n, p.Threads())
	outer := p.jobs.rows // as in Each
	share(p, &rowBlocks{p, from, to, size, f}, ceilDiv(n, size))
	p.jobs.rows = outer
}

// rows returns the number of rows of a block: that for which the last of the threads is done first.
func (c cut) rows(n, threads int) int {
	best, least := c.most, 0
	for size := c.most; size >= rowUnit; size -= rowUnit {
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
	r.f(r.p.one(s.id), lo, min(lo+r.size, r.to))
}

func (r *rowBlocks) cost() Cost { return Cost{Name: "Rows"} }

// one is the Pool of one thread of a worker.
func (p *Pool) one(id int) *Pool {
	if len(p.workers) == 1 {
		return p
	}
	return &p.alone[id]
}
