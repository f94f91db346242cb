package kernel

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"testing"

	"pgsrm/kernel/internal/generic"
)

// lengths reach every rest of a loop over 16 lanes.
func lengths() []int {
	var n []int
	for i := range 50 {
		n = append(n, i)
	}
	return append(n, 128, 300, 1000)
}

// eachLength runs f with every table and length; inputs come from mk.
func eachLength(t *testing.T, f func(t *testing.T, n int, mk func() guarded)) {
	eachTable(t, func(t *testing.T) {
		for _, n := range lengths() {
			rng := newRand(uint64(n))
			t.Run(fmt.Sprintf("n=%d", n), func(t *testing.T) { f(t, n, func() guarded { return newGuarded(rng, n) }) })
		}
	})
}

// copyOf returns a guarded copy.
func (g guarded) copyOf() guarded {
	return guarded{append([]float32(nil), g.all...), g.n}
}

func TestReductions(t *testing.T) {
	eachLength(t, func(t *testing.T, n int, mk func() guarded) {
		a, b := mk().s(), mk().s()
		dot, dotAbs := exact(n, func(i int) float32 { return a[i] }, func(i int) float32 { return b[i] })
		sum, sumAbs := exact(n, func(i int) float32 { return a[i] }, func(int) float32 { return 1 })
		sq, _ := exact(n, func(i int) float32 { return a[i] - 0.5 }, func(i int) float32 { return a[i] - 0.5 })
		squares, _ := exact(n, func(i int) float32 { return a[i] }, func(i int) float32 { return a[i] })
		near(t, "dot", use.dot(a, b), dot, sumBound(n, dotAbs))
		near(t, "sum", use.sum(a), sum, sumBound(n, sumAbs))
		near(t, "sumSqDev", use.sumSqDev(a, 0.5), sq, sumBound(n+2, sq))
		near(t, "max", use.max(a), float64(generic.Max(a)), 0)
		if d := math.Abs(use.sumSquares(a) - squares); d > 1e-12*squares {
			t.Fatalf("sumSquares: difference %g", d)
		}
		if got, want := use.sumSquares(a), generic.SumSquares(a); got != want {
			t.Fatalf("sumSquares: got %v, want the bits of pure Go %v", got, want)
		}
	})
}

func TestMaxPassesOverNaN(t *testing.T) {
	eachTable(t, func(t *testing.T) {
		for n := 2; n < 40; n++ {
			x := newGuarded(newRand(1), n).s()
			want := generic.Max(x[1:])
			x[0] = nan
			if got := use.max(x); got != want {
				t.Fatalf("n=%d: got %v, want %v", n, got, want)
			}
		}
	})
}

func TestExpSums(t *testing.T) {
	eachLength(t, func(t *testing.T, n int, mk func() guarded) {
		x := mk().s()
		if n > 3 {
			x[1], x[2] = float32(math.Inf(-1)), -300
		}
		var sum, moment, abs float64
		for _, v := range x {
			z := float64(v) - 1.5
			sum += math.Exp(z)
			if e := math.Exp(z); e > 0 {
				moment += e * z
				abs += e * math.Abs(z)
			}
		}
		gotSum, gotMoment := use.expStats(x, 1.5)
		for name, d := range map[string]float64{"expSum": use.expSum(x, 1.5) - sum, "sum": gotSum - sum, "moment": gotMoment - moment} {
			if !(math.Abs(d) <= 4e-7*(sum+abs)) {
				t.Fatalf("%s: difference %g of %g", name, d, sum+abs)
			}
		}
	})
}

