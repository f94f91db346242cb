package lm

import "pgsrm/kernel"

// State is a prefix tree of tokens with the activations of every row (R rows).
type State struct {
	m     *Model
	train bool
	again bool // Model.Recompute

	tokens []int32          // [R]
	pos    []int32          // [R] position of the row in its sequence
	paths  [][]int32        // [R] rows that the row attends to, in order of position
	grown  []bool           // [R] the row's path was extended in place by a child
	index  map[uint64]int32 // parent row and token -> row

	arena []int32 // storage of the paths
	done  int     // rows already computed by Forward

	acts []acts  // [L] activations of each layer; of the last one as far as top does not hold them
	top  topRows // the rows whose final hidden states were asked for
	cap  int     // rows that the activations have room for

	work    []acts // [threads] what a block of rows needs on its way through a block of the model, and nobody afterwards
	back    backBuffers
	logits  []float32 // [chunk][V]
	dlogits []float32 // [chunk][V]
	rowsH   []float32 // [chunk][D] gathered hidden states
	kept    []float32 // logits that the sampler left to dists
	lastRow []int32   // rows of logits, while they are the last that were computed
	lastT   float32   // and their temperature
	targets targetRows
}

// acts are the activations of one layer. A State without training keeps queries, keys and values of each
// layer and one x for all; one with training keeps all but n1, n2 and act, which Backward computes
// again, and with Recompute nothing behind qkv but one att for all layers.
type acts struct {
	x                          []float32 // [R][D] input of the block
	n1                         []float32 // [R][D] input of attention
	qkv                        []float32 // [R][qkvDim] queries, keys, values; rotated where rotary
	raw                        []float32 // [R][qDim+kvDim] queries and keys before their norm (QKNorm only)
	qkRstd                     []float32 // [R][Heads+KVHeads]
	att                        []float32 // [R][qDim]
	mid                        []float32 // [R][D] after the attention's residual sum
	n2                         []float32 // [R][D] input of the MLP
	pre                        []float32 // [R][F] before the activation
	gate                       []float32 // [R][F] gated MLP only
	act                        []float32 // [R][F] input of the down projection
	mean1, rstd1, mean2, rstd2 []float32 // [R]
}

// NewState returns a State for the model. With train set the activations that
// Backward needs are kept; else only keys and values.
func (m *Model) NewState(train bool) *State {
	return &State{m: m, train: train, again: train && m.Recompute, index: map[uint64]int32{}, acts: make([]acts, m.Config.Layers)}
}

// Reset forgets all rows; the buffers are kept.
func (s *State) Reset() {
	clear(s.index)
	s.tokens, s.pos, s.paths, s.grown = s.tokens[:0], s.pos[:0], s.paths[:0], s.grown[:0]
	s.arena, s.done = s.arena[:0], 0
	s.top.reset()
	s.lastRow, s.kept = s.lastRow[:0], s.kept[:0]
}

// Rows is the number of rows (distinct prefixes).
func (s *State) Rows() int { return len(s.tokens) }

// Path returns the rows that row r attends to, itself included. Read-only.
func (s *State) Path(r int32) []int32 { return s.paths[r] }

// AddSequence adds the tokens as a path from the root, sharing the rows of its
// longest prefix that is already there, and returns the row of each token. [len(tokens)]
func (s *State) AddSequence(tokens []int32) []int32 {
	rows := make([]int32, len(tokens))
	parent := int32(-1)
	for i, t := range tokens {
		parent = s.Add(parent, t)
		rows[i] = parent
	}
	return rows
}

// Add returns the row of the token behind the parent row (-1 = at the start of
// a sequence), which is a new one unless that prefix is already there.
func (s *State) Add(parent, token int32) int32 {
	key := uint64(uint32(parent))<<32 | uint64(uint32(token))
	if r, ok := s.index[key]; ok {
		return r
	}
	r := int32(len(s.tokens))
	s.index[key] = r
	s.push(token, s.extend(parent, r))
	return r
}

// AddBidirectional adds the tokens as one sequence in which every token sees
// all others (an encoder), and returns their rows. [len(tokens)]
func (s *State) AddBidirectional(tokens []int32) []int32 {
	path := s.alloc(len(tokens))
	first := int32(len(s.tokens))
	for i := range tokens {
		path[i] = first + int32(i)
	}
	for i, t := range tokens {
		s.push(t, path)
		s.pos[int(first)+i] = int32(i)
	}
	return path
}

func (s *State) push(token int32, path []int32) {
	s.tokens = append(s.tokens, token)
	s.pos = append(s.pos, int32(len(path)-1))
	s.paths = append(s.paths, path)
	s.grown = append(s.grown, false)
	s.top.slot = append(s.top.slot, -1)
}

// pathRoom is how many further tokens a path has room for before it is copied.
const pathRoom = 16

