package main

import "math"

// unary emits dst[i] = f(x[i]).
func (g *gen) unary(name, dst string, f func(x vec) vec) {
	g.text(name)
	d, x, n := g.base(dst), g.base("x"), g.length(dst)
	g.loop(n, func() { g.store(f(g.load(x)), d) })
	g.end()
}

func (g *gen) pointwise() {
	g.unary("Exp", "dst", g.exp)
	g.unary("Tanh", "dst", g.tanh)

	g.text("Add")
	dst, a, n := g.base("dst"), g.base("a"), g.length("dst")
	g.loop(n, func() { g.store(g.add(g.load(dst), g.load(a)), dst) })
	g.end()

	g.text("Axpy")
	y, x, n := g.base("y"), g.base("x"), g.length("y")
	alpha := g.param("alpha")
	g.loop(n, func() { g.store(g.fma(g.load(x), alpha, g.load(y)), y) })
	g.end()

	g.text("Scale")
	x, n = g.base("x"), g.length("x")
	s := g.param("s")
	g.loop(n, func() { g.store(g.mul(g.load(x), s), x) })
	g.end()

	g.softmaxGrad()
	g.adamW()
	g.norms()
}

func (g *gen) softmaxGrad() {
	g.text("SoftmaxGrad")
	d, x, n := g.base("d"), g.base("x"), g.length("d")
	hi, lo, entropy, gLogp, gEnt := g.param("hi"), g.param("lo"), g.param("entropy"), g.param("gLogp"), g.param("gEnt")
	g.loop(n, func() {
		logp := g.sub(g.sub(g.load(x), hi), lo)
		p := g.expCut(logp)
		finite := g.max(g.constant(-200), logp) // where p is 0, logp may be -Inf
		slope := g.fma(g.add(finite, entropy), gEnt, gLogp)
		g.store(g.fnma(p, slope, g.zero()), d)
	})
	g.end()
}

// adamW keeps the fields of generic.Adam in their order.
func (g *gen) adamW() {
	g.text("adamW")
	w, grad, m, v, n := g.base("w"), g.base("grad"), g.base("m"), g.base("v"), g.length("w")
	c := g.pointer("c")
	field := func(i int) vec { return g.element(c, i) }
	decay, gradScale, rate1, beta2 := field(0), field(1), field(2), field(3)
	rate2, rootCorr2, eps, step := field(4), field(5), field(6), field(7)
	g.loop(n, func() {
		d := g.mul(g.load(grad), gradScale)
		second := g.fma(g.mul(d, rate2), d, g.mul(g.load(v), beta2))
		g.store(second, v)
		first := g.load(m)
		g.addMul(g.sub(d, first), rate1, first)
		g.store(first, m)
		denom := g.add(g.div(g.sqrt(second), rootCorr2), eps)
		g.store(g.fnma(g.div(first, denom), step, g.mul(g.load(w), decay)), w)
	})
	g.end()
}

func (g *gen) norms() {
	g.text("NormApply")
	out, x, gamma, beta, n := g.base("out"), g.base("x"), g.base("gamma"), g.base("beta"), g.length("out")
	mean, rstd := g.param("mean"), g.param("rstd")
	none := g.newLabel("none")
	g.jumpIfZero(beta, none)
	xhat := func() vec { return g.mul(g.sub(g.load(x), mean), rstd) }
	g.loop(n, func() { g.store(g.fma(xhat(), g.load(gamma), g.load(beta)), out) })
	g.end()
	g.place(none)
	g.loop(n, func() { g.store(g.mul(xhat(), g.load(gamma)), out) })
	g.end()

	g.text("NormGrad")
	dx, dgamma, dbeta := g.base("dx"), g.base("dgamma"), g.base("dbeta")
	dout := g.base("dout")
	gamma, x, n = g.base("gamma"), g.base("x"), g.length("dx")
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
	g.end()
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

	g.gradient("GELUTanhGrad", func(x vec) (act, slope vec) { // s + x*s*(1-s)*d(2u)/dx
		s, square := g.geluSigmoid(x)
		act = g.mul(x, s)
		inner := g.mul(act, g.poly(square, geluA, 3*geluB))
		return act, g.fma(inner, g.sub(g.constant(1), s), s)
	})
	g.gradient("GELUErfGrad", func(x vec) (act, slope vec) {
		phi, e := g.normal(x)
		return g.mul(x, phi), g.fma(g.mul(x, g.c(1/math.Sqrt(2*math.Pi))), e, phi)
	})

	g.text("SwiGLU")
	out, gate, up, n := g.base("out"), g.base("gate"), g.base("up"), g.length("out")
	g.loop(n, func() {
		x := g.load(gate)
		g.store(g.mul(g.mul(x, g.sigmoidOfMinus(g.negated(x))), g.load(up)), out)
	})
	g.end()

	g.text("SwiGLUGrad")
	dgate, dup, act, dout := g.base("dgate"), g.base("dup"), g.base("act"), g.base("dout")
	gate, up, n = g.base("gate"), g.base("up"), g.length("dgate")
	g.loop(n, func() {
		x, d := g.load(gate), g.load(dout)
		s := g.sigmoidOfMinus(g.negated(x))
		silu := g.mul(x, s)
		slope := g.fma(silu, g.sub(g.constant(1), s), s) // s + x*s*(1-s)
		dg := g.mul(g.mul(d, g.load(up)), slope)
		g.store(g.mul(silu, g.load(up)), act)
		g.store(g.mul(d, silu), dup)
		g.store(dg, dgate)
	})
	g.end()
}

// gradient emits dx[i], act[i] = dout[i]*slope(x[i]), f(x[i]).
func (g *gen) gradient(name string, f func(x vec) (act, slope vec)) {
	g.text(name)
	dx, act, dout, x, n := g.base("dx"), g.base("act"), g.base("dout"), g.base("x"), g.length("dx")
	g.loop(n, func() {
		value, slope := f(g.load(x))
		g.store(value, act)
		g.store(g.mul(g.load(dout), slope), dx)
	})
	g.end()
}
