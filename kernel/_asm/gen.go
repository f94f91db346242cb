package main

import (
	"fmt"
	"math"

	"github.com/mmcloughlin/avo/attr"
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/gotypes"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// vec is a vector register: 16 lanes with AVX-512, 8 with AVX2.
type vec = reg.VecVirtual

// gen is the state of the generator. A loop body is emitted once for each part of 16 lanes (one with
// AVX-512, two with AVX2), for whole vectors and once more for the masked rest.
type gen struct {
	wide   bool
	parts  int
	width  int // bytes of a part
	consts map[string]Mem
	labels int

	part   int
	masked bool
	idx    reg.GPVirtual // byte offset of the current 16 lanes
	kmask  reg.OpmaskVirtual
	vmask  [2]vec
}

func newGen(wide bool) *gen {
	g := &gen{wide: wide, parts: 2, width: 32, consts: map[string]Mem{}}
	if wide {
		g.parts, g.width = 1, 64
	}
	return g
}

func (g *gen) v() vec {
	if g.wide {
		return ZMM()
	}
	return YMM()
}

// label returns a name that is used once.
func (g *gen) label(s string) string {
	g.labels++
	return fmt.Sprintf("%s%d", s, g.labels)
}

// bits returns a read-only vector of 16 equal words.
func (g *gen) bits(name string, word uint32) Mem {
	if m, ok := g.consts[name]; ok {
		return m
	}
	m := GLOBL(name, attr.RODATA|attr.NOPTR)
	for i := range 16 {
		DATA(4*i, U32(word))
	}
	g.consts[name] = m
	return m
}

// c returns a read-only vector of 16 equal numbers.
func (g *gen) c(x float64) Mem {
	w := math.Float32bits(float32(x))
	return g.bits(fmt.Sprintf("f%08x", w), w)
}

// constant loads c(x).
func (g *gen) constant(x float64) vec { return g.move(g.c(x)) }

func (g *gen) move(m Op) vec {
	r := g.v()
	VMOVUPS(m, r)
	return r
}

func (g *gen) zero() vec {
	r := g.v()
	VXORPS(r, r, r)
	return r
}

// param broadcasts a float32 parameter. The move must not be an SSE instruction: with upper
// halves in use it would cost some hundred cycles.
func (g *gen) param(name string) vec {
	r := g.v()
	VBROADCASTSS(address(Param(name)), r)
	return r
}

// address returns where a scalar parameter or result lies.
func address(c gotypes.Component) Mem {
	b, err := c.Resolve()
	if err != nil {
		panic(err)
	}
	return b.Addr
}

func base(name string) Register { return Load(Param(name).Base(), GP64()) }
func length(name string) reg.GPVirtual {
	return Load(Param(name).Len(), GP64()).(reg.GPVirtual)
}

// Register is what Load returns.
type Register = reg.Register

// mem is the current part of the slice that starts at p.
func (g *gen) mem(p Register) Mem {
	return Mem{Base: p, Index: g.idx, Scale: 1, Disp: g.part * g.width}
}

// load reads the current part; lanes past the end are zero.
func (g *gen) load(p Register) vec {
	r := g.v()
	switch {
	case !g.masked:
		VMOVUPS(g.mem(p), r)
	case g.wide:
		VMOVUPS_Z(g.mem(p), g.kmask, r)
	default:
		VMASKMOVPS(g.mem(p), g.vmask[g.part], r)
	}
	return r
}

// store writes the current part; nothing past the end.
func (g *gen) store(x vec, p Register) {
	switch {
	case !g.masked:
		VMOVUPS(x, g.mem(p))
	case g.wide:
		VMOVUPS(x, g.kmask, g.mem(p))
	default:
		VMASKMOVPS(x, g.vmask[g.part], g.mem(p))
	}
}

// only clears the lanes past the end.
func (g *gen) only(x vec) vec {
	if !g.masked {
		return x
	}
	r := g.v()
	if g.wide {
		VMOVAPS_Z(x, g.kmask, r)
	} else {
		VANDPS(x, g.vmask[g.part], r)
	}
	return r
}

// orElse puts fill into the lanes past the end.
func (g *gen) orElse(x, fill vec) vec {
	if !g.masked {
		return x
	}
	r := g.v()
	if g.wide {
		VBLENDMPS(x, fill, g.kmask, r)
	} else {
		VBLENDVPS(g.vmask[g.part], x, fill, r)
	}
	return r
}

// loop emits body for n elements: 16 at a time, then the masked rest. n is consumed.
func (g *gen) loop(n reg.GPVirtual, body func()) {
	again, tail, done := g.label("loop"), g.label("tail"), g.label("done")
	g.idx = GP64()
	XORQ(g.idx, g.idx)
	CMPQ(n, Imm(16))
	JLT(LabelRef(tail))
	Label(again)
	g.eachPart(body)
	ADDQ(Imm(64), g.idx)
	SUBQ(Imm(16), n)
	CMPQ(n, Imm(16))
	JGE(LabelRef(again))
	Label(tail)
	TESTQ(n, n)
	JE(LabelRef(done))
	g.setMask(n)
	g.masked = true
	g.eachPart(body)
	g.masked = false
	Label(done)
}

func (g *gen) eachPart(body func()) {
	for g.part = range g.parts {
		body()
	}
	g.part = 0
}

// setMask makes the masks of the first n of 16 lanes.
func (g *gen) setMask(n reg.GPVirtual) {
	if g.wide {
		m := GP32()
		MOVL(U32(0xffff), m)
		BZHIL(n.As32(), m, m)
		g.kmask = K()
		KMOVW(m, g.kmask)
		return
	}
	table, ok := g.consts["lanes"]
	if !ok {
		table = GLOBL("lanes", attr.RODATA|attr.NOPTR)
		for i := range 32 {
			DATA(4*i, U32([]uint32{0xffffffff, 0}[i/16]))
		}
		g.consts["lanes"] = table
	}
	p, at := GP64(), GP64()
	LEAQ(table, p)
	MOVQ(U32(16), at)
	SUBQ(n, at)
	for i := range g.vmask {
		g.vmask[i] = YMM()
		VMOVUPS(Mem{Base: p, Index: at, Scale: 4, Disp: 32 * i}, g.vmask[i])
	}
}

// Arithmetic: each returns a new register. An operand b may be memory.

func (g *gen) add(a vec, b Op) vec { r := g.v(); VADDPS(b, a, r); return r }
func (g *gen) sub(a vec, b Op) vec { r := g.v(); VSUBPS(b, a, r); return r }
func (g *gen) mul(a vec, b Op) vec { r := g.v(); VMULPS(b, a, r); return r }
func (g *gen) div(a vec, b Op) vec { r := g.v(); VDIVPS(b, a, r); return r }
func (g *gen) sqrt(a vec) vec      { r := g.v(); VSQRTPS(a, r); return r }
func (g *gen) and(a vec, b Op) vec { r := g.v(); VANDPS(b, a, r); return r }
func (g *gen) or(a vec, b Op) vec  { r := g.v(); VORPS(b, a, r); return r }

// max and min return b where an operand is NaN.
func (g *gen) max(a vec, b Op) vec { r := g.v(); VMAXPS(b, a, r); return r }
func (g *gen) min(a vec, b Op) vec { r := g.v(); VMINPS(b, a, r); return r }

// fma returns a*b + c, fnma c - a*b.
func (g *gen) fma(a vec, b Op, c vec) vec  { r := g.move(c); VFMADD231PS(b, a, r); return r }
func (g *gen) fnma(a vec, b Op, c vec) vec { r := g.move(c); VFNMADD231PS(b, a, r); return r }

// poly returns coef[0] + coef[1]*x + ... by Horner's rule.
func (g *gen) poly(x vec, coef ...float64) vec {
	r := g.constant(coef[len(coef)-1])
	for i := len(coef) - 2; i >= 0; i-- {
		VFMADD213PS(g.c(coef[i]), x, r)
	}
	return r
}

// less selects: yes where a < b, else no.
func (g *gen) less(a vec, b Op, yes, no vec) vec {
	const lessThan = 0x11 // ordered, quiet
	r := g.v()
	if g.wide {
		k := K()
		VCMPPS(Imm(lessThan), b, a, k)
		VBLENDMPS(yes, no, k, r)
		return r
	}
	m := YMM()
	VCMPPS(Imm(lessThan), b, a, m)
	VBLENDVPS(m, yes, no, r)
	return r
}
