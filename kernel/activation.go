package kernel

// grain is the number of elements that one item of parallel element-wise work has.
const grain = 16 << 10

// GELUTanh sets out[i] = 0.5*x*(1+tanh(sqrt(2/pi)*(x+0.044715*x^3))), the GELU of GPT-2.
func GELUTanh(p *Pool, out, x []float32) { gelu(p, "GELUTanh", use.geluTanh, out, x) }

// GELUTanhBackward sets dx[i] = dout[i]*gelu'(x[i]) and act[i] = gelu(x[i]), which costs next to nothing beside it; dx may be dout.
func GELUTanhBackward(p *Pool, dx, act, dout, x []float32) {
	geluBackward(p, "GELUTanhBackward", use.geluTanhGrad, dx, act, dout, x)
}

// GELUErf sets out[i] = x*Phi(x), the GELU of BERT (Hendrycks and Gimpel 2016).
func GELUErf(p *Pool, out, x []float32) { gelu(p, "GELUErf", use.geluErf, out, x) }

// GELUErfBackward sets dx[i] = dout[i]*gelu'(x[i]) and act[i] = gelu(x[i]); dx may be dout.
func GELUErfBackward(p *Pool, dx, act, dout, x []float32) {
	geluBackward(p, "GELUErfBackward", use.geluErfGrad, dx, act, dout, x)
}

func gelu(p *Pool, name string, f func(out, x []float32), out, x []float32) {
	n := len(x)
	share(p, &mapped{name: name, f2: f, out: out[:n], b: x}, ceilDiv(n, grain))
}

func geluBackward(p *Pool, name string, f func(dx, act, dout, x []float32), dx, act, dout, x []float32) {
	n := len(x)
	share(p, &mapped{name: name, f4: f, out: dx[:n], out2: act[:n], a: dout[:n], b: x}, ceilDiv(n, grain))
}

// Copy sets dst[i] = x[i].
func Copy(p *Pool, dst, x []float32) {
	n := len(x)
	share(p, &mapped{name: "Copy", f2: copyAll, out: dst[:n], b: x}, ceilDiv(n, grain))
}

// Clear sets x[i] = 0.
func Clear(p *Pool, x []float32) {
	share(p, &mapped{name: "Clear", f2: clearAll, out: x, b: x}, ceilDiv(len(x), grain))
}

func copyAll(dst, x []float32) { copy(dst, x) }
func clearAll(x, _ []float32)  { clear(x) }

// mapped is an element-wise primitive over two slices of one length, b and out, or four.
type mapped struct {
	name            string
	f2              func(out, x []float32)
	f4              func(out, out2, a, b []float32)
	out, out2, a, b []float32
}

func (j *mapped) cost() Cost {
	return Cost{Name: j.name, Bytes: 4 * float64(len(j.a)+len(j.b))}
}

func (j *mapped) item(i int, _ *worker) {
	lo, hi := i*grain, min((i+1)*grain, len(j.out))
	if j.f2 != nil {
		j.f2(j.out[lo:hi], j.b[lo:hi])
		return
	}
	j.f4(j.out[lo:hi], j.out2[lo:hi], j.a[lo:hi], j.b[lo:hi])
}

// SwiGLU sets out[r] = silu(gate[r])*up[r] for rows of width d (Shazeer 2020). gate and up may be halves of one buffer.
func SwiGLU(p *Pool, out, gate, up Matrix, rows, d int) {
	share(p, &gated{out: out, gate: gate, up: up, rows: rows, d: d}, ceilDiv(rows, normRows))
}

// SwiGLUBackward sets dgate, dup and act = silu(gate)*up; dgate may be dout.
func SwiGLUBackward(p *Pool, dgate, dup, act, dout, gate, up Matrix, rows, d int) {
	share(p, &gated{dgate: dgate, dup: dup, act: act, out: dout, gate: gate, up: up, rows: rows, d: d}, ceilDiv(rows, normRows))
}

// gated is one SwiGLU or, with dgate, its backward; out is then the gradient that comes in.
type gated struct {
	out, gate, up, dgate, dup, act Matrix // [rows][d]
	rows, d                        int
}

func (g *gated) cost() Cost {
	read := 4 * float64(g.rows*g.d)
	if g.dgate.Data == nil {
		return Cost{Name: "SwiGLU", Bytes: 2 * read}
	}
	return Cost{Name: "SwiGLUBackward", Bytes: 3 * read}
}

func (g *gated) item(i int, _ *worker) {
	for r := i * normRows; r < min((i+1)*normRows, g.rows); r++ {
		out, gate, up := g.out.from(r, 0)[:g.d], g.gate.from(r, 0)[:g.d], g.up.from(r, 0)[:g.d]
		if g.dgate.Data == nil {
			use.swiGLU(out, gate, up)
		} else {
			use.swiGLUGrad(g.dgate.from(r, 0)[:g.d], g.dup.from(r, 0)[:g.d], g.act.from(r, 0)[:g.d], out, gate, up)
		}
	}
}

// Rotations are the cosines and sines of the angles that positions rotate the pairs of a head by.
type Rotations struct {
	Cos, Sin []float32 // [positions][HeadDim/2]
	HeadDim  int
}

// Rope rotates the heads of each row of x [R][heads*HeadDim] by the angles of its position in pos [R], the halves of a head forming
// the pairs (Su et al. 2021; the convention of Llama in Hugging Face). inverse turns back, which is the backward.
func Rope(p *Pool, x Matrix, heads int, pos []int32, by Rotations, inverse bool) {
	j := rotation{x: x, heads: heads, pos: pos, Rotations: by, sign: 1}
	if inverse {
		j.sign = -1
	}
	share(p, &j, ceilDiv(len(pos), normRows))
}

// rotation is one Rope.
type rotation struct {
	x     Matrix
	heads int
	pos   []int32
	Rotations
	sign float32
}

func (j *rotation) cost() Cost {
	return Cost{Name: "Rope", Bytes: 4 * float64(len(j.pos)*j.heads*j.HeadDim)}
}

func (j *rotation) item(i int, _ *worker) {
	half := j.HeadDim / 2
	for r := i * normRows; r < min((i+1)*normRows, len(j.pos)); r++ {
		at := int(j.pos[r]) * half
		for h := range j.heads {
			use.rope(j.x.from(r, h*j.HeadDim)[:j.HeadDim], j.Cos[at:][:half], j.Sin[at:][:half], j.sign)
		}
	}
}
