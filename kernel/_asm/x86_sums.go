package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// full returns x as a register that its lower parts can be named of.
func full(x vec) xreg { return x.(xreg) }

// total adds lane l to l+8 and then to l+4, then the four sums that remain.
func (g *x86) total(acc []vec) vec {
	half, x := YMM(), XMM()
	if g.wide {
		VEXTRACTF64X4(Imm(1), acc[0], half)
		VADDPS(half, full(acc[0]).AsY(), half)
	} else {
		VADDPS(acc[1], acc[0], half)
	}
	VEXTRACTF128(Imm(1), half, x)
	VADDPS(x, half.AsX(), x)
	VHADDPS(x, x, x)
	VHADDPS(x, x, x)
	return x
}

func (g *x86) widened(x vec) [2]vec {
	lo, hi := g.v(), g.v()
	if g.wide {
		half := YMM()
		VEXTRACTF64X4(Imm(1), x, half)
		VCVTPS2PD(full(x).AsY(), lo)
		VCVTPS2PD(half, hi)
	} else {
		half := XMM()
		VEXTRACTF128(Imm(1), x, half)
		VCVTPS2PD(full(x).AsX(), lo)
		VCVTPS2PD(half, hi)
	}
	return [2]vec{lo, hi}
}

// total64 has lane 8i+j (4i+j with AVX2) in element j of register i.
func (g *x86) total64(acc []vec) vec {
	q, x := YMM(), XMM()
	if g.wide {
		VADDPD(acc[1], acc[0], acc[0])
		VEXTRACTF64X4(Imm(1), acc[0], q)
		VADDPD(q, full(acc[0]).AsY(), q)
	} else {
		VADDPD(acc[2], acc[0], acc[0])
		VADDPD(acc[3], acc[1], acc[1])
		VADDPD(acc[1], acc[0], q)
	}
	VHADDPD(q, q, q)
	VEXTRACTF128(Imm(1), q, x)
	VADDPD(x, q.AsX(), x)
	return x
}

func (g *x86) highest(acc []vec) vec {
	half, q, s := YMM(), XMM(), XMM()
	if g.wide {
		VEXTRACTF64X4(Imm(1), acc[0], half)
		VMAXPS(half, full(acc[0]).AsY(), half)
	} else {
		VMAXPS(acc[1], acc[0], half)
	}
	VEXTRACTF128(Imm(1), half, q)
	VMAXPS(q, half.AsX(), q)
	VPERMILPS(Imm(0x4e), q, s)
	VMAXPS(s, q, q)
	VPERMILPS(Imm(0xb1), q, s)
	VMAXPS(s, q, q)
	return q
}
