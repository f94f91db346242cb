package main

import "math"

// Offsets of the fields of generic.Attn.
const (
	attnPaths, attnSegs, attnP, attnDP, attnX, attnX2, attnY, attnY2 = 0, 24, 48, 72, 96, 120, 144, 168
	attnPitch, attnLDX, attnLDX2, attnLDY, attnWidth                 = 192, 200, 208, 216, 224
	attnFrom, attnTo, attnScale, attnFill                            = 232, 240, 248, 252
	slice                                                            = 24 // bytes of a slice header
	segT0, segT1, segRow, segRows, segment                           = 0, 4, 8, 12, 16
)

func (g *gen) attention() {
	g.scores()
	g.softmax()
	g.softmaxBackward()
	g.mix()
	g.spread()
	g.rope()
}

// softmax passes three times over each row: largest element, exponentials and their sum, quotients.
func (g *gen) softmax() {
	g.text("softmax")
	p := g.field(attnP)
	g.eachRow(false, func(_, n gpr) {
		top, sum := make([]vec, g.parts()), g.lanes()
		none := g.constant(math.Inf(-1))
		for i := range top {
			top[i] = g.copyOf(none)
		}
		g.eachBlock(n, func() { g.maxTo(g.load(p), top[g.part()]) })
		shift := g.broadcast(g.highest(top))
		g.eachBlock(n, func() {
			e := g.expCut(g.sub(g.load(p), shift))
			g.store(e, p)
			g.addTo(e, sum[g.part()])
		})
		total := g.broadcast(g.total(sum))
		inverse := g.div(g.constant(1), total)
		g.eachBlock(n, func() { g.store(g.mul(g.load(p), inverse), p) })
	}, func() { g.stepBy(attnPitch, p) })
	g.end()
}

func (g *gen) softmaxBackward() {
	g.text("softmaxBackward")
	p, dp, scale := g.field(attnP), g.field(attnDP), g.fieldVector(attnScale)
	g.eachRow(false, func(_, n gpr) {
		acc := g.lanes()
		g.eachBlock(n, func() { g.addMul(g.whole(dp), g.load(p), acc[g.part()]) })
		mean := g.broadcast(g.total(acc))
		g.eachBlock(n, func() { g.store(g.mul(g.mul(g.load(p), g.sub(g.load(dp), mean)), scale), dp) })
	}, func() {
		g.stepBy(attnPitch, p)
		g.stepBy(attnPitch, dp)
	})
	g.end()
}

func (g *gen) rope() {
	g.text("Rope")
	x, cos, sin, n := g.base("x"), g.base("cos"), g.base("sin"), g.length("cos")
	upper := g.address(x, n)
	sign := g.param("sign")
	g.loop(n, func() {
		a, b, c, s := g.load(x), g.load(upper), g.load(cos), g.mul(g.load(sin), sign)
		g.store(g.fnma(b, s, g.mul(a, c)), x)
		g.store(g.fma(a, s, g.mul(b, c)), upper)
	})
	g.end()
}
