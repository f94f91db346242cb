package lm

import "pgsrm/kernel"

// activations are what the forward of a block computes for some rows, or the gradients
// of that. table says of each how wide a row is, of which rows it is and how long it is
// kept; block.go has the formulas and the letters.
type activations struct {
	x                  []float32 // input of the block: the residual stream
	attnMean, attnRstd []float32 // statistics of the norm before attention
	attnIn             []float32 // input of attention
	qkRaw, qkRstd      []float32 // queries and keys before their norm, and its statistics
	qkv                []float32 // queries, keys, values of a row side by side
	q                  []float32 // queries of the rows that predict, gathered
	attn               []float32 // output of attention: values, mixed
	residual           []float32 // the residual stream after attention
	mlpMean, mlpRstd   []float32 // statistics of the norm before the MLP
	mlpIn              []float32 // input of the MLP
	gate               []float32 // gate projection
	up                 []float32 // up projection; without a gate what the activation function takes
	act                []float32 // input of the down projection
	out                []float32 // output of the block: x of the next one
	outMean, outRstd   []float32 // statistics of the norm after the MLP
}

// part says which rows an activation is of.
type part uint8

const (
	allRows   part = iota // up to queries, keys and values: R
	attending             // from attention on: T, which is R but in the last block of a decoder
)

// keep is how long a State keeps an activation.
type keep uint8

const (
	none           keep = iota // not at all, or it is another's
	scratch                    // while some rows pass through the block, in room of their thread
	whole                      // while Backward is at a block, of all rows: gradients of weights are sums over them
	training                   // until Backward; with activation checkpointing Backward computes it again
	checkpointed               // until Backward
	gathered                   // until Backward, in the block that gathers the rows that attend
	residualStream             // until Backward; where a State only decodes, one room for all blocks
	cached                     // as long as the row: the key/value cache
)

// buffer is a line of the table of activations.
type buffer struct {
	data       *[]float32
	of         part
	width      int  // numbers a row; 0 if the model has no such activation
	value      keep // after the forward
	recomputed keep // in Backward, where it was not kept
	grad       keep // its gradient
}

// buffers are activations with their table at hand.
type buffers struct {
	activations
	table [19]buffer
}

func (b *buffers) init(c *Config) { b.table = b.activations.list(c) }

// list is the table: names and shapes of all activations; sizes and slices follow from it.
func (a *activations) list(c *Config) [19]buffer {
	D, Q, KV, W, F := c.Width, c.qDim(), c.kvDim(), c.qkvDim(), c.FF
	return [...]buffer{
		// name, rows, width, value, recomputed, gradient
		{&a.x, allRows, D, residualStream, none, whole},
		{&a.attnMean, allRows, 1, checkpointed, none, none},
		{&a.attnRstd, allRows, 1, checkpointed, none, none},
		{&a.attnIn, allRows, when(!c.PostNorm, D), scratch, whole, scratch},
		{&a.qkRaw, allRows, when(c.QKNorm, Q+KV), checkpointed, none, scratch},
		{&a.qkRstd, allRows, when(c.QKNorm, c.Heads+c.KVHeads), checkpointed, none, none},
		{&a.qkv, allRows, W, cached, none, whole},
		{&a.q, attending, Q, gathered, none, gathered},
		{&a.attn, attending, Q, training, whole, whole},
		{&a.residual, attending, D, training, scratch, whole},
		{&a.mlpMean, attending, 1, training, scratch, none},
		{&a.mlpRstd, attending, 1, training, scratch, none},
		{&a.mlpIn, attending, D, scratch, whole, scratch},
		{&a.gate, attending, when(c.Gated, F), training, scratch, whole},
		{&a.up, attending, F, training, scratch, whole},
		{&a.act, attending, F, scratch, whole, none}, // its gradient becomes that of gate, or without one of up, in place
		{&a.out, attending, D, none, none, whole},
		{&a.outMean, attending, when(c.PostNorm, 1), scratch, none, none},
		{&a.outRstd, attending, when(c.PostNorm, 1), scratch, none, none},
	}
}

