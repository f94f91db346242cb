package lm

import (
	"runtime"

	"pgsrm/kernel"
)

// Where activations lie: what the table says is allocated once, grows with the rows and is handed
// out as slices of the rows that a thread is at.

// buffers are activations with their table at hand.
type buffers struct {
	activations
	table [19]buffer
}

func (b *buffers) init(c *Config) { b.table = b.activations.list(c) }

// workspace is what a thread needs for the rows that it takes through a block: the slices of their
// activations and gradients, and room for those that are kept nowhere. That room is as long as a
// chain has rows, so it stays in the cache from one operation to the next.
type workspace struct{ a, d, scratch, dscratch buffers }

// shared is the memory that is of use only while an operation of the model is at work: all its States, and those of
// its reference, have it together.
type shared struct {
	headRoom
	work []workspace // [threads]
}

// backward is the memory of Backward beside what the forward kept.
type backward struct {
	grads      buffers // [R] gradients of the activations of the block that it is at
	recomputed buffers // [R] room for what it computes again
	block      buffers // what there is in full of the block that it is at: kept by the forward or recomputed
	room       int     // rows of all these

	hidden     []float32 // [T][D] gradients of the final hidden states
	finalNorm  []float32 // [NormParts(T, D)] gradients of the final norm's weights
	predicting int       // rows that there is room for in these and in grads.q

	norm1, norm2 []float32 // [NormParts(R, D)] gradients of the norms' weights, in parts: one for some rows
	qnorm, knorm []float32 // [R][NormParts(heads, headDim)] the same of query and key norms, one for each row

	low, dlow []float32 // [adapters of a block][room][rank] scale * x*A of each, and its gradient

	products []kernel.WeightGrad // of the block

	wt         []float32            // transposed weights of the block
	transposed map[*Param][]float32 // the part of wt of each
}

// aheadBytes bounds what is reserved for rows that are only expected. Room that no row comes to use is
// never written, so the system gives no memory for it.
const aheadBytes = 4 << 30

// expect says how many rows there will be at most, so that their room need not be made, and what is kept
// copied, several times on the way there.
func (s *State) expect(rows int) { s.expected = rows }

// roomFor is how much room is made for so many rows where there was less: all that are expected and some
// more for the next batch, which may be longer.
func (s *State) roomFor(rows, room, done int) int {
	if ahead := s.expected + s.expected/16; rows <= s.expected && ahead <= aheadBytes/s.rowBytes() {
		return ahead
	}
	if done == 0 { // a whole batch
		return rows + rows/16
	}
	return max(rows, room*3/2)
}

// reserve makes room for all rows. What is kept is copied to the new room.
func (s *State) reserve() {
	s.reserveThreads()
	if s.Rows() <= s.room {
		return
	}
	s.room = s.roomFor(s.Rows(), s.room, s.done)
	for l := range s.acts {
		a := &s.acts[l]
		s.grow(l, allRows, s.room, s.done)
		if !s.gathers(l) {
			s.grow(l, attending, s.room, s.done)
		}
		if !s.keeps(l, residualStream) {
			a.x = s.acts[0].x
		}
		if !s.keeps(l, cached) { // a chain goes from the keys and values of one block to those of the next
			a.qkv = s.acts[l%2].qkv
		}
	}
	if s.m.Config.PostNorm {
		s.enlarge(&s.final.hidden, s.room, s.m.Config.Width, s.done)
	}
}

// reservePredicting makes room for all rows that predict, of which the first ones are computed.
func (s *State) reservePredicting(done int) {
	s.reserveThreads()
	p, f, D := &s.predicting, &s.final, s.m.Config.Width
	need := len(p.rows)
	if need <= p.room {
		return
	}
	p.room = s.roomFor(need, p.room, done)
	s.grow(len(s.acts)-1, attending, p.room, done)
	for _, b := range []struct {
		data  *[]float32
		width int
	}{{&f.x, D}, {&f.mean, 1}, {&f.rstd, 1}, {&f.hidden, D}} {
		s.enlarge(b.data, p.room, b.width, done)
	}
}

// reserveThreads makes work space for the threads of the model, which may have changed since.
func (s *State) reserveThreads() {
	threads := s.m.Pool.Threads()
	s.m.lora.reserve(threads)
	if len(s.m.room.work) >= threads {
		return
	}
	s.m.room.work = make([]workspace, threads)
	for i := range s.m.room.work {
		w := &s.m.room.work[i]
		for _, b := range []*buffers{&w.a, &w.d, &w.scratch, &w.dscratch} {
			b.init(&s.m.Config)
		}
	}
}

// grow makes room for so many rows of what block l keeps of a part.
func (s *State) grow(l int, of part, rows, kept int) {
	for _, b := range s.acts[l].table {
		if b.of == of && s.keeps(l, b.value) {
			s.enlarge(b.data, rows, b.width, kept)
		}
	}
}

// collectBytes is how much room may be left behind before the memory of it is claimed back: the heap of
// a large model is far from a size at which that happens by itself.
const collectBytes = 64 << 20

// enlarge makes room for so many rows, of which the first ones are kept.
func (s *State) enlarge(b *[]float32, rows, width, kept int) {
	old := *b
	if s.left += 4 * len(old); kept == 0 {
		*b, old = nil, nil
	}
	if s.left > collectBytes {
		runtime.GC()
		s.left = 0
	}
	fresh := kernel.Floats(rows * width)
	copy(fresh, old)
	*b = fresh
}

