package kernel

import "pgsrm/kernel/internal/generic"

// AttentionBackward sets d.Q and adds to d.K and d.V (the caller zeroes them), given dout [R][Heads*HeadDim]. Probabilities are
// computed again. The order of the sums over queries is fixed: blocks of rows; in a block the query heads of a key head, then the
// rows.
//
// With enough key and value heads a thread takes one of them, or several narrow ones; else the work is cut into waves of blocks.
func AttentionBackward(p *Pool, d QKV, dout Matrix, x QKV, paths [][]int32, s AttnShape) {
	a := attention{AttnShape: s, QKV: x, grad: d, dout: dout, paths: paths}
	a.check()
	need("AttentionBackward: dout", dout, len(paths), s.Heads*s.HeadDim)
	need("AttentionBackward: dq", d.Q, len(paths), s.Heads*s.HeadDim)
	a.needKeys(&a.grad, "AttentionBackward: dk", "AttentionBackward: dv")
	p = p.enter()
	w := &p.jobs.attention
	w.attention = a
	w.segments.find(paths, attnRows)
	if t := p.Threads(); s.KVHeads%t == 0 || s.KVHeads >= 4*t {
		w.parts = s.KVHeads
		for w.parts%(2*t) == 0 && s.KVHeads/w.parts*s.HeadDim < attnColumns {
			w.parts /= 2
		}
		p.run((*attnHeads)(w), w.parts)
	} else {
		w.waves(p)
	}
	w.attention = attention{}
	p.leave()
}

// attnHeads are the units of AttentionBackward where threads take key and value heads.
type attnHeads attnWork

func (w *attnHeads) item(i int, s *worker) {
	heads := w.KVHeads / w.parts
	(*attnWork)(w).backwardHeads(i*heads, (i+1)*heads, s)
}
func (w *attnHeads) cost() Cost { return w.attention.cost(backward, 4) }

// backward is the name of all units of AttentionBackward. Probabilities that are computed again do not count.
const backward = "AttentionBackward"

// backwardHeads handles the key and value heads from..to-1 and the query heads that use them.
func (w *attnWork) backwardHeads(from, to int, s *worker) {
	group := w.Heads / w.KVHeads
	for lo := 0; lo < len(w.paths); lo += attnRows {
		hi := min(lo+attnRows, len(w.paths))
		longest := w.begin(&s.head, lo, hi)
		buf := grown(&s.row, 2*(hi-lo)*s.head.Pitch)
		w.fetch(&s.head, lo, from*group, to*group)
		for h := from * group; h < to*group; h++ {
			w.backward(&s.head, lo, h, longest, buf)
			w.spread(&s.head, lo, h, 0, w.HeadDim)
		}
	}
}

// backward sets dq of head h of the rows from lo on, which begin was called for, and leaves the probabilities and
// the gradients of the scores in c.P and c.DP, the halves of buf.
func (w *attnWork) backward(c *generic.Attn, lo, h, longest int, buf []float32) {
	at, half := w.kvHead(h)*w.HeadDim, len(buf)/2
	c.Width, c.P = w.HeadDim, buf[:half]
	w.probs(c, lo, h, longest)
	c.P, c.X, c.LDX, c.Y = buf[half:], w.dout.from(lo, h*w.HeadDim), w.dout.Stride, w.V.from(0, at)
	c.Scale, c.Fill = 1, 0
	eachKeys(c, longest, use.scores)
	c.P, c.DP, c.Scale = buf[:half], buf[half:], w.Scale
	use.softmaxBackward(c)
	dq := View(w.grad.Q.from(lo, h*w.HeadDim), w.grad.Q.Stride)
	for i, path := range c.Paths {
		if len(path) == 0 {
			clear(dq.from(i, 0)[:w.HeadDim])
		}
	}
	c.P, c.X, c.LDX, c.Y = c.DP, dq.Data, dq.Stride, w.K.from(0, at)
	eachKeys(c, longest, use.mix)
	c.P = buf[:half]
}