// extend returns the path of a child: the parent's path and the row itself. The
// first child of a row takes the parent's storage over, further ones copy it.
func (s *State) extend(parent, row int32) []int32 {
	if parent < 0 {
		p := s.alloc(1 + pathRoom)[:1]
		p[0] = row
		return p
	}
	old := s.paths[parent]
	if !s.grown[parent] && cap(old) > len(old) {
		s.grown[parent] = true
		return append(old, row)
	}
	p := s.alloc(2*len(old) + pathRoom)[:len(old)+1]
	copy(p, old)
	p[len(old)] = row
	return p
}

// alloc takes n numbers from the arena. A full arena is left to the paths that
// point into it and a larger one begun, so a steady state allocates nothing.
func (s *State) alloc(n int) []int32 {
	if len(s.arena)+n > cap(s.arena) {
		s.arena = make([]int32, 0, max(2*cap(s.arena), n, 1024))
	}
	at := len(s.arena)
	s.arena = s.arena[:at+n]
	return s.arena[at : at+n : at+n]
}

// reserve makes room for all rows in the activations.
func (s *State) reserve() {
	s.reserveWork()
	need := s.Rows()
	if need <= s.cap {
		return
	}
	c := &s.m.Config
	s.cap = max(need, s.cap*3/2)
	grow := func(b *[]float32, width int) {
		fresh := kernel.Floats(s.cap * width)
		copy(fresh, *b)
		*b = fresh
	}
	for l := range s.acts {
		a := &s.acts[l]
		grow(&a.qkv, c.qkvDim())
		if !s.train && l > 0 {
			a.x = s.acts[0].x
			continue
		}
		grow(&a.x, c.Width)
		if !s.train {
			continue
		}
		s.growKeys(a, grow)
		switch {
		case l == len(s.acts)-1 && !c.PostNorm: // top has the rest
		case s.again && l > 0:
			a.att = s.acts[0].att
		case s.again:
			grow(&a.att, c.qDim())
		default:
			s.growActs(a, grow)
		}
	}
	if c.PostNorm {
		grow(&s.top.hidden, c.Width)
	}
	if s.train {
		s.back.n1, s.back.n2, s.back.act = kernel.Floats(s.cap*c.Width), kernel.Floats(s.cap*c.Width), kernel.Floats(s.cap*c.FF)
	}
}

// reserveWork makes work space for the threads of the model, which may have changed since.
func (s *State) reserveWork() {
	if threads := s.m.Pool.Threads(); len(s.work) < threads {
		s.work = make([]acts, threads)
	}
}

// growKeys makes room for what leads to keys and values.
func (s *State) growKeys(a *acts, grow func(b *[]float32, width int)) {
	c := &s.m.Config
	grow(&a.mean1, 1)
	grow(&a.rstd1, 1)
	if c.QKNorm {
		grow(&a.raw, c.qDim()+c.kvDim())
		grow(&a.qkRstd, c.Heads+c.KVHeads)
	}
}

// growActs makes room for the rest of a block.
func (s *State) growActs(a *acts, grow func(b *[]float32, width int)) {
	c := &s.m.Config
	grow(&a.att, c.qDim())
	grow(&a.mid, c.Width)
	grow(&a.pre, c.FF)
	if c.Gated {
		grow(&a.gate, c.FF)
	}
	grow(&a.mean2, 1)
	grow(&a.rstd2, 1)
}

// block returns the activations of a from row r0 on, for the n rows that p works on: what is
// kept as it lies in a, the rest in work space, which stays in the caches.
func (s *State) block(p *kernel.Pool, a *acts, r0, n int) acts {
	c, k := &s.m.Config, &s.work[p.Worker()]
	var again acts
	if s.train && !kernel.Small(c.blockWeights()) { // too much for the caches: no room beside that of Backward
		again = acts{n1: s.back.n1, n2: s.back.n2, act: s.back.act}
	}
	from := func(kept []float32, work *[]float32, width int) []float32 {
		if kept != nil {
			return kept[r0*width : (r0+n)*width]
		}
		if len(*work) < n*width {
			*work = kernel.Floats(n * width)
		}
		return (*work)[:n*width]
	}
	b := acts{
		x: from(a.x, &k.x, c.Width), qkv: from(a.qkv, &k.qkv, c.qkvDim()),
		n1: from(again.n1, &k.n1, c.Width), n2: from(again.n2, &k.n1, c.Width), act: from(again.act, &k.act, c.FF),
		att: from(a.att, &k.att, c.qDim()), pre: from(a.pre, &k.pre, c.FF),
		mean1: from(a.mean1, &k.mean1, 1), rstd1: from(a.rstd1, &k.rstd1, 1),
		mean2: from(a.mean2, &k.mean2, 1), rstd2: from(a.rstd2, &k.rstd2, 1),
	}
	b.mid = b.x
	if s.train {
		b.mid = from(a.mid, &k.mid, c.Width)
	}
	if c.Gated {
		b.gate = from(a.gate, &k.gate, c.FF)
	}
	if c.QKNorm {
		b.raw, b.qkRstd = from(a.raw, &k.raw, c.qDim()+c.kvDim()), from(a.qkRstd, &k.qkRstd, c.Heads+c.KVHeads)
	}
	return b
}