// reserveBackward makes room for all rows and for those that predict.
func (s *State) reserveBackward() {
	s.reserveThreads()
	b, c := &s.back, &s.m.Config
	if b.room < s.Rows() {
		b.room = s.room
		fresh := func(data *[]float32, width int) { *data = kernel.Floats(b.room * width) }
		for _, g := range b.grads.table {
			if g.grad == whole {
				fresh(g.data, g.width)
			}
		}
		for _, a := range b.recomputed.table {
			if a.recomputed == whole && !s.keeps(0, a.value) {
				fresh(a.data, a.width)
			}
		}
		b.norm1 = kernel.Floats(kernel.NormParts(b.room, c.Width))
		b.norm2 = kernel.Floats(kernel.NormParts(b.room, c.Width))
		fresh(&b.qnorm, when(c.QKNorm, kernel.NormParts(c.Heads, c.HeadDim)))
		fresh(&b.knorm, when(c.QKNorm, kernel.NormParts(c.KVHeads, c.HeadDim)))
	}
	if n := s.m.lora.lowWidth() * b.room; len(b.low) < n {
		b.low, b.dlow = kernel.Floats(n), kernel.Floats(n)
	}
	if b.predicting < len(s.predicting.rows) {
		b.predicting = s.predicting.room
		b.hidden = kernel.Floats(b.predicting * c.Width)
		b.grads.q = kernel.Floats(b.predicting * c.qDim())
		b.finalNorm = kernel.Floats(kernel.NormParts(b.predicting, c.Width))
	}
}

// rowBytes is how much memory the activations of a row take that are kept until the next Reset.
func (s *State) rowBytes() int {
	return 4 * s.numbers(func(l int, of part) bool { return of == allRows || !s.gathers(l) })
}

// Bytes is how much memory the activations of all rows take that are kept until the next Reset.
func (s *State) Bytes() int {
	predicting := 2*s.m.Config.Width + s.numbers(func(l int, of part) bool { return of == attending && s.gathers(l) })
	if s.m.Config.PostNorm { // output of the last block
		return s.Rows() * (s.rowBytes() + 4*s.m.Config.Width)
	}
	return s.Rows()*s.rowBytes() + 4*len(s.predicting.rows)*predicting
}

// numbers is the width of all that is kept of some parts.
func (s *State) numbers(counts func(l int, of part) bool) (n int) {
	for l := range s.acts {
		for _, b := range s.acts[l].table {
			if s.keeps(l, b.value) && counts(l, b.of) {
				n += b.width
			}
		}
	}
	return n
}

// recall makes block the activations of block l.
func (s *State) recall(l int) {
	b := &s.back
	b.block.activations = s.acts[l].activations
	for i, x := range b.block.table {
		if *x.data == nil {
			*x.data = *b.recomputed.table[i].data
		}
	}
}

// span returns the activations of rows lo..hi-1 of a part of block l, for the thread of p:
// those that are kept as they lie, the others in its work space. Valid until its next span.
func (s *State) span(p *kernel.Pool, l int, of part, lo, hi int) *activations {
	return s.slices(p, l, &s.acts[l], of, lo, hi)
}

// recalled is span in Backward, where more is at hand in full.
func (s *State) recalled(p *kernel.Pool, l int, of part, lo, hi int) *activations {
	return s.slices(p, l, &s.back.block, of, lo, hi)
}

func (s *State) slices(p *kernel.Pool, l int, kept *buffers, of part, lo, hi int) *activations {
	w, D := &s.m.room.work[p.Worker()], s.m.Config.Width
	a := &w.a.activations
	for i := range w.a.table {
		switch b := &w.a.table[i]; {
		case b.of != of || b.value == none || b.value == gathered && !s.gathers(l):
		case *kept.table[i].data != nil:
			*b.data = (*kept.table[i].data)[lo*b.width : hi*b.width]
		default:
			*b.data = room(w.scratch.table[i].data, (hi-lo)*b.width)
		}
	}
	if of == attending {
		if a.x = a.residual; !s.gathers(l) { // else x is gathered there, and attention added to it
			a.x = s.acts[l].x[lo*D : hi*D]
		}
		a.out = s.output(l)[lo*D : hi*D]
	}
	return a
}

// output is where block l leaves its result: the input of the next block or of the final norm.
func (s *State) output(l int) []float32 {
	switch {
	case l+1 < len(s.acts):
		return s.acts[l+1].x
	case s.m.Config.PostNorm: // there is no final norm
		return s.final.hidden
	}
	return s.final.x
}

// gradients returns the gradients of the activations of rows lo..hi-1 of a part of the block
// that Backward is at, for the thread of p. Valid until its next gradients.
func (s *State) gradients(p *kernel.Pool, of part, lo, hi int) *activations {
	w := &s.m.room.work[p.Worker()]
	for i := range w.d.table {
		switch b := &w.d.table[i]; {
		case b.of != of:
		case b.grad == whole:
			*b.data = (*s.back.grads.table[i].data)[lo*b.width : hi*b.width]
		case b.grad == scratch:
			*b.data = room(w.dscratch.table[i].data, (hi-lo)*b.width)
		}
	}
	d := &w.d.activations
	if d.act = d.up; s.m.Config.Gated {
		d.act = d.gate
	}
	return d
}

// room returns n numbers of work space, which grows as needed.
func room(work *[]float32, n int) []float32 {
	if len(*work) < n {
		*work = kernel.Floats(n)
	}
	return (*work)[:n]
}