// A pointwise case: the primitive, its exact value for one element, and the bound of the error, in units
// of 2^-24 of the magnitude that the exact function reports.
func TestPointwise(t *testing.T) {
	sigmoid := func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
	phi := func(x float64) float64 { return 0.5 * math.Erfc(-x/math.Sqrt2) }
	cases := []struct {
		name  string
		run   func(dst, a, b []float32) // sets or updates dst
		want  func(dst, a, b float64) (value, magnitude float64)
		units float64
	}{
		{"add", func(d, a, _ []float32) { use.add(d, a) },
			func(d, a, _ float64) (float64, float64) { return d + a, math.Abs(d + a) }, 1},
		{"axpy", func(d, a, _ []float32) { use.axpy(d, -1.25, a) },
			func(d, a, _ float64) (float64, float64) { return d - 1.25*a, math.Abs(d) + math.Abs(1.25*a) }, 2},
		{"scale", func(d, _, _ []float32) { use.scale(d, 3.3) },
			func(d, _, _ float64) (float64, float64) { v := d * float64(float32(3.3)); return v, math.Abs(v) }, 1},
		{"geluTanh", func(d, a, _ []float32) { use.geluTanh(d, a) },
			func(_, a, _ float64) (float64, float64) {
				v := a * sigmoid(1.5957691216057308*(a+0.044715*a*a*a))
				return v, math.Abs(a)
			}, 8},
		{"geluErf", func(d, a, _ []float32) { use.geluErf(d, a) },
			func(_, a, _ float64) (float64, float64) { return a * phi(a), math.Abs(a) }, 8},
		{"silu", func(d, a, _ []float32) { use.silu(d, a) },
			func(_, a, _ float64) (float64, float64) { return a * sigmoid(a), math.Abs(a) }, 8},
		{"geluTanhGrad", func(d, a, b []float32) { use.geluTanhGrad(d, make([]float32, len(d)), a, b) },
			func(_, a, x float64) (float64, float64) {
				s := sigmoid(1.5957691216057308 * (x + 0.044715*x*x*x))
				return a * (s + x*s*(1-s)*1.5957691216057308*(1+3*0.044715*x*x)), math.Abs(a) * (1 + math.Abs(x))
			}, 16},
		{"geluErfGrad", func(d, a, b []float32) { use.geluErfGrad(d, make([]float32, len(d)), a, b) },
			func(_, a, x float64) (float64, float64) {
				return a * (phi(x) + x*math.Exp(-x*x/2)/math.Sqrt(2*math.Pi)), math.Abs(a) * (1 + math.Abs(x))
			}, 16},
		{"swiGLU", func(d, a, b []float32) { use.swiGLU(d, a, b) },
			func(_, a, b float64) (float64, float64) { v := a * sigmoid(a) * b; return v, math.Abs(a * b) }, 8},
		{"normApply", func(d, a, b []float32) { use.normApply(d, a, b, b, 0.25, 1.5) },
			func(_, a, b float64) (float64, float64) {
				return (a-0.25)*1.5*b + b, math.Abs(a*b)*1.5 + 2*math.Abs(b)
			}, 4},
		{"normApply without beta", func(d, a, b []float32) { use.normApply(d, a, b, nil, 0.25, 1.5) },
			func(_, a, b float64) (float64, float64) { return (a - 0.25) * 1.5 * b, math.Abs(a*b)*1.5 + math.Abs(b) }, 4},
		{"softmaxGrad", func(d, a, _ []float32) { use.softmaxGrad(d, a, 4.25, 1e-8, 2.5, 0.75, -0.1) },
			func(_, a, _ float64) (float64, float64) {
				logp := a - 4.25 - 1e-8
				p := math.Exp(logp)
				return -p * (0.75 + -0.1*(logp+2.5)), p * (1 + math.Abs(logp))
			}, 16},
	}
	eachLength(t, func(t *testing.T, n int, mk func() guarded) {
		for _, c := range cases {
			dst, a, b := mk(), mk(), mk()
			for i := range a.s() {
				a.s()[i] *= 3
				b.s()[i] *= 3
			}
			before := dst.copyOf().s()
			c.run(dst.s(), a.s(), b.s())
			dst.check(t, c.name)
			for i, got := range dst.s() {
				want, magnitude := c.want(float64(before[i]), float64(a.s()[i]), float64(b.s()[i]))
				near(t, fmt.Sprintf("%s at %v, %v", c.name, a.s()[i], b.s()[i]), got, want, c.units*0x1p-24*magnitude)
			}
		}
	})
}

// ulps is the distance of got from the exact value, in units of the last place of float32.
func ulps(got float32, want float64) float64 {
	r := float32(want)
	if got == r || (got != got && want != want) {
		return 0
	}
	if math.IsInf(float64(r), 0) || math.IsInf(float64(got), 0) {
		return math.Inf(1)
	}
	_, exp := math.Frexp(want)
	return math.Abs(float64(got)-want) / math.Ldexp(1, max(exp-24, -149))
}

