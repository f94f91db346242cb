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
	attnRows    = 32      // most query rows that are worked on together; of AttentionBackward: always, since its sums depend on it
	attnKeys    = 32      // keys of a block: with their values they stay in the L1 cache for all of those rows
	attnInline  = 1 << 16 // multiply-adds that are not worth waking a thread for
	attnColumns = 64      // columns of keys that AttentionBackward works on together, if there are enough for all threads: whole runs of cache lines
	attnFetch   = 1 << 16 // most elements of keys and values that are fetched ahead: they stay in the L2 cache
)

// QKV are queries [R][Heads*HeadDim], keys and values [rows that paths reach][KVHeads*HeadDim], or their gradients. They may be
// column ranges of one buffer; keys and values have one stride.
type QKV struct{ Q, K, V Matrix }

// attention is one call of either direction.
type attention struct {
	AttnShape
	QKV
	out, dout Matrix // [R][Heads*HeadDim]
	grad      QKV
	paths     [][]int32 // [R]
	reach     int       // rows of keys and values that paths reach
	positions int       // of all paths together
}

// cost counts as many multiply-adds as there are products with a key or value, so many for each position.
func (a *attention) cost(name string, products int) Cost {
	return Cost{Name: name, FLOPs: 2 * float64(products*a.Heads*a.HeadDim) * float64(a.positions)}
}

// attnWork is what the attention of a Pool keeps from call to call: the call in work and how it is cut.
type attnWork struct {
	attention
	group int // rows of a unit
	parts int // units over the heads of such a group
	segments
	wave
}

// attnForward are the units of Attention.
type attnForward attnWork

func (w *attnForward) item(i int, s *worker) { (*attnWork)(w).forwardUnit(i, s) }
func (w *attnForward) cost() Cost            { return w.attention.cost("Attention", 2) }

// Attention lets row i of the queries (all heads side by side) attend to the rows paths[i][0], paths[i][1], ... of the keys and
// values, in this order, and sets row i of out [R][Heads*HeadDim]; there is a path for each of R rows. A path is the way from the
// root of the prefix tree to the token; an empty one yields zeros.
func Attention(p *Pool, out Matrix, x QKV, paths [][]int32, s AttnShape) {
	a := attention{AttnShape: s, QKV: x, out: out, paths: paths}
	a.check()
	need("Attention: out", out, len(paths), s.Heads*s.HeadDim)
	p = p.enter()
	w := &p.jobs.attention
	w.attention = a
	w.cut(p.Threads())
	p.run((*attnForward)(w), ceilDiv(len(paths), w.group)*w.parts)
	w.attention = attention{}
	p.leave()
}

// check sets reach and positions, and panics if a slice is too short for the paths. A path that continues
// in the storage of the one before is read from there on only.
func (a *attention) check() {
	reach := int32(0)
	var before []int32
	for _, path := range a.paths {
		for _, row := range continued(before, path) {
			if row < 0 {
				panic("kernel: Attention: a row of a path must not be negative")
			}
			reach = max(reach, row+1)
		}
		a.positions += len(path)
		before = path
	}
	a.reach = int(reach)
	need("Attention: q", a.Q, len(a.paths), a.Heads*a.HeadDim)
	a.needKeys(&a.QKV, "Attention: k", "Attention: v")
}

// needKeys panics if the keys or values of x are too short for the rows that paths reach.
func (a *attention) needKeys(x *QKV, k, v string) {
	need(k, x.K, a.reach, a.KVHeads*a.HeadDim)
	need(v, x.V, a.reach, a.KVHeads*a.HeadDim)
	if x.K.Stride != x.V.Stride {
		panic("kernel: " + k + " and " + v + " must have one stride")
	}
}

// cut sets the units: groups of rows; few rows are cut between the heads too, little work not at all. Every row is
// computed in the same way in all of them.
func (w *attnWork) cut(threads int) {
	w.group, w.parts = attnRows, 1
	if threads == 1 {
		return
	}
	if w.positions*w.Heads*w.HeadDim < attnInline {
		w.group = max(1, len(w.paths))
		return
	}
	w.group = max(1, min(attnRows, len(w.paths)/(4*threads)))
	if groups := ceilDiv(len(w.paths), w.group); groups < 4*threads {
		w.parts = min(w.KVHeads, ceilDiv(4*threads, groups))
	}
}

// forwardUnit computes some heads of a group of rows.
func (w *attnWork) forwardUnit(i int, s *worker) {
	lo := i / w.parts * w.group
	hi := min(lo+w.group, len(w.paths))
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
	a.fetch(c, lo, from, to)
	for i, path := range c.Paths {
		if len(path) == 0 {
			clear(a.out.from(lo+i, 0)[from*a.HeadDim : to*a.HeadDim])
		}
	}
	for h := from; h < to; h++ {
		a.probs(c, lo, h, longest)
		c.X, c.LDX, c.Y = a.out.from(lo, h*a.HeadDim), a.out.Stride, a.V.from(0, a.kvHead(h)*a.HeadDim)
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

// fetch asks for what the heads from..to-1 of the rows from lo on read, row after row. Head after head, in pieces
// of few cache lines far apart, the first head of each row would wait for all of it.
func (a *attention) fetch(c *generic.Attn, lo, from, to int) {
	q, d := from*a.HeadDim, (to-from)*a.HeadDim
	kv := a.kvHead(from) * a.HeadDim
	width := (a.kvHead(to-1)+1)*a.HeadDim - kv
	room, before := attnFetch/(2*width), []int32(nil)
	for i, path := range c.Paths {
		use.fetch(a.Q.from(lo+i, q)[:d])
		if a.dout.Data != nil {
			use.fetch(a.dout.from(lo+i, q)[:d])
		}
		fresh := continued(before, path)
		if room -= len(fresh); room < 0 {
			return
		}
		for _, row := range fresh {
			use.fetch(a.K.from(int(row), kv)[:width])
			use.fetch(a.V.from(int(row), kv)[:width])
			if a.dout.Data != nil {
				use.fetch(a.grad.K.from(int(row), kv)[:width])
				use.fetch(a.grad.V.from(int(row), kv)[:width])
			}
		}
		before = path
	}
}

// continued is what path has beyond before, if it continues that in its storage; else all of it.
func continued(before, path []int32) []int32 {
	if len(before) > 0 && len(path) > 0 && &before[0] == &path[0] {
		return path[min(len(before), len(path)):]
	}
	return path
}

// probs sets c.P to the probabilities of head h of the rows from lo on.
func (a *attention) probs(c *generic.Attn, lo, h, longest int) {
	c.X, c.LDX = a.Q.from(lo, h*a.HeadDim), a.Q.Stride
	c.Y, c.LDY = a.K.from(0, a.kvHead(h)*a.HeadDim), a.K.Stride
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
