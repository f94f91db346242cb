package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

func end() {
	VZEROUPPER()
	RET()
}

// unary emits dst[i] = f(x[i]).
func (g *gen) unary(name, dst string, f func(x vec) vec) {
	g.text(name)
	d, x, n := base(dst), base("x"), length(dst)
	g.loop(n, func() { g.store(f(g.load(x)), d) })
	end()
}

func (g *gen) pointwise() {
	g.unary("Exp", "dst", g.exp)
	g.unary("Tanh", "dst", g.tanh)

	g.text("Add")
	dst, a, n := base("dst"), base("a"), length("dst")
	g.loop(n, func() { g.store(g.add(g.load(dst), g.load(a)), dst) })
	end()

	g.text("Axpy")
	y, x, n := base("y"), base("x"), length("y")
	alpha := g.param("alpha")
	g.loop(n, func() { g.store(g.fma(g.load(x), alpha, g.load(y)), y) })
	end()

	g.text("Scale")
	x, n = base("x"), length("x")
	s := g.param("s")
	g.loop(n, func() { g.store(g.mul(g.load(x), s), x) })
	end()

	g.softmaxGrad()
	g.adamW()
	g.norms()
}

func (g *gen) softmaxGrad() {
	g.text("SoftmaxGrad")
	d, x, n := base("d"), base("x"), length("d")
	hi, lo, entropy, gLogp, gEnt := g.param("hi"), g.param("lo"), g.param("entropy"), g.param("gLogp"), g.param("gEnt")
	g.loop(n, func() {
		logp := g.sub(g.sub(g.load(x), hi), lo)
		p := g.expCut(logp)
		finite := g.max(g.constant(-200), logp) // where p is 0, logp may be -Inf
		slope := g.fma(g.add(finite, entropy), gEnt, gLogp)
		g.store(g.fnma(p, slope, g.zero()), d)
	})
	end()
}

// adamW keeps the fields of generic.Adam in their order.
func (g *gen) adamW() {
	g.text("adamW")
	w, grad, m, v, n := base("w"), base("grad"), base("m"), base("v"), length("w")
	c := Load(Param("c"), GP64())
	field := func(i int) vec {
		r := g.v()
		VBROADCASTSS(Mem{Base: c, Disp: 4 * i}, r)
		return r
	}
	decay, gradScale, rate1, beta2 := field(0), field(1), field(2), field(3)
	rate2, rootCorr2, eps, step := field(4), field(5), field(6), field(7)
	g.loop(n, func() {
		d := g.mul(g.load(grad), gradScale)
		second := g.fma(g.mul(d, rate2), d, g.mul(g.load(v), beta2))
		g.store(second, v)
		first := g.load(m)
		VFMADD231PS(g.sub(d, first), rate1, first)
		g.store(first, m)
		denom := g.add(g.div(g.sqrt(second), rootCorr2), eps)
		g.store(g.fnma(g.div(first, denom), step, g.mul(g.load(w), decay)), w)
	})
	end()
}

func (g *gen) norms() {
	g.text("NormApply")
	out, x, gamma, beta, n := base("out"), base("x"), base("gamma"), base("beta"), length("out")
	mean, rstd := g.param("mean"), g.param("rstd")
	none := g.label("none")
	TESTQ(beta, beta)
	JE(LabelRef(none))
	xhat := func() vec { return g.mul(g.sub(g.load(x), mean), rstd) }
	g.loop(n, func() { g.store(g.fma(xhat(), g.load(gamma), g.load(beta)), out) })
	end()
	Label(none)
	g.loop(n, func() { g.store(g.mul(xhat(), g.load(gamma)), out) })
	end()

	g.text("NormGrad")
	dx, dgamma, dbeta := base("dx"), base("dgamma"), base("dbeta")
	dout := base("dout")
	gamma, x, n = base("gamma"), base("x"), length("dx")
	mean, rstd = g.param("mean"), g.param("rstd")
	meanG, meanGX := g.param("meanG"), g.param("meanGX")
	g.loop(n, func() {
		xhat := g.mul(g.sub(g.load(x), mean), rstd)
		d := g.load(dout)
		g.store(g.fma(d, xhat, g.load(dgamma)), dgamma)
		g.store(g.add(g.load(dbeta), d), dbeta)
		part := g.sub(g.mul(d, g.load(gamma)), meanG)
		g.store(g.fma(g.fnma(xhat, meanGX, part), rstd, g.load(dx)), dx)
	})
	end()
}

// The tanh form of GELU is x*sigmoid(2u), 2u = x*(geluA + geluB*x^2).
const (
	geluA = 1.5957691216057308  // 2*sqrt(2/pi)
	geluB = 0.07135481627159887 // geluA * 0.044715
)

// geluSigmoid returns sigmoid(2u) and x^2.
func (g *gen) geluSigmoid(x vec) (s, square vec) {
	square = g.mul(x, x)
	minus := g.mul(g.poly(square, -geluA, -geluB), x)
	return g.sigmoidOfMinus(minus), square
}

func (g *gen) negated(x vec) vec { return g.sub(g.zero(), x) }

func (g *gen) activations() {
	g.unary("GELUTanh", "out", func(x vec) vec { s, _ := g.geluSigmoid(x); return g.mul(x, s) })
	g.unary("GELUErf", "out", func(x vec) vec { phi, _ := g.normal(x); return g.mul(x, phi) })
	g.unary("SiLU", "out", func(x vec) vec { return g.mul(x, g.sigmoidOfMinus(g.negated(x))) })

	g.gradient("GELUTanhGrad", func(x vec) vec { // s + x*s*(1-s)*d(2u)/dx
		s, square := g.geluSigmoid(x)
		inner := g.mul(g.mul(x, s), g.poly(square, geluA, 3*geluB))
		return g.fma(inner, g.sub(g.constant(1), s), s)
	})
	g.gradient("GELUErfGrad", func(x vec) vec {
		phi, e := g.normal(x)
		return g.fma(g.mul(x, g.c(1/math.Sqrt(2*math.Pi))), e, phi)
	})

	g.text("SwiGLU")
	out, gate, up, n := base("out"), base("gate"), base("up"), length("out")
	g.loop(n, func() {
		x := g.load(gate)
		g.store(g.mul(g.mul(x, g.sigmoidOfMinus(g.negated(x))), g.load(up)), out)
	})
	end()

	g.text("SwiGLUGrad")
	dgate, dup, dout := base("dgate"), base("dup"), base("dout")
	gate, up, n = base("gate"), base("up"), length("dgate")
	g.loop(n, func() {
		x, d := g.load(gate), g.load(dout)
		s := g.sigmoidOfMinus(g.negated(x))
		silu := g.mul(x, s)
		slope := g.fma(silu, g.sub(g.constant(1), s), s) // s + x*s*(1-s)
		dg := g.mul(g.mul(d, g.load(up)), slope)
		g.store(g.mul(d, silu), dup)
		g.store(dg, dgate)
	})
	end()
}

// gradient emits dx[i] = dout[i]*slope(x[i]).
func (g *gen) gradient(name string, slope func(x vec) vec) {
	g.text(name)
	dx, dout, x, n := base("dx"), base("dout"), base("x"), length("dx")
	g.loop(n, func() { g.store(g.mul(g.load(dout), slope(g.load(x))), dx) })
	end()
}