// Exp, Log and Tanh stay within 2 ulp: over the range of results, at the edges, and at special values.
func TestFunctionsWithin2ULP(t *testing.T) {
	log := func(dst, x []float32) { use.log(dst, x) } // of the table in use
	tanh := func(dst, x []float32) { use.tanh(dst, x) }
	special := []float32{0, float32(math.Copysign(0, -1)), 1, -1, 1e-40, -1e-40, 1e-30, 88.72, 88.7229, 89, 1000, -87.3, -87.4, -103, -103.9,
		-104, -150, 0.624999, 0.625, -0.625, 9, 20, math.MaxFloat32, -math.MaxFloat32, float32(math.Inf(1)), float32(math.Inf(-1)), nan}
	cases := []struct {
		name   string
		run    func(dst, x []float32)
		exact  func(float64) float64
		lo, hi float64
	}{
		{"Exp", Exp, math.Exp, -110, 90},
		{"Exp near 0", Exp, math.Exp, -2, 2},
		{"Tanh", tanh, math.Tanh, -12, 12},
		{"Tanh near 0", tanh, math.Tanh, -0.7, 0.7},
		{"Log", log, math.Log, 0, 5},
	}
	eachTable(t, func(t *testing.T) {
		for _, c := range cases {
			rng, x := newRand(11), append([]float32(nil), special...)
			for range 50_000 {
				x = append(x, float32(c.lo+(c.hi-c.lo)*rng.Float64()))
			}
			got, worst := make([]float32, len(x)), 0.0
			c.run(got, x)
			for i, v := range got {
				u := ulps(v, c.exact(float64(x[i])))
				if u > 2 {
					t.Fatalf("%s(%v): got %v, want %v (%.2f ulp)", c.name, x[i], v, c.exact(float64(x[i])), u)
				}
				worst = max(worst, u)
			}
			t.Logf("%s: at most %.3f ulp", c.name, worst)
		}
	})
}

// A gradient leaves the activation itself, to the bit.
func TestActivationBesideGradient(t *testing.T) {
	eachLength(t, func(t *testing.T, n int, mk func() guarded) {
		for name, f := range map[string]struct {
			forward func(out, x []float32)
			grad    func(dx, act, dout, x []float32)
		}{"geluTanh": {use.geluTanh, use.geluTanhGrad}, "geluErf": {use.geluErf, use.geluErfGrad}} {
			dx, act, dout, x, want := mk(), mk(), mk(), mk(), make([]float32, n)
			f.grad(dx.s(), act.s(), dout.s(), x.s())
			f.forward(want, x.s())
			act.check(t, name)
			sameBits(t, name, act.s(), want)
		}
	})
}

// Sums of columns are those of rows added one after the other.
func TestSumRows(t *testing.T) {
	eachTable(t, func(t *testing.T) {
		const width, ld = 64, 71
		for _, rows := range []int{0, 1, 2, 63, 64} {
			rng := newRand(uint64(rows))
			src, dst := newGuarded(rng, rows*ld+width), newGuarded(rng, width)
			want, acc := dst.copyOf().s(), make([]float32, width)
			for r := range rows {
				for j := range acc {
					acc[j] += src.s()[r*ld+j]
				}
			}
			for j := range acc {
				want[j] += acc[j]
			}
			use.sumRows(dst.s(), src.s(), rows, ld)
			dst.check(t, "dst")
			sameBits(t, "sums", dst.s(), want)
		}
	})
}

