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

// xreg is a vector register: 16 lanes with AVX-512, 8 with AVX2.
type xreg = reg.VecVirtual

// Register is what Load returns.
type Register = reg.Register

// x86 writes AVX-512 or AVX2. A loop body is emitted once for each part of 16 lanes (one with
// AVX-512, two with AVX2), for whole vectors and once more for the masked rest.
type x86 struct {
	wide      bool
	registers int // of 16 lanes
	width     int // bytes of a part
	consts    map[string]Mem
	labels    int

	at     int // part in work
	masked bool
	idx    reg.GPVirtual // byte offset of the current 16 lanes
	kmask  reg.OpmaskVirtual
	vmask  [2]xreg
}

func newX86(wide bool) *x86 {
	g := &x86{wide: wide, registers: 2, width: 32, consts: map[string]Mem{}}
	if wide {
		g.registers, g.width = 1, 64
	}
	return g
}

func (g *x86) v() xreg {
	if g.wide {
		return ZMM()
	}
	return YMM()
}

func (g *x86) text(stub string) {
	signature, doc := describe(stub)
	TEXT(stub, NOSPLIT, signature)
	Pragma("noescape")
	Doc(doc...)
}

func (g *x86) parts() int { return g.registers }
func (g *x86) part() int  { return g.at }

func (g *x86) newLabel(s string) string {
	g.labels++
	return fmt.Sprintf("%s%d", s, g.labels)
}

func (g *x86) place(label string) { Label(label) }

func (g *x86) jumpIfZero(x gpr, label string) {
	TESTQ(x, x)
	JE(LabelRef(label))
}

func (g *x86) end() {
	VZEROUPPER()
	RET()
}

func (g *x86) result(i int, x vec)   { VMOVSS(x, address(ReturnIndex(i))) }
func (g *x86) result64(i int, x vec) { VMOVSD(x, address(ReturnIndex(i))) }

