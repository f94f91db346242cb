package bench

import (
	"fmt"

	"pgsrm/kernel"
	"pgsrm/lm"
)

// stepOps runs the operations of a training step kind by kind, with the weights of a
// model, on buffers of the step's sizes that all layers share. Inputs and outputs
// are apart, so that a run does not change what the next one computes on.
type stepOps struct {
	shape
	p      *kernel.Pool
	m      *lm.Model
	opt    *lm.AdamW
	params map[string]*lm.Param
	rows   int       // R: all tokens but the last of each sequence, from which nothing is predicted
	paths  [][]int32 // [R]
	top    [][]int32 // [S] paths of the rows that predict a response token: the last block computes no others above its keys

	d, d2, ff, pre []float32 // [R][D], [R][D], [R][F], [R][F] inputs (pre: of GELU, from the forward)
	qkv            []float32 // [R][3D]
	outD, outF     []float32 // [R][D], [R][F] outputs
	outQKV         []float32 // [R][3D]
	mean, rstd     []float32 // [R]
	parts          []float32 // [NormParts(R, D)]
	hidden         []float32 // [S][D] of the S response tokens
	logits, grad   []float32 // [S][V]
}

func newStepOps(s shape, p *kernel.Pool) (*stepOps, error) {
	m, err := lm.NewRandom(s.config(), 1)
	if err != nil {
		return nil, err
	}
	m.Pool = p
	length := s.prompt + s.response - 1
	r, scored, D, F := s.batch*length, s.batch*s.response, s.width, 4*s.width
	o := &stepOps{
		shape: s, p: p, m: m, opt: lm.NewAdamW(), params: map[string]*lm.Param{}, rows: r,
		d: normal(1, r*D), d2: normal(2, r*D), ff: normal(3, r*F), pre: normal(4, r*F), qkv: normal(5, r*3*D),
		outD: make([]float32, r*D), outF: make([]float32, r*F), outQKV: make([]float32, r*3*D),
		mean: make([]float32, r), rstd: make([]float32, r), parts: make([]float32, kernel.NormParts(r, s.width)),
		hidden: normal(6, scored*D), logits: make([]float32, scored*s.vocab), grad: normal(7, scored*s.vocab),
	}
	o.opt.Step(m, rate, maxNorm) // gradients and moments exist from here on
	for _, w := range m.Params() {
		o.params[w.Name] = w
	}
	for i := range r {
		path := make([]int32, i%length+1)
		for t := range path {
			path[t] = int32(i - i%length + t)
		}
		o.paths = append(o.paths, path)
		if len(path) >= s.prompt {
			o.top = append(o.top, path)
		}
	}
	return o, nil
}

// eachLayer calls f for every layer with a function that finds its parameters, and with the paths of the rows above its keys.
func (o *stepOps) eachLayer(f func(param func(name string) *lm.Param, above [][]int32)) {
	for l := range o.layers {
		above := o.paths
		if l == o.layers-1 {
			above = o.top
		}
		f(func(name string) *lm.Param { return o.params[fmt.Sprintf("layers.%d.%s", l, name)] }, above)
	}
}

// multiplyAdds are those of one pass through all matrices, and of one of attention.
func (o *stepOps) multiplyAdds() (products, attention float64) {
	o.eachLayer(func(param func(string) *lm.Param, above [][]int32) {
		for _, l := range o.linears(len(above)) {
			w := param(l.name + ".weight")
			products += float64(w.K) * float64(w.N) * float64(l.rows)
		}
		for _, path := range above {
			attention += 2 * float64(o.width) * float64(len(path))
		}
	})
	return products, attention
}

// linear is one of the four matrix products of a layer.
type linear struct {
	name         string
	rows         int
	x, y, dx, dy []float32
	ep           kernel.Epilogue
}

func (o *stepOps) linears(above int) []linear {
	return []linear{
		{"attn.qkv", o.rows, o.d, o.outQKV, o.outD, o.qkv, kernel.Epilogue{}},
		{"attn.out", above, o.d, o.outD, o.outD, o.d2, kernel.Epilogue{Residual: kernel.View(o.d2, o.width)}},
		{"mlp.up", above, o.d, o.outF, o.outD, o.ff, kernel.Epilogue{Act: kernel.ActGELUTanh, Pre: o.pre}},
		{"mlp.down", above, o.ff, o.outD, o.outF, o.d2, kernel.Epilogue{Residual: kernel.View(o.d2, o.width)}},
	}
}

func (o *stepOps) forwardProducts() {
	o.eachLayer(func(param func(string) *lm.Param, above [][]int32) {
		for _, l := range o.linears(len(above)) {
			w := param(l.name + ".weight")
			l.ep.Bias = param(l.name + ".bias").Value
			kernel.MatMul(o.p, kernel.View(l.y, w.N), kernel.View(l.x, w.K), l.rows, kernel.Packed{Data: w.Value, K: w.K, N: w.N}, l.ep)
		}
	})
}