func TestSwiGLUGradAndNormGrad(t *testing.T) {
	eachLength(t, func(t *testing.T, n int, mk func() guarded) {
		dgate, dup, act, dout, gate, up := mk(), mk(), mk(), mk(), mk(), mk()
		use.swiGLUGrad(dgate.s(), dup.s(), act.s(), dout.s(), gate.s(), up.s())
		dgate.check(t, "dgate")
		dup.check(t, "dup")
		act.check(t, "act")
		want := make([]float32, n)
		use.swiGLU(want, gate.s(), up.s())
		sameBits(t, "act", act.s(), want)
		for i := range n {
			d, x, u := float64(dout.s()[i]), float64(gate.s()[i]), float64(up.s()[i])
			s := 1 / (1 + math.Exp(-x))
			near(t, "dup", dup.s()[i], d*x*s, 8*0x1p-24*math.Abs(d*x))
			near(t, "dgate", dgate.s()[i], d*u*s*(1+x*(1-s)), 16*0x1p-24*math.Abs(d*u)*(1+math.Abs(x)))
		}
		dx, dgamma, dbeta, x, gamma := mk(), mk(), mk(), mk(), mk()
		dx0, dgamma0, dbeta0 := dx.copyOf().s(), dgamma.copyOf().s(), dbeta.copyOf().s()
		use.normGrad(dx.s(), dgamma.s(), dbeta.s(), dout.s(), gamma.s(), x.s(), 0.5, 2, 0.25, -0.75)
		for _, g := range []guarded{dx, dgamma, dbeta} {
			g.check(t, "normGrad")
		}
		for i := range n {
			d, xhat := float64(dout.s()[i]), (float64(x.s()[i])-0.5)*2
			g := d * float64(gamma.s()[i])
			near(t, "dgamma", dgamma.s()[i], float64(dgamma0[i])+d*xhat, 4e-7*(1+math.Abs(d*xhat)))
			near(t, "dbeta", dbeta.s()[i], float64(dbeta0[i])+d, 4e-7*(1+math.Abs(d)))
			near(t, "dx", dx.s()[i], float64(dx0[i])+2*(g-0.25+xhat*0.75), 1e-6*(1+math.Abs(g)+math.Abs(xhat)))
		}
		sumG, sumGX := use.normSums(dout.s(), gamma.s(), x.s(), 0.5, 2)
		var wantG, wantGX, absG, absGX float64
		for i := range n {
			xhat := (float64(x.s()[i]) - 0.5) * 2
			g := float64(dout.s()[i]) * float64(gamma.s()[i])
			wantG, wantGX, absG, absGX = wantG+g, wantGX+g*xhat, absG+math.Abs(g), absGX+math.Abs(g*xhat)
		}
		near(t, "sumG", sumG, wantG, sumBound(n+2, absG))
		near(t, "sumGX", sumGX, wantGX, sumBound(n+4, absGX))
	})
}

func TestAdamWMatchesDefinition(t *testing.T) {
	eachLength(t, func(t *testing.T, n int, mk func() guarded) {
		w, g, m, v := mk(), mk(), mk(), mk()
		for i := range v.s() {
			v.s()[i] *= v.s()[i]
		}
		w0, m0, v0 := w.copyOf().s(), m.copyOf().s(), v.copyOf().s()
		const lr, b1, b2, eps, wd, c1, c2, gs = 0.01, 0.9, 0.99, 1e-8, 0.1, 0.5, 0.25, 0.5
		AdamW(nil, w.s(), g.s(), m.s(), v.s(), AdamWStep{lr, b1, b2, eps, wd, c1, c2, gs})
		for _, s := range []guarded{w, m, v} {
			s.check(t, "AdamW")
		}
		for i := range n {
			d := gs * float64(g.s()[i])
			mi := b1*float64(m0[i]) + (1-b1)*d
			vi := b2*float64(v0[i]) + (1-b2)*d*d
			wi := float64(w0[i])*(1-lr*wd) - lr/c1*mi/(math.Sqrt(vi)/math.Sqrt(c2)+eps)
			near(t, "m", m.s()[i], mi, 1e-6*(1+math.Abs(mi)))
			near(t, "v", v.s()[i], vi, 4e-6*(1+vi))
			near(t, "w", w.s()[i], wi, 1e-6*(1+math.Abs(wi)))
		}
	})
}

// All assembly versions agree to the bit: those of this machine with each other, and by a digest with those of other machines.
func TestVariantsAgree(t *testing.T) {
	const digest = 0xa763ce646e8bf656
	var first []float32
	for _, table := range available() {
		if table.name == "go" {
			continue
		}
		got := outputsOf(table)
		if first == nil {
			first = got
		}
		sameBits(t, table.name, got, first)
		h := fnv.New64a()
		if err := binary.Write(h, binary.LittleEndian, got); err != nil {
			t.Fatal(err)
		}
		if h.Sum64() != digest {
			t.Errorf("%s: got the digest %#x of all bits, want %#x", table.name, h.Sum64(), uint64(digest))
		}
	}
	if first == nil {
		t.Skip("this machine has no assembly version")
	}
}

