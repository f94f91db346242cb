package kernel

// AttnShape is the shape of attention. KVHeads divides Heads (grouped-query attention); query head h
// uses key and value head h/(Heads/KVHeads). Scale multiplies the scores, usually 1/sqrt(HeadDim).
type AttnShape struct {
	Heads, KVHeads, HeadDim int
	Scale                   float32
}

// attention holds the buffers of both directions. Rows of q and out are Heads*HeadDim wide, rows
// of k and v KVHeads*HeadDim.
type attention struct {
	AttnShape
	ops               *ops
	out, q, k, v      []float32
	dout, dq, dk, dv  []float32
	ldo, ldq, ldkv    int
	lddo, lddq, lddkv int
	rows              int
	paths             [][]int32
}

// Attention lets query row i (at q[i*ldq], all heads side by side) attend to the key and value rows
// paths[i][0], paths[i][1], ... in this order, and sets out row i (at out[i*ldo]). A path
// is the way from the root of the prefix tree to the token; an empty one yields zeros.
func Attention(p *Pool, out []float32, ldo int, q []float32, ldq int, k, v []float32, ldkv int, rows int, paths [][]int32, s AttnShape) {
	a := attention{AttnShape: s, ops: opsFor(s.HeadDim), out: out, ldo: ldo, q: q, ldq: ldq, k: k, v: v, ldkv: ldkv, rows: rows, paths: paths}
	need("Attention: out", out, rows, ldo, s.Heads*s.HeadDim)
	a.check()
	if p.Threads() == 1 {
		a.forward(0, rows, p.at(0))
		return
	}
	h := a
	p.spans(rows, 8, func(lo, hi, w int) { h.forward(lo, hi, p.at(w)) })
}

// check panics if a slice is too short for the paths and returns how many key rows they reach.
func (a *attention) check() int {
	reach := int32(0)
	for _, path := range a.paths[:a.rows] {
		for _, row := range path {
			if row < 0 {
				panic("kernel: Attention: a row of a path must not be negative")
			}
			reach = max(reach, row+1)
		}
	}
	need("Attention: q", a.q, a.rows, a.ldq, a.Heads*a.HeadDim)
	need("Attention: k", a.k, int(reach), a.ldkv, a.KVHeads*a.HeadDim)
	need("Attention: v", a.v, int(reach), a.ldkv, a.KVHeads*a.HeadDim)
	return int(reach)
}

// opsFor returns the primitives for heads of that width: the assembly wants whole vectors.
func opsFor(headDim int) *ops {
	if headDim%16 != 0 {
		return pureGo
	}
	return use
}

func (a *attention) forward(lo, hi int, s *worker) {
	group := a.Heads / a.KVHeads
	for i := lo; i < hi; i++ {
		path := a.paths[i]
		if len(path) == 0 {
			clear(a.out[i*a.ldo:][:a.Heads*a.HeadDim])
			continue
		}
		prob := grown(&s.row, len(path))
		for h := range a.Heads {
			at := h / group * a.HeadDim
			a.ops.scores(prob, a.q[i*a.ldq+h*a.HeadDim:][:a.HeadDim], a.k[at:], a.ldkv, path, a.Scale)
			a.ops.softmax(prob)
			a.ops.mix(a.out[i*a.ldo+h*a.HeadDim:][:a.HeadDim], prob, a.v[at:], a.ldkv, path)
		}
	}
}

// AttentionBackward sets dq and adds to dk and dv (the caller zeroes them). Probabilities are computed
// again. The work is split over the key and value heads, so that the sums over queries have a
// fixed order. dq, dk and dv may be column ranges of one buffer.
func AttentionBackward(p *Pool, dq []float32, lddq int, dk, dv []float32, lddkv int, dout []float32, lddo int, q []float32, ldq int, k, v []float32, ldkv int, rows int, paths [][]int32, s AttnShape) {
	a := attention{AttnShape: s, ops: opsFor(s.HeadDim), dq: dq, lddq: lddq, dk: dk, dv: dv, lddkv: lddkv, dout: dout, lddo: lddo,
		q: q, ldq: ldq, k: k, v: v, ldkv: ldkv, rows: rows, paths: paths}
	need("AttentionBackward: dq", dq, rows, lddq, s.Heads*s.HeadDim)
	need("AttentionBackward: dout", dout, rows, lddo, s.Heads*s.HeadDim)
	reach := a.check()
	need("AttentionBackward: dk", dk, reach, lddkv, s.KVHeads*s.HeadDim)
	need("AttentionBackward: dv", dv, reach, lddkv, s.KVHeads*s.HeadDim)
	if p.Threads() == 1 {
		for h := range s.KVHeads {
			a.backward(h, p.at(0))
		}
		return
	}
	b := a
	p.Each(s.KVHeads, func(h, w int) { b.backward(h, p.at(w)) })
}

// backward handles one key and value head and the query heads that use it.
func (a *attention) backward(kv int, s *worker) {
	group, at := a.Heads/a.KVHeads, kv*a.HeadDim
	for i := range a.rows {
		path := a.paths[i]
		if len(path) == 0 {
			clear(a.dq[i*a.lddq+kv*group*a.HeadDim:][:group*a.HeadDim])
			continue
		}
		buf := grown(&s.row, 2*len(path))
		prob, grad := buf[:len(path)], buf[len(path):]
		for h := kv * group; h < (kv+1)*group; h++ {
			q := a.q[i*a.ldq+h*a.HeadDim:][:a.HeadDim]
			dout := a.dout[i*a.lddo+h*a.HeadDim:][:a.HeadDim]
			a.ops.scores(prob, q, a.k[at:], a.ldkv, path, a.Scale)
			a.ops.softmax(prob)
			a.ops.scatter(a.dv[at:], a.lddkv, path, prob, dout)
			a.ops.scores(grad, dout, a.v[at:], a.ldkv, path, 1)
			a.ops.softmaxBackward(grad, prob, grad, a.Scale)
			a.ops.scatter(a.dk[at:], a.lddkv, path, grad, q)
			a.ops.mix(a.dq[i*a.lddq+h*a.HeadDim:][:a.HeadDim], grad, a.k[at:], a.ldkv, path)
		}
	}
}