// when is a width that only some models have.
func when(on bool, width int) int {
	if on {
		return width
	}
	return 0
}

// keeps tells whether block l keeps activations of that kind.
func (s *State) keeps(l int, k keep) bool {
	switch k {
	case cached:
		return true
	case residualStream:
		return s.train || l == 0
	case gathered:
		return s.train && s.gathers(l)
	case checkpointed:
		return s.train
	case training: // Backward begins with the last block: it is not worth a checkpoint
		return s.train && (!s.checkpointing || l == len(s.acts)-1)
	}
	return false
}

// gathers tells whether in block l only the rows attend that something is predicted from:
// in the last one, since nobody else looks at what lies above its keys and values. An
// encoder is asked for all rows.
func (s *State) gathers(l int) bool { return l == len(s.acts)-1 && !s.m.Config.PostNorm }

// reserve makes room for all rows. What is kept is copied to the new room.
func (s *State) reserve() {
	s.reserveThreads()
	need := s.Rows()
	if need <= s.room {
		return
	}
	s.room = max(need, s.room*3/2)
	for l := range s.acts {
		s.grow(l, allRows, s.room)
		if !s.gathers(l) {
			s.grow(l, attending, s.room)
		}
		if !s.keeps(l, residualStream) {
			s.acts[l].x = s.acts[0].x
		}
	}
	if s.m.Config.PostNorm {
		grow(&s.final.hidden, s.room, s.m.Config.Width)
	}
}

// reservePredicting makes room for all rows that predict.
func (s *State) reservePredicting() {
	s.reserveThreads()
	p, f, D := &s.predicting, &s.final, s.m.Config.Width
	need := len(p.rows)
	if need <= p.room {
		return
	}
	p.room = max(need, p.room*3/2)
	s.grow(len(s.acts)-1, attending, p.room)
	grow(&f.x, p.room, D)
	grow(&f.mean, p.room, 1)
	grow(&f.rstd, p.room, 1)
	grow(&f.hidden, p.room, D)
}

// reserveThreads makes work space for the threads of the model, which may have changed since.
func (s *State) reserveThreads() {
	threads := s.m.Pool.Threads()
	s.m.lora.reserve(threads)
	if len(s.work) >= threads {
		return
	}
	s.work = make([]workspace, threads)
	for i := range s.work {
		w := &s.work[i]
		for _, b := range []*buffers{&w.a, &w.d, &w.scratch, &w.dscratch} {
			b.init(&s.m.Config)
		}
	}
}

// grow makes room for so many rows of what block l keeps of a part.
func (s *State) grow(l int, of part, rows int) {
	for _, b := range s.acts[l].table {
		if b.of == of && s.keeps(l, b.value) {
			grow(b.data, rows, b.width)
		}
	}
}

// grow makes room for so many rows.
func grow(b *[]float32, rows, width int) {
	fresh := kernel.Floats(rows * width)
	copy(fresh, *b)
	*b = fresh
}

// Bytes is how much memory the activations of the rows take that are kept until the next Reset.
func (s *State) Bytes() int {
	numbers := len(s.predicting.rows) * 2 * s.m.Config.Width // input and output of the final norm
	for l := range s.acts {
		for _, b := range s.acts[l].table {
			switch {
			case !s.keeps(l, b.value):
			case b.of == attending && s.gathers(l):
				numbers += len(s.predicting.rows) * b.width
			default:
				numbers += s.Rows() * b.width
			}
		}
	}
	return 4 * numbers
}

// workspace is what a thread needs for the rows that it takes through a block: the slices of their
// activations and gradients, and room for those that are kept nowhere.
type workspace struct{ a, d, scratch, dscratch buffers }

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
	w, D := &s.work[p.Worker()], s.m.Config.Width
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
	w := &s.work[p.Worker()]
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