// spread adds the columns from..to-1 of head h of the rows from lo on to dk and dv.
func (w *attnWork) spread(c *generic.Attn, lo, h, from, to int) {
	at := w.kvHead(h)*w.HeadDim + from
	c.Segs = w.segments.block(lo / attnRows)
	c.X, c.LDX = w.Q.from(lo, h*w.HeadDim+from), w.Q.Stride
	c.X2, c.LDX2 = w.dout.from(lo, h*w.HeadDim+from), w.dout.Stride
	c.Y, c.Y2, c.LDY, c.Width = w.grad.K.from(0, at), w.grad.V.from(0, at), w.grad.K.Stride, to-from
	use.spread(c)
}

const (
	waveFloats  = 1 << 20 // most elements of the probabilities of a wave, with their gradients
	waveColumns = 16      // least columns of dk and dv that are added by one unit
)

// wave is the state of the way with few heads: for some blocks of rows first all probabilities and their gradients,
// block by block and head by head, then dk and dv by columns.
type wave struct {
	lo, hi int       // blocks
	cuts   int       // units over the columns of a key and value head
	size   int       // elements of a block of one query head
	buf    []float32 // [hi-lo][Heads][size]
}

// attnProbs and attnSpread are the units of a wave.
type (
	attnProbs  attnWork
	attnSpread attnWork
)

func (w *attnProbs) item(i int, s *worker)  { (*attnWork)(w).waveProbs(i, s) }
func (w *attnSpread) item(i int, s *worker) { (*attnWork)(w).waveSpread(i, s) }

// cost counts all waves with the first.
func (w *attnProbs) cost() Cost {
	if w.lo > 0 {
		return Cost{Name: backward}
	}
	return w.attention.cost(backward, 4)
}

func (w *attnSpread) cost() Cost { return Cost{Name: backward} }

// waves runs over all blocks in waves.
func (w *attnWork) waves(p *Pool) {
	longest := 0
	for _, path := range w.paths {
		longest = max(longest, len(path))
	}
	w.size = 2 * attnRows * (longest + 32)
	w.cuts = min(ceilDiv(w.HeadDim, waveColumns), ceilDiv(2*p.Threads(), w.KVHeads))
	blocks := ceilDiv(len(w.paths), attnRows)
	step := max(1, waveFloats/(w.Heads*w.size))
	for w.lo = 0; w.lo < blocks; w.lo += step {
		w.hi = min(w.lo+step, blocks)
		grown(&w.buf, (w.hi-w.lo)*w.Heads*w.size)
		p.run((*attnProbs)(w), (w.hi-w.lo)*w.Heads)
		p.run((*attnSpread)(w), w.KVHeads*w.cuts)
	}
}

// piece returns the probabilities of a block and head.
func (w *wave) piece(block, heads, h, rows, pitch int) []float32 {
	return w.buf[((block-w.lo)*heads+h)*w.size:][:2*rows*pitch]
}

func (w *attnWork) waveProbs(i int, s *worker) {
	block, h := w.wave.lo+i/w.Heads, i%w.Heads
	lo := block * attnRows
	hi := min(lo+attnRows, len(w.paths))
	longest := w.begin(&s.head, lo, hi)
	w.backward(&s.head, lo, h, longest, w.piece(block, w.Heads, h, hi-lo, s.head.Pitch))
}

// waveSpread adds some columns of a key and value head, in the order of backwardHeads.
func (w *attnWork) waveSpread(i int, s *worker) {
	kv, cut, group := i/w.cuts, i%w.cuts, w.Heads/w.KVHeads
	columns := ceilDiv(ceilDiv(w.HeadDim, w.cuts), waveColumns) * waveColumns
	from := min(cut*columns, w.HeadDim)
	to := min(from+columns, w.HeadDim)
	for block := w.wave.lo; from < to && block < w.wave.hi; block++ {
		lo := block * attnRows
		hi := min(lo+attnRows, len(w.paths))
		w.begin(&s.head, lo, hi)
		for h := kv * group; h < (kv+1)*group; h++ {
			buf := w.piece(block, w.Heads, h, hi-lo, s.head.Pitch)
			s.head.P, s.head.DP = buf[:len(buf)/2], buf[len(buf)/2:]
			w.spread(&s.head, lo, h, from, to)
		}
	}
}
