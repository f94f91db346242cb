package kernel

import (
	"math"

	"pgsrm/kernel/internal/generic"
)

// AttnShape is the shape of attention. KVHeads divides Heads (grouped-query attention); query head h
// uses key and value head h/(Heads/KVHeads). Scale multiplies the scores, usually 1/sqrt(HeadDim).
type AttnShape struct {
	Heads, KVHeads, HeadDim int
	Scale                   float32
}

const (
	attnRows   = 32      // most query rows that are worked on together; of AttentionBackward: always, since its sums depend on it
	attnKeys   = 32      // keys of a block: with their values they stay in the L1 cache for all of those rows
	attnInline = 1 << 16 // multiply-adds that are not worth waking a thread for
)

// attention is one call of either direction. Rows of q and out are Heads*HeadDim wide, rows of k and v
// KVHeads*HeadDim.
type attention struct {
	AttnShape
	out, q, k, v      []float32
	dout, dq, dk, dv  []float32
	ldo, ldq, ldkv    int
	lddo, lddq, lddkv int
	rows              int
	paths             [][]int32 // [rows]
}

// attnWork is what the attention of a Pool keeps from call to call: the call in work, how it is cut, and its units as
// functions that are made once.
type attnWork struct {
	attention
	p          *Pool
	group      int // rows of a unit
	parts      int // units over the heads of such a group
	unit       func(i, worker int)
	head       func(kv, worker int)
	probsUnit  func(i, worker int)
	spreadUnit func(i, worker int)
	segments
	wave
}

// attention returns the work of the Pool, set to the call a.
func (p *Pool) attention(a attention) *attnWork {
	s := p.at(0)
	if s.attn == nil {
		w := new(attnWork)
		w.unit = func(i, id int) { w.forwardUnit(i, w.p.at(id)) }
		w.head = func(kv, id int) { w.backwardHead(kv, w.p.at(id)) }
		w.probsUnit = func(i, id int) { w.waveProbs(i, w.p.at(id)) }
		w.spreadUnit = func(i, id int) { w.waveSpread(i, w.p.at(id)) }
		s.attn = w
	}
	s.attn.p, s.attn.attention = p, a
	return s.attn
}

// Attention lets query row i (at q[i*ldq], all heads side by side) attend to the key and value rows
// paths[i][0], paths[i][1], ... in this order, and sets out row i (at out[i*ldo]). A path
// is the way from the root of the prefix tree to the token; an empty one yields zeros.
func Attention(p *Pool, out []float32, ldo int, q []float32, ldq int, k, v []float32, ldkv int, rows int, paths [][]int32, s AttnShape) {
	w := p.attention(attention{AttnShape: s, out: out, ldo: ldo, q: q, ldq: ldq, k: k, v: v, ldkv: ldkv, rows: rows, paths: paths})
	need("Attention: out", out, rows, ldo, s.Heads*s.HeadDim)
	w.check()
	w.cut()
	units := ceilDiv(rows, w.group) * w.parts
	if p.Threads() == 1 || units == 1 {
		one := p.at(0)
		for i := range units {
			w.forwardUnit(i, one)
		}
	} else {
		p.Each(units, w.unit)
	}
	w.attention = attention{}
}

// check panics if a slice is too short for the paths and returns how many key rows they reach. A path that goes on
// in the storage of the one before is read from there on only.
func (a *attention) check() int {
	reach := int32(0)
	var before []int32
	for _, path := range a.paths[:a.rows] {
		fresh := path
		if len(before) > 0 && len(path) > 0 && &before[0] == &path[0] {
			fresh = path[min(len(before), len(path)):]
		}
		for _, row := range fresh {
			if row < 0 {
				panic("kernel: Attention: a row of a path must not be negative")
			}
			reach = max(reach, row+1)
		}
		before = path
	}
	need("Attention: q", a.q, a.rows, a.ldq, a.Heads*a.HeadDim)
	need("Attention: k", a.k, int(reach), a.ldkv, a.KVHeads*a.HeadDim)
	need("Attention: v", a.v, int(reach), a.ldkv, a.KVHeads*a.HeadDim)
	return int(reach)
}

// cut sets the units: groups of rows; few rows are cut between the heads too, little work not at all. Every row is
// computed in the same way in all of them.
func (w *attnWork) cut() {
	w.group, w.parts = attnRows, 1
	threads := w.p.Threads()
	if threads == 1 {
		return
	}
	work := 0
	for _, path := range w.paths[:w.rows] {
		work += len(path) * w.Heads * w.HeadDim
	}
	if work < attnInline {
		w.group = max(1, w.rows)
		return
	}
	w.group = max(1, min(attnRows, w.rows/(4*threads)))
	if groups := ceilDiv(w.rows, w.group); groups < 4*threads {
		w.parts = min(w.KVHeads, ceilDiv(4*threads, groups))
	}
}

// forwardUnit computes some heads of a group of rows.
func (w *attnWork) forwardUnit(i int, s *worker) {
	lo := i / w.parts * w.group
	hi := min(lo+w.group, w.rows)
	part, group := i%w.parts, w.Heads/w.KVHeads
	from, to := part*w.KVHeads/w.parts*group, (part+1)*w.KVHeads/w.parts*group
	for ; lo < hi; lo += attnRows {
		w.forward(lo, min(lo+attnRows, hi), from, to, s)
	}
}

// forward computes the heads from..to-1 of the rows lo..hi-1.
func (a *attention) forward(lo, hi, from, to int, s *worker) {
	c := &s.head
	longest := a.begin(c, lo, hi)
	c.P = grown(&s.row, (hi-lo)*c.Pitch)
	for i, path := range c.Paths {
		if len(path) == 0 {
			clear(a.out[(lo+i)*a.ldo:][from*a.HeadDim : to*a.HeadDim])
		}
	}
	for h := from; h < to; h++ {
		at := a.kvHead(h) * a.HeadDim
		a.probs(c, a.q[lo*a.ldq+h*a.HeadDim:], a.k[at:], longest)
		c.X, c.LDX, c.Y = a.out[lo*a.ldo+h*a.HeadDim:], a.ldo, a.v[at:]
		eachKeys(c, longest, use.mix)
	}
}

// kvHead is the key and value head of query head h.
func (a *attention) kvHead(h int) int { return h / (a.Heads / a.KVHeads) }

// begin sets what all heads of the rows lo..hi-1 have in common and returns the length of the longest path.
func (a *attention) begin(c *generic.Attn, lo, hi int) (longest int) {
	c.Paths, c.Width = a.paths[lo:hi], a.HeadDim
	for _, path := range c.Paths {
		longest = max(longest, len(path))
	}
	// An odd number of cache lines, so that the rows do not share their place in the cache.
	c.Pitch = ((longest+15)/16 | 1) * 16
	return longest
}

// probs sets c.P to the probabilities of the head of q and k.
func (a *attention) probs(c *generic.Attn, q, k []float32, longest int) {
	c.X, c.LDX, c.Y, c.LDY = q, a.ldq, k, a.ldkv
	c.Scale, c.Fill = a.Scale, float32(math.Inf(-1))
	eachKeys(c, longest, use.scores)
	use.softmax(c)
}

// eachKeys calls f for all positions, in blocks of keys if there are rows to use a block again.
func eachKeys(c *generic.Attn, longest int, f func(*generic.Attn)) {
	step := attnKeys
	if len(c.Paths) == 1 {
		step = longest
	}
	for c.From = 0; c.From < longest; c.From += step {
		c.To = c.From + step
		f(c)
	}
}