func (o *stepOps) backwardInputs() {
	o.eachLayer(func(param func(string) *lm.Param, above [][]int32) {
		for _, l := range o.linears(len(above)) {
			w := param(l.name + ".weight")
			kernel.MatMulT(o.p, kernel.View(l.dx, w.K), kernel.View(l.dy, w.N), l.rows, kernel.Packed{Data: w.Value, K: w.K, N: w.N}, false)
		}
	})
}

func (o *stepOps) backwardWeights() {
	o.eachLayer(func(param func(string) *lm.Param, above [][]int32) {
		for _, l := range o.linears(len(above)) {
			w := param(l.name + ".weight")
			kernel.MatMulGrad(o.p, kernel.Packed{Data: w.Grad, K: w.K, N: w.N}, kernel.View(l.x, w.K), kernel.View(l.dy, w.N), l.rows, false)
		}
	})
}

func (o *stepOps) attnShape() kernel.AttnShape {
	return kernel.AttnShape{Heads: o.heads, KVHeads: o.heads, HeadDim: o.width / o.heads, Scale: 1}
}

func (o *stepOps) split(qkv []float32) kernel.QKV {
	D, W := o.width, 3*o.width
	return kernel.QKV{Q: kernel.View(qkv, W), K: kernel.View(qkv[D:], W), V: kernel.View(qkv[2*D:], W)}
}

func (o *stepOps) norm(weight, bias *lm.Param) {
	kernel.LayerNorm(o.p, o.outD, kernel.NormStats{Mean: o.mean, Rstd: o.rstd}, o.d,
		kernel.NormWeights{Gamma: weight.Value, Beta: bias.Value, Eps: 1e-5}, o.rows)
}

func (o *stepOps) forwardAttention() {
	o.eachLayer(func(_ func(string) *lm.Param, above [][]int32) {
		kernel.Attention(o.p, kernel.View(o.outD, o.width), o.split(o.qkv), above, o.attnShape())
	})
}

func (o *stepOps) backwardAttention() {
	o.eachLayer(func(_ func(string) *lm.Param, above [][]int32) {
		clear(o.outQKV)
		kernel.AttentionBackward(o.p, o.split(o.outQKV), kernel.View(o.d, o.width), o.split(o.qkv), above, o.attnShape())
	})
}

func (o *stepOps) forwardNorms() {
	o.eachLayer(func(param func(string) *lm.Param, above [][]int32) {
		for _, name := range []string{"norm1", "norm2"} {
			o.norm(param(name+".weight"), param(name+".bias"))
		}
	})
}

func (o *stepOps) backwardRest() {
	o.norm(o.params["norm.weight"], o.params["norm.bias"])
	o.eachLayer(func(param func(string) *lm.Param, above [][]int32) {
		for _, name := range []string{"norm1", "norm2"} {
			w, b := param(name+".weight"), param(name+".bias")
			kernel.LayerNormBackward(o.p, o.outD, o.parts, o.d2, o.d, w.Value, kernel.NormStats{Mean: o.mean, Rstd: o.rstd}, o.rows)
			kernel.NormGrads(w.Grad, b.Grad, o.parts)
		}
		kernel.GELUTanhBackward(o.p, o.outF, o.ff, o.pre)
		for _, l := range o.linears(len(above)) {
			b := param(l.name + ".bias")
			kernel.ColSum(o.p, b.Grad, kernel.View(l.dy, b.N), l.rows)
		}
	})
}

func (o *stepOps) headForward() {
	w := o.params["embed.tokens"]
	x := kernel.View(o.hidden, w.K)
	kernel.MatMul(o.p, kernel.View(o.logits, w.N), x, len(o.hidden)/w.K, kernel.Packed{Data: w.Value, K: w.K, N: w.N}, kernel.Epilogue{})
}

func (o *stepOps) headSoftmax() {
	V := o.vocab
	o.p.Each(len(o.logits)/V, func(i, _ int) {
		row := o.logits[i*V : (i+1)*V]
		lse, h := kernel.SoftmaxStats(row)
		kernel.SoftmaxGrad(o.grad[i*V:(i+1)*V], row, lse, h, 1, 0.1, 0.01)
	})
}

func (o *stepOps) headBackward() {
	w, n := o.params["embed.tokens"], len(o.hidden)/o.width
	x, dy := kernel.View(o.hidden, w.K), kernel.View(o.grad, w.N)
	kernel.MatMulGrad(o.p, kernel.Packed{Data: w.Grad, K: w.K, N: w.N}, x, dy, n, false)
	kernel.MatMulT(o.p, kernel.View(o.outD, w.K), dy, n, kernel.Packed{Data: w.Value, K: w.K, N: w.N}, false)
}
