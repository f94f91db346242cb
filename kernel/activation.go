package kernel

// grain is the number of elements that one item of parallel element-wise work has.
const grain = 16 << 10

// GELUTanh sets out[i] = 0.5*x*(1+tanh(sqrt(2/pi)*(x+0.044715*x^3))), the GELU of GPT-2.
func GELUTanh(p *Pool, out, x []float32) { p.map2(use.geluTanh, out, x) }

// GELUTanhBackward sets dx[i] = dout[i]*gelu'(x[i]); dx may be dout.
func GELUTanhBackward(p *Pool, dx, dout, x []float32) { p.map3(use.geluTanhGrad, dx, dout, x) }

// GELUErf sets out[i] = x*Phi(x), the GELU of BERT.
func GELUErf(p *Pool, out, x []float32) { p.map2(use.geluErf, out, x) }

// GELUErfBackward sets dx[i] = dout[i]*gelu'(x[i]); dx may be dout.
func GELUErfBackward(p *Pool, dx, dout, x []float32) { p.map3(use.geluErfGrad, dx, dout, x) }

// map2 runs an element-wise primitive over two slices of one length.
func (p *Pool) map2(f func(out, x []float32), out, x []float32) {
	n := len(x)
	if p.Threads() == 1 || n <= grain {
		f(out[:n], x)
		return
	}
	p.spans(n, grain, func(lo, hi, _ int) { f(out[lo:hi], x[lo:hi]) })
}

// map3 runs an element-wise primitive over three slices of one length.
func (p *Pool) map3(f func(out, a, b []float32), out, a, b []float32) {
	n := len(b)
	if p.Threads() == 1 || n <= grain {
		f(out[:n], a[:n], b)
		return
	}
	p.spans(n, grain, func(lo, hi, _ int) { f(out[lo:hi], a[lo:hi], b[lo:hi]) })
}

// SwiGLU sets out[r] = silu(gate[r])*up[r] for rows of width d; the rows of out are ldOut apart, those
// of gate and up ld (gate and up may be halves of one buffer).
func SwiGLU(p *Pool, out []float32, ldOut int, gate, up []float32, ld, rows, d int) {
	p.spans(rows, normRows, func(lo, hi, _ int) {
		for r := lo; r < hi; r++ {
			use.swiGLU(out[r*ldOut:][:d], gate[r*ld:][:d], up[r*ld:][:d])
		}
	})
}

// SwiGLUBackward sets dgate and dup (rows ldd apart) from dout (rows ldOut apart).
func SwiGLUBackward(p *Pool, dgate, dup []float32, ldd int, dout []float32, ldOut int, gate, up []float32, ld, rows, d int) {
	p.spans(rows, normRows, func(lo, hi, _ int) {
		for r := lo; r < hi; r++ {
			use.swiGLUGrad(dgate[r*ldd:][:d], dup[r*ldd:][:d], dout[r*ldOut:][:d], gate[r*ld:][:d], up[r*ld:][:d])
		}
	})
}

// Rope rotates the heads of each row of x by the angles of its position, the halves of a head forming
// the pairs (the convention of Llama in Hugging Face). cos and sin are [maxpos][headDim/2], pos [R];
// inverse turns back, which is the backward.
func Rope(p *Pool, x []float32, ldx, rows, heads, headDim int, pos []int32, cos, sin []float32, inverse bool) {
	half, sign := headDim/2, float32(1)
	if inverse {
		sign = -1
	}
	p.spans(rows, normRows, func(lo, hi, _ int) {
		for r := lo; r < hi; r++ {
			at := int(pos[r]) * half
			for h := range heads {
				use.rope(x[r*ldx+h*headDim:][:headDim], cos[at:][:half], sin[at:][:half], sign)
			}
		}
	})
}