func (g *x86) bits(name string, word uint32) ref {
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

func (g *x86) c(x float64) ref {
	w := math.Float32bits(float32(x))
	return g.bits(fmt.Sprintf("f%08x", w), w)
}

func (g *x86) constant(x float64) vec { return g.move(g.c(x)) }

func (g *x86) move(m Op) xreg {
	r := g.v()
	VMOVUPS(m, r)
	return r
}

func (g *x86) copyOf(x vec) vec { return g.move(x) }
func (g *x86) whole(p gpr) ref  { return g.mem(p) }

func (g *x86) zero() vec {
	r := g.v()
	VXORPS(r, r, r)
	return r
}

// param must not use an SSE instruction: with upper halves in use it would cost some hundred cycles.
func (g *x86) param(name string) vec { return g.everywhere(address(Param(name))) }

func (g *x86) element(p gpr, i int) vec { return g.everywhere(Mem{Base: p.(Register), Disp: 4 * i}) }
func (g *x86) fieldVector(at int) vec   { return g.everywhere(g.attnField(at)) }
func (g *x86) broadcast(x vec) vec      { return g.everywhere(x) }

// everywhere returns the float32 at m in every lane.
func (g *x86) everywhere(m Op) xreg {
	r := g.v()
	VBROADCASTSS(m, r)
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

func (g *x86) base(name string) gpr    { return base(name) }
func (g *x86) length(name string) gpr  { return length(name) }
func (g *x86) pointer(name string) gpr { return Load(Param(name), GP64()) }

func base(name string) Register { return Load(Param(name).Base(), GP64()) }
func length(name string) reg.GPVirtual {
	return Load(Param(name).Len(), GP64()).(reg.GPVirtual)
}

func (g *x86) address(p, n gpr) gpr {
	r := GP64()
	LEAQ(Mem{Base: p.(Register), Index: n.(Register), Scale: 4}, r)
	return r
}

// mem is the current part of the slice that starts at p.
func (g *x86) mem(p gpr) Mem {
	return Mem{Base: p.(Register), Index: g.idx, Scale: 1, Disp: g.at * g.width}
}

func (g *x86) load(p gpr) vec {
	r := g.v()
	switch {
	case !g.masked:
		VMOVUPS(g.mem(p), r)
	case g.wide:
		VMOVUPS_Z(g.mem(p), g.kmask, r)
	default:
		VMASKMOVPS(g.mem(p), g.vmask[g.at], r)
	}
	return r
}

func (g *x86) store(x vec, p gpr) {
	switch {
	case !g.masked:
		VMOVUPS(x, g.mem(p))
	case g.wide:
		VMOVUPS(x, g.kmask, g.mem(p))
	default:
		VMASKMOVPS(x, g.vmask[g.at], g.mem(p))
	}
}

func (g *x86) only(x vec) vec {
	if !g.masked {
		return x
	}
	r := g.v()
	if g.wide {
		VMOVAPS_Z(x, g.kmask, r)
	} else {
		VANDPS(x, g.vmask[g.at], r)
	}
	return r
}

func (g *x86) orElse(x, fill vec) vec {
	if !g.masked {
		return x
	}
	r := g.v()
	if g.wide {
		VBLENDMPS(x, fill, g.kmask, r)
	} else {
		VBLENDVPS(g.vmask[g.at], x, fill, r)
	}
	return r
}

func (g *x86) loop(count gpr, body func()) {
	n := count.(reg.GPVirtual)
	again, tail, done := g.newLabel("loop"), g.newLabel("tail"), g.newLabel("done")
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

func (g *x86) eachPart(body func()) {
	for g.at = range g.registers {
		body()
	}
	g.at = 0
}

// setMask makes the masks of the first n of 16 lanes.
func (g *x86) setMask(n reg.GPVirtual) {
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

func (g *x86) add(a vec, b ref) vec { r := g.v(); VADDPS(b, a, r); return r }
func (g *x86) sub(a vec, b ref) vec { r := g.v(); VSUBPS(b, a, r); return r }
func (g *x86) mul(a vec, b ref) vec { r := g.v(); VMULPS(b, a, r); return r }
func (g *x86) div(a vec, b ref) vec { r := g.v(); VDIVPS(b, a, r); return r }
func (g *x86) sqrt(a vec) vec       { r := g.v(); VSQRTPS(a, r); return r }
func (g *x86) and(a vec, b ref) vec { r := g.v(); VANDPS(b, a, r); return r }
func (g *x86) or(a vec, b ref) vec  { r := g.v(); VORPS(b, a, r); return r }

// max and min return b where an operand is NaN; maxTo the sum.
func (g *x86) max(a vec, b ref) vec { r := g.v(); VMAXPS(b, a, r); return r }
func (g *x86) min(a vec, b ref) vec { r := g.v(); VMINPS(b, a, r); return r }
func (g *x86) maxTo(x, acc vec)     { VMAXPS(acc, x, acc) }

func (g *x86) fma(a vec, b ref, c vec) vec   { r := g.move(c); VFMADD231PS(b, a, r); return r }
func (g *x86) fnma(a vec, b ref, c vec) vec  { r := g.move(c); VFNMADD231PS(b, a, r); return r }
func (g *x86) addTo(x ref, acc vec)          { VADDPS(x, acc, acc) }
func (g *x86) addMul(a ref, b, acc vec)      { VFMADD231PS(a, b, acc) }
func (g *x86) subMul(a ref, b, acc vec)      { VFNMADD231PS(a, b, acc) }
func (g *x86) horner(r, x vec, coef ref) vec { VFMADD213PS(coef, x, r); return r }
func (g *x86) addTo64(x, acc vec)            { VADDPD(x, acc, acc) }
func (g *x86) addMul64(a, b, acc vec)        { VFMADD231PD(a, b, acc) }

func (g *x86) less(a vec, b ref, yes, no vec) vec {
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

func (g *x86) round(x vec) vec {
	if g.wide {
		VRNDSCALEPS(Imm(8), x, x)
	} else {
		VROUNDPS(Imm(8), x, x)
	}
	return x
}

// power takes two steps with AVX2, since 2^n itself may be out of range.
func (g *x86) power(p, n vec) vec {
	if g.wide {
		VSCALEFPS(n, p, p)
		return p
	}
	i, half := YMM(), YMM()
	VCVTPS2DQ(n, i)
	VPSRAD(Imm(1), i, half)
	VPSUBD(half, i, i)
	for _, e := range []xreg{half, i} {
		VPADDD(g.bits("bias", 127), e, e)
		VPSLLD(Imm(23), e, e)
		p = g.mul(p, e)
	}
	return p
}