// outputsOf returns results of a table for fixed inputs.
func outputsOf(o *ops) (all []float32) {
	saved := use
	defer func() { use = saved }()
	use = o
	rng := newRand(21)
	mk := func(n int) []float32 { // without the functions of package math, which may differ
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(int32(rng.Uint32())) * 0x1p-29
		}
		return x
	}
	for _, n := range lengths() {
		x, y, z := mk(n), mk(n), mk(n)
		for _, f := range []func(dst, x []float32){o.exp, o.tanh, o.add, o.geluTanh, o.geluErf, o.silu} {
			d := slices.Clone(y)
			f(d, x)
			all = append(all, d...)
		}
		for _, f := range []func(dst, act, x, y []float32){o.geluTanhGrad, o.geluErfGrad, func(d, _, x, y []float32) { o.swiGLU(d, x, y) }} {
			d, act := make([]float32, n), make([]float32, n)
			f(d, act, x, y)
			all = append(all, d...)
		}
		d := slices.Clone(z)
		o.axpy(d, 1.5, x)
		o.scale(d, 0.7)
		o.normApply(d, d, y, x, 0.1, 2)
		o.normGrad(d, y, z, x, d, z, 0.1, 2, 0.3, -0.2)
		all = append(append(append(all, d...), y...), z...)
		o.softmaxGrad(d, x, 3, 1e-7, 2, 0.5, -0.1)
		o.rope(d[:n/2*2], x[:n/2], y[:n/2], -1)
		all = append(all, d...)
		o.swiGLUGrad(d, z, make([]float32, n), x, y, z)
		o.adamW(y, d, x, slices.Repeat([]float32{2}, n), &generic.Adam{Decay: 0.9, GradScale: 0.5, Rate1: 0.1, Beta2: 0.9, Rate2: 0.1, RootCorr2: 0.7, Eps: 1e-6, Step: 0.1})
		all = append(append(append(append(all, d...), x...), y...), z...)
		g, gx := o.normSums(x, y, x, 0.1, 2)
		s, m := o.expStats(x, 1)
		all = append(all, o.dot(x, y), o.sum(x), o.sumSqDev(x, 0.5), o.max(x), g, gx, float32(s), float32(m), float32(o.expSum(x, 2)), float32(o.sumSquares(x)))
	}
	const m, k, n = 17, 100, 70
	for rows := 1; rows <= m; rows++ {
		w, c := make([]float32, PackedLen(k, n)), make([]float32, rows*n)
		Pack(w, mk(k*n), k, n)
		MatMul(nil, View(c, n), View(mk(rows*k), k), rows, Packed{w, k, n}, Epilogue{Act: ActGELUTanh, Bias: mk(n)})
		dx := make([]float32, rows*k)
		MatMulT(nil, View(dx, k), View(c, n), rows, Packed{w, k, n}, false)
		MatMulGrad(nil, Packed{w, k, n}, View(mk(rows*k), k), View(c, n), rows, true)
		all = append(append(append(all, c...), dx...), w...)
	}
	return append(all, attentionOf(mk)...)
}

// attentionOf returns both directions of attention on fixed inputs.
func attentionOf(mk func(n int) []float32) (all []float32) {
	for _, width := range []int{4, 10, 32, 64, 80, 96, 128} {
		c := newAttnCase(4, 2, width, 37)
		n := c.rows * c.ld
		q, k, v, out, dout, dq, dk, dv := mk(n), mk(n), mk(n), make([]float32, n), mk(n), make([]float32, n), make([]float32, n), make([]float32, n)
		x := QKV{View(q, c.ld), View(k, c.ld), View(v, c.ld)}
		Attention(nil, View(out, c.ld), x, c.paths, c.AttnShape)
		AttentionBackward(nil, QKV{View(dq, c.ld), View(dk, c.ld), View(dv, c.ld)}, View(dout, c.ld), x, c.paths, c.AttnShape)
		all = append(append(append(append(all, out...), dq...), dk...), dv...)
	}
	return all
}
