package main

import "math"

// The polynomials come from fit.py, lowest power first.
var (
	expPoly  = []float64{1, 1, 0.499999934, 0.166665205, 0.0416683898, 0.00836873552, 0.00138145606}
	tanhPoly = []float64{-0.333332819, 0.133314422, -0.0537397166, 0.0206390923, -0.00570499265}
	tailPoly = []float64{0.119522523, 0.122463268, 0.0885252578, 0.169927959, -0.143617636, 0.326635587, -0.254182815,
		0.0789065602, -0.00818070115}
)

// tailRate is c of the variable s = 1/(1+c*t) of tailPoly.
const tailRate = 0.3

// poly returns coef[0] + coef[1]*x + ... by Horner's rule.
func (g *gen) poly(x vec, coef ...float64) vec {
	r := g.constant(coef[len(coef)-1])
	for i := len(coef) - 2; i >= 0; i-- {
		r = g.horner(r, x, g.c(coef[i]))
	}
	return r
}

// exp returns e^x: 0 below -104, +Inf above 88.7; NaN stays.
func (g *gen) exp(x vec) vec { return g.expFrom(x, -104) }

// expCut is exp, but 0 below -80: there the CPU would need some hundred cycles for a denormal result,
// its own or that of the next product.
func (g *gen) expCut(x vec) vec { return g.less(x, g.c(-80), g.zero(), g.expFrom(x, -80)) }

// expFrom returns e^x = 2^n * e^r, n = round(x/log 2), for x of at least least.
func (g *gen) expFrom(x vec, least float64) vec {
	x = g.max(g.constant(least), x)
	x = g.min(g.constant(89), x)
	n := g.round(g.mul(x, g.c(math.Log2E)))
	hi := float64(float32(math.Ln2))
	r := g.fnma(n, g.c(hi), x)
	g.subMul(g.c(math.Ln2-hi), n, r)
	return g.power(g.poly(r, expPoly...), n)
}

// sigmoidOfMinus returns 1/(1+e^-x), given -x.
func (g *gen) sigmoidOfMinus(minus vec) vec {
	return g.div(g.constant(1), g.add(g.expFrom(minus, -80), g.c(1)))
}

// tanh returns x + x^3 q(x^2) near zero, else 1 - 2/(e^2|x| + 1) with the sign of x.
func (g *gen) tanh(x vec) vec {
	z := g.mul(x, x)
	small := g.fma(g.mul(x, z), g.poly(z, tanhPoly...), x)
	abs := g.and(x, g.bits("abs", 0x7fffffff))
	e := g.exp(g.add(abs, abs))
	big := g.sub(g.constant(1), g.div(g.constant(2), g.add(e, g.c(1))))
	big = g.or(big, g.and(x, g.bits("sign", 0x80000000)))
	return g.less(abs, g.c(0.625), small, big)
}

// normal returns the distribution function of the normal distribution at x and e^(-x^2/2).
func (g *gen) normal(x vec) (phi, e vec) {
	e = g.expCut(g.mul(g.mul(x, x), g.c(-0.5)))
	abs := g.and(x, g.bits("abs", 0x7fffffff))
	s := g.div(g.constant(1), g.fma(abs, g.c(tailRate), g.constant(1)))
	tail := g.mul(g.mul(e, s), g.poly(s, tailPoly...))
	return g.less(x, g.c(0), tail, g.sub(g.constant(1), tail)), e
}
