package lm

import "pgsrm/kernel"

// State is a prefix tree of tokens with the activations of every row (R rows).
type State struct {
	m             *Model
	train         bool
	checkpointing bool // Model.Recompute
	mixed         bool // the outputs of attention are kept
	once          bool // all rows are computed by one Forward, see NewScoringState

	tokens []int32          // [R]
	pos    []int32          // [R] position of the row in its sequence
	paths  [][]int32        // [R] rows that the row attends to, in order of position
	grown  []bool           // [R] the row's path was extended in place by a child
	index  map[uint64]int32 // parent row and token -> row
	arena  []int32          // storage of the paths

	acts       []buffers // [L] what is kept of each block
	room       int       // rows that there is room for
	expected   int       // rows that there will be at most, as far as is known
	left       int       // bytes of room left behind since memory was claimed back
	done       int       // rows that Forward has computed
	predicting predicting
	final      finalNorm
	back       backward
	id         *stateID
	sampled    []float32 // logits that the sampler left, see sampledRow
	targets    targetRows
}

// predicting are the rows that something is predicted from, in the order in which they were
// first asked for (T rows). In the last block of a decoder they alone attend.
type predicting struct {
	rows    []int32      // [T] rows of the State
	slot    []int32      // [R] place of each row in rows, -1 if nothing is predicted from it
	paths   [][]int32    // [T] paths of the rows
	sampled []sampledRow // [T] the distribution that the sampler drew from, if it did
	room    int
}

func (p *predicting) reset() {
	p.rows, p.slot, p.paths = p.rows[:0], p.slot[:0], p.paths[:0]
	clear(p.sampled)
	p.sampled = p.sampled[:0]
}

// add adds row r unless it is there.
func (p *predicting) add(r int32, path []int32) {
	if p.slot[r] < 0 {
		p.slot[r] = int32(len(p.rows))
		p.rows, p.paths, p.sampled = append(p.rows, r), append(p.paths, path), append(p.sampled, sampledRow{})
	}
}

// NewState returns a State for the model. With train set the activations that
// Backward needs are kept; else only keys and values.
func (m *Model) NewState(train bool) *State {
	s := &State{m: m, id: new(stateID), train: train, checkpointing: train && m.Recompute, mixed: train && kernel.Small(m.Config.blockWeights()), index: map[uint64]int32{}, acts: make([]buffers, m.Config.Layers)}
	for l := range s.acts {
		s.acts[l].init(&m.Config)
	}
	for _, b := range []*buffers{&s.back.grads, &s.back.recomputed, &s.back.block} {
		b.init(&m.Config)
	}
	return s
}

// NewScoringState returns a State that neither trains nor decodes: all rows are added before
// one Forward, and Scores and hidden states are asked for after it. Keys and values of a block are
// forgotten once the next block has its own, so a row takes a small part of the memory of a row
// that can be continued. Reset begins anew.
func (m *Model) NewScoringState() *State {
	s := m.NewState(false)
	s.once = true
	return s
}

// Reset forgets all rows; the buffers are kept.
func (s *State) Reset() {
	s.expected = 0
	clear(s.index)
	s.tokens, s.pos, s.paths, s.grown = s.tokens[:0], s.pos[:0], s.paths[:0], s.grown[:0]
	s.arena, s.done = s.arena[:0], 0
	s.predicting.reset()
	s.sampled = s.sampled[:0]
	if s.m.room.of == s.id {
		s.m.room.forget()
	}
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

// Add returns the row of the token after the parent row (-1 = at the start of
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
	s.predicting.slot = append(s.predicting.slot, -1)
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
