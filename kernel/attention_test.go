package kernel

import (
	"fmt"
	"math"
	"testing"
)

// attnCase is a random attention problem over a small prefix tree.
type attnCase struct {
	AttnShape
	rows, ld   int
	q, k, v    guarded // column ranges of one width would do: here three buffers with gaps
	paths      [][]int32
	kvw, width int
}

func newAttnCase(heads, kvHeads, headDim, rows int) attnCase {
	rng := newRand(uint64(headDim + rows))
	c := attnCase{AttnShape: AttnShape{heads, kvHeads, headDim, float32(1 / math.Sqrt(float64(headDim)))}, rows: rows}
	c.width, c.kvw = heads*headDim, kvHeads*headDim
	c.ld = c.width + 2*c.kvw + 3
	mk := func() guarded { return newGuarded(rng, rows*c.ld) }
	c.q, c.k, c.v = mk(), mk(), mk()
	for i := range rows { // the parent of a row is one of the rows before it
		path := []int32{int32(i)}
		if i > 0 {
			path = append(append([]int32(nil), c.paths[rng.IntN(i)]...), int32(i))
			if i%3 == 0 {
				path = append(append([]int32(nil), c.paths[i-1]...), int32(i))
			}
		}
		c.paths = append(c.paths, path)
	}
	return c
}

// exactProbs returns the probabilities of one row and head in float64.
func (c *attnCase) exactProbs(i, h int) []float64 {
	p, sum, at := make([]float64, len(c.paths[i])), 0.0, h/(c.Heads/c.KVHeads)*c.HeadDim
	for t, row := range c.paths[i] {
		s, _ := exact(c.HeadDim, func(d int) float32 { return c.q.s()[i*c.ld+h*c.HeadDim+d] },
			func(d int) float32 { return c.k.s()[int(row)*c.ld+at+d] })
		p[t] = math.Exp(s * float64(c.Scale))
		sum += p[t]
	}
	for t := range p {
		p[t] /= sum
	}
	return p
}

func attnCases() []attnCase {
	var cases []attnCase
	for _, s := range [][4]int{{1, 1, 16, 1}, {2, 1, 16, 9}, {4, 2, 64, 30}, {3, 3, 80, 23}, {2, 2, 96, 12}, {2, 1, 4, 7}, {2, 2, 10, 5}, {1, 1, 128, 40}} {
		cases = append(cases, newAttnCase(s[0], s[1], s[2], s[3]))
	}
	return cases
}

func eachAttn(t *testing.T, f func(t *testing.T, p *Pool, c attnCase)) {
	eachTable(t, func(t *testing.T) {
		eachPool(t, func(t *testing.T, p *Pool) {
			for _, c := range attnCases() {
				t.Run(fmt.Sprintf("%d-%d-%d-%d", c.Heads, c.KVHeads, c.HeadDim, c.rows), func(t *testing.T) { f(t, p, c) })
			}
		})
	})
}

func TestAttention(t *testing.T) {
	eachAttn(t, func(t *testing.T, p *Pool, c attnCase) {
		out := newGuarded(newRand(1), c.rows*c.ld)
		Attention(p, View(out.s(), c.ld), QKV{View(c.q.s(), c.ld), View(c.k.s(), c.ld), View(c.v.s(), c.ld)}, c.paths, c.AttnShape)
		out.check(t, "out")
		for i := range c.rows {
			for h := range c.Heads {
				prob, at := c.exactProbs(i, h), h/(c.Heads/c.KVHeads)*c.HeadDim
				for d := range c.HeadDim {
					var want float64
					for x, row := range c.paths[i] {
						want += prob[x] * float64(c.v.s()[int(row)*c.ld+at+d])
					}
					near(t, fmt.Sprintf("out[%d][%d][%d]", i, h, d), out.s()[i*c.ld+h*c.HeadDim+d], want, 4e-6)
				}
			}
		}
		// One row alone, against the same keys, yields the same bits: cached decoding.
		last, alone := c.rows-1, make([]float32, c.width)
		Attention(nil, View(alone, c.width), QKV{View(c.q.s()[last*c.ld:], c.ld), View(c.k.s(), c.ld), View(c.v.s(), c.ld)}, c.paths[last:], c.AttnShape)
		sameBits(t, "row alone", out.s()[last*c.ld:][:c.width], alone)
	})
}

func TestAttentionBackward(t *testing.T) {
	eachAttn(t, func(t *testing.T, p *Pool, c attnCase) {
		rng := newRand(2)
		mk := func() guarded { return newGuarded(rng, c.rows*c.ld) }
		dout, dq, dk, dv := mk(), mk(), mk(), mk()
		clear(dk.s())
		clear(dv.s())
		AttentionBackward(p, QKV{View(dq.s(), c.ld), View(dk.s(), c.ld), View(dv.s(), c.ld)}, View(dout.s(), c.ld), QKV{View(c.q.s(), c.ld), View(c.k.s(), c.ld), View(c.v.s(), c.ld)}, c.paths, c.AttnShape)
		wantQ, wantK, wantV := c.exactBackward(dout.s())
		for name, g := range map[string]struct {
			got   guarded
			want  []float64
			width int
		}{"dq": {dq, wantQ, c.width}, "dk": {dk, wantK, c.kvw}, "dv": {dv, wantV, c.kvw}} {
			g.got.check(t, name)
			for i := range c.rows {
				for j := range g.width {
					near(t, fmt.Sprintf("%s[%d][%d]", name, i, j), g.got.s()[i*c.ld+j], g.want[i*c.ld+j], 2e-5*(1+math.Abs(g.want[i*c.ld+j])))
				}
			}
		}
	})
}

