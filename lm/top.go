package lm

import "pgsrm/kernel"

// topRows holds what lies above the keys and values of the last block: it is computed only for
// the rows that something is predicted from, when they are asked for first, one behind the other
// (T rows).
type topRows struct {
	rows  []int32         // [T] rows of the State
	slot  []int32         // [R] place of each row in rows, -1 if it was not asked for
	paths [][]int32       // [T] paths of the rows
	dists []rememberedRow // [T] what the sampler found out about a row, if it did

	q      []float32 // [T][qDim] queries
	acts   acts      // [T] the last block behind the queries; x is its input
	x      []float32 // [T][D] input of the final norm
	hidden []float32 // [T][D] final hidden states; of a model with norms behind the residual sums [R][D]
	mean   []float32 // [T]
	rstd   []float32 // [T]
	cap    int
}

func (t *topRows) reset() {
	t.rows, t.slot, t.paths = t.rows[:0], t.slot[:0], t.paths[:0]
	clear(t.dists)
	t.dists = t.dists[:0]
}

// Hidden returns the final hidden state of row r, which Forward has computed. [D], valid until
// the next Forward or Hidden
func (s *State) Hidden(r int32) []float32 {
	s.m.reach(s, []int32{r})
	return s.hidden(r)
}

// Bytes is about how much memory the activations of the rows take.
func (s *State) Bytes() int {
	c := s.m.Config
	row := c.Layers*c.qkvDim() + 2*c.Width
	if s.train {
		row += c.Layers * (4*c.Width + 2*c.FF)
	}
	return 4 * (s.Rows()*row + len(s.top.rows)*(5*c.Width+c.qDim()+3*c.FF))
}

// hidden is Hidden for a row that was reached.
func (s *State) hidden(r int32) []float32 {
	d := s.m.Config.Width
	at := int(s.top.place(r))
	return s.top.hidden[at*d : (at+1)*d]
}

// place is where row r lies in hidden.
func (t *topRows) place(r int32) int32 {
	if len(t.rows) == 0 { // norms behind the residual sums: all rows are there
		return r
	}
	return t.slot[r]
}

// reach computes the final hidden states of rows, as far as they are not there yet.
func (m *Model) reach(s *State, rows []int32) {
	if m.Config.PostNorm {
		return
	}
	t := &s.top
	t0 := len(t.rows)
	for _, r := range rows {
		if t.slot[r] < 0 {
			t.slot[r] = int32(len(t.rows))
			t.rows, t.paths, t.dists = append(t.rows, r), append(t.paths, s.paths[r]), append(t.dists, rememberedRow{})
		}
	}
	T := len(t.rows)
	if t0 == T {
		return
	}
	s.reserveTop()
	c, last, w := &m.Config, &s.acts[len(s.acts)-1], &m.layers[len(m.layers)-1]
	D, W, q := c.Width, c.qkvDim(), c.qDim()
	m.inBlocks(t0, T, func(p *kernel.Pool, t0, T int) {
		for i := t0; i < T; i++ {
			r := int(t.rows[i])
			copy(t.acts.x[i*D:(i+1)*D], last.x[r*D:])
			copy(t.q[i*q:(i+1)*q], last.qkv[r*W:])
		}
		a := s.block(p, &t.acts, t0, T-t0)
		x := c.split(last.qkv)
		x.Q = kernel.View(t.q[t0*q:T*q], q)
		kernel.Attention(p, kernel.View(a.att, q), x, t.paths[t0:T], c.attnShape())
		m.sublayers(p, w, &a, t.x[t0*D:], s.train, T-t0)
		m.norm(p, m.final, t.hidden, t.x, t.mean, t.rstd, t0, T)
	})
}

// reserveTop makes room for all rows of top.
func (s *State) reserveTop() {
	s.reserveWork()
	t, c := &s.top, s.m.Config
	need := len(t.rows)
	if need <= t.cap {
		return
	}
	t.cap = max(need, t.cap*3/2)
	grow := func(b *[]float32, width int) {
		fresh := kernel.Floats(t.cap * width)
		copy(fresh, *b)
		*b = fresh
	}
	grow(&t.q, c.qDim())
	grow(&t.acts.x, c.Width)
	if s.train {
		s.growActs(&t.acts, grow)
		grow(&t.x, c.Width)
	} else {
		t.x = t.acts.x
	}
	grow(&t.hidden, c.Width)
	grow(&t.mean, 1)
	grow(&t.rstd, 1)
}