func (c *attnCase) exactBackward(dout []float32) (dq, dk, dv []float64) {
	n := c.rows * c.ld
	dq, dk, dv = make([]float64, n), make([]float64, n), make([]float64, n)
	for i := range c.rows {
		for h := range c.Heads {
			prob, at, q0 := c.exactProbs(i, h), h/(c.Heads/c.KVHeads)*c.HeadDim, i*c.ld+h*c.HeadDim
			dp, mean := make([]float64, len(prob)), 0.0
			for x, row := range c.paths[i] {
				dp[x], _ = exact(c.HeadDim, func(d int) float32 { return dout[q0+d] }, func(d int) float32 { return c.v.s()[int(row)*c.ld+at+d] })
				mean += prob[x] * dp[x]
			}
			for x, row := range c.paths[i] {
				ds := prob[x] * (dp[x] - mean) * float64(c.Scale)
				for d := range c.HeadDim {
					kv := int(row)*c.ld + at + d
					dq[q0+d] += ds * float64(c.k.s()[kv])
					dk[kv] += ds * float64(c.q.s()[q0+d])
					dv[kv] += prob[x] * float64(dout[q0+d])
				}
			}
		}
	}
	return dq, dk, dv
}

// Threads do not change a bit of any operation.
func TestThreadsDoNotChangeBits(t *testing.T) {
	const rows, d = 130, 96
	run := func(p *Pool) []float32 {
		rng := newRand(3)
		mk := func(n int) []float32 { return newGuarded(rng, n).s() }
		x, gamma, beta, dout := mk(rows*d), mk(d), mk(d), mk(rows*d)
		out, mean, rstd, dx := mk(rows*d), mk(rows), mk(rows), mk(rows*d)
		dgamma, dbeta, dw, db := mk(d), mk(d), mk(PackedLen(d, d)), mk(d)
		LayerNorm(p, out, NormStats{mean, rstd}, x, NormWeights{gamma, beta, 1e-5}, rows)
		parts := make([]float32, NormParts(rows, d))
		LayerNormBackward(p, dx, parts, dout, x, gamma, NormStats{mean, rstd}, rows)
		NormGrads(dgamma, dbeta, parts)
		MatMulGrad(p, Packed{dw, d, d}, View(x, d), View(dout, d), rows, true)
		colSum(p, db, View(dout, d), rows)
		big := mk(200_000)
		out = append(out, float32(SumSquares(p, big)))
		GELUTanh(p, big, big)
		c := newAttnCase(4, 2, 32, 40)
		dq, dk, dv := mk(c.rows*c.ld), mk(c.rows*c.ld), mk(c.rows*c.ld)
		AttentionBackward(p, QKV{View(dq, c.ld), View(dk, c.ld), View(dv, c.ld)}, View(c.v.s(), c.ld), QKV{View(c.q.s(), c.ld), View(c.k.s(), c.ld), View(c.v.s(), c.ld)}, c.paths, c.AttnShape)
		for _, s := range [][]float32{mean, rstd, dx, dgamma, dbeta, dw, db, big, dq, dk, dv} {
			out = append(out, s...)
		}
		return out
	}
	eachTable(t, func(t *testing.T) {
		want := run(nil)
		for _, n := range []int{1, 2, 5, 64} {
			p := NewPool(n)
			sameBits(t, fmt.Sprintf("%d threads", n), run(p), want)
			p.Close()
		}
	})
}

func TestEmptyPathYieldsZeros(t *testing.T) {
	eachTable(t, func(t *testing.T) {
		c := newAttnCase(2, 1, 16, 3)
		c.paths[1] = nil
		out, dq := newGuarded(newRand(1), c.rows*c.ld).s(), newGuarded(newRand(1), c.rows*c.ld).s()
		dk, dv := make([]float32, c.rows*c.ld), make([]float32, c.rows*c.ld)
		Attention(nil, View(out, c.ld), QKV{View(c.q.s(), c.ld), View(c.k.s(), c.ld), View(c.v.s(), c.ld)}, c.paths, c.AttnShape)
		AttentionBackward(nil, QKV{View(dq, c.ld), View(dk, c.ld), View(dv, c.ld)}, View(c.q.s(), c.ld), QKV{View(c.q.s(), c.ld), View(c.k.s(), c.ld), View(c.v.s(), c.ld)}, c.paths, c.AttnShape)
		sameBits(t, "out", out[c.ld:][:c.width], make([]float32, c.width))
		sameBits(t, "dq", dq[c.ld:][:c.width], make([]float32, c.width))
	})
}
