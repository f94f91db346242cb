package main

import (
	"github.com/mmcloughlin/avo/attr"
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// scores has loops of their own for the usual widths.
func (g *x86) scores() {
	g.text("scores")
	for _, width := range []int{32, 64, 0} {
		other := g.newLabel("width")
		if width > 0 {
			CMPQ(g.attnField(attnWidth), U32(uint32(width)))
			JNE(LabelRef(other))
		}
		x, p := g.get(attnX), g.get(attnP)
		g.attnRows(true, func(a *attn) { a.scoresOf(x, p, width) }, func() {
			g.stepBy(attnLDX, x)
			g.stepBy(attnPitch, p)
		})
		g.end()
		if width > 0 {
			Label(other)
		}
	}
}

// scoresOf computes the scores of one row, eight keys at a time. The keys that the last eight lack stand for
// the last one.
func (a *attn) scoresOf(x, p Register, width int) {
	g := a.x86
	a.fill(p)
	from, left := a.span()
	dst := GP64()
	LEAQ(Mem{Base: p, Index: from, Scale: 4}, dst)
	LEAQ(Mem{Base: a.idx, Index: from, Scale: 4}, a.idx)
	k := keys{x86: g, x: x, ld: a.strideAt(attnLDY), idx: a.idx, width: width}
	again, rest, four, store, done := g.newLabel("eight"), g.newLabel("rest"), g.newLabel("four"), g.newLabel("store"), g.newLabel("done")
	scale := YMM()
	VBROADCASTSS(g.attnField(attnScale), scale)
	SUBQ(Imm(8), left)
	JL(LabelRef(rest))
	Label(again)
	s := k.scores(8)
	VMULPS(scale, s, s)
	VMOVUPS(s, Mem{Base: dst})
	ADDQ(Imm(32), dst)
	ADDQ(Imm(32), a.idx)
	SUBQ(Imm(8), left)
	JGE(LabelRef(again))
	Label(rest)
	ADDQ(Imm(8), left)
	JE(LabelRef(done))
	k.last = GP64()
	LEAQ(Mem{Base: left, Disp: -1}, k.last)
	some := YMM()
	CMPQ(left, Imm(4))
	JLE(LabelRef(four))
	VMOVAPS(k.scores(8), some)
	JMP(LabelRef(store))
	Label(four)
	VMOVAPS(k.scores(4), some)
	Label(store)
	VMULPS(scale, some, some)
	g.storeSome(some, left, Mem{Base: dst})
	Label(done)
}

// fill writes Fill to the last 16 positions of the path, if the path ends here.
func (a *attn) fill(p Register) {
	open, at := a.newLabel("open"), GP64()
	CMPQ(a.n, a.attnField(attnTo))
	JGT(LabelRef(open))
	LEAQ(Mem{Base: a.n, Disp: -1}, at)
	ANDQ(I8(-16), at)
	x := a.v()
	VBROADCASTSS(a.attnField(attnFill), x)
	for i := range a.registers {
		VMOVUPS(x, Mem{Base: p, Index: at, Scale: 4, Disp: i * a.width})
	}
	Label(open)
}

// storeSome stores the first n < 8 lanes.
func (g *x86) storeSome(x xreg, n reg.GPVirtual, m Mem) {
	g.setMask(n)
	if g.wide {
		VMOVUPS(x, g.kmask, m)
	} else {
		VMASKMOVPS(x, g.vmask[0], m)
	}
}

// keys computes dot products of x with rows of y.
type keys struct {
	*x86
	x, ld, idx Register
	width      int           // 0: any
	last       reg.GPVirtual // index of the last key there is, if fewer than asked for
}

// scores returns the products with n keys, 4 or 8, in the lowest lanes.
func (k *keys) scores(n int) Register {
	var sums []vec
	for first := 0; first < n; first += 4 {
		acc := k.dots(first)
		sums = append(sums, k.lowest(acc[0], acc[1]), k.lowest(acc[2], acc[3]))
	}
	return k.combine(sums)
}

// pointer returns where the row of key i begins.
func (k *keys) pointer(i int) Register {
	if k.last == nil || i == 0 {
		return rowPointer(k.attnField(attnY), Mem{Base: k.idx, Disp: 4 * i}, k.ld)
	}
	at := GP64()
	MOVQ(U32(uint32(i)), at)
	CMPQ(k.last, at)
	CMOVQLT(k.last, at)
	return rowPointer(k.attnField(attnY), Mem{Base: k.idx, Index: at, Scale: 4}, k.ld)
}

// dots returns the 16 lanes of the products with four keys.
func (k *keys) dots(first int) [4][]vec {
	var acc [4][]vec
	var ptr [4]Register
	for i := range acc {
		for range k.registers {
			acc[i] = append(acc[i], k.zero())
		}
		ptr[i] = k.pointer(first + i)
	}
	if k.x86.idx = nil; k.width > 0 {
		for at := 0; at < 4*k.width; at += k.x86.width {
			x := k.move(Mem{Base: k.x, Disp: at})
			for i := range acc {
				VFMADD231PS(Mem{Base: ptr[i], Disp: at}, x, acc[i][at/k.x86.width%k.registers])
			}
		}
		return acc
	}
	n := k.get(attnWidth)
	k.loop(n, func() {
		x := k.load(k.x)
		for i := range acc {
			if k.masked {
				VFMADD231PS(k.load(ptr[i]), x, acc[i][k.at])
			} else {
				VFMADD231PS(k.mem(ptr[i]), x, acc[i][k.at])
			}
		}
	})
	return acc
}

// lowest adds lane l to l+8; with AVX2 then to l+4. The result holds a and b side by side.
func (g *x86) lowest(a, b []vec) vec {
	x, y := g.v(), g.v()
	if g.wide {
		VSHUFF64X2(Imm(0x44), b[0], a[0], x)
		VSHUFF64X2(Imm(0xee), b[0], a[0], y)
	} else {
		h, k := g.add(a[0], a[1]), g.add(b[0], b[1])
		VPERM2F128(Imm(0x20), k, h, x)
		VPERM2F128(Imm(0x31), k, h, y)
	}
	return g.add(x, y)
}

// combine adds what is left of the lanes of 4 or 8 sums, in the order of total.
func (g *x86) combine(sums []vec) Register {
	if !g.wide {
		x, r := YMM(), YMM()
		VHADDPS(sums[1], sums[0], x)
		y := x
		if len(sums) == 4 {
			y = YMM()
			VHADDPS(sums[3], sums[2], y)
		}
		VHADDPS(y, x, x)
		VPERMPS(x, g.move(g.order(0, 4, 1, 5, 2, 6, 3, 7)), r)
		return r
	}
	quads := make([]vec, len(sums)/2)
	for i := range quads {
		x, y := ZMM(), ZMM()
		VSHUFF32X4(Imm(0x88), sums[2*i+1], sums[2*i], x)
		VSHUFF32X4(Imm(0xdd), sums[2*i+1], sums[2*i], y)
		quads[i] = g.add(x, y)
	}
	x := quads[0]
	if len(quads) == 2 {
		a, b := ZMM(), ZMM()
		VSHUFPS(Imm(0x88), quads[1], quads[0], a)
		VSHUFPS(Imm(0xdd), quads[1], quads[0], b)
		x = g.add(a, b)
	} else {
		x = g.addSwapped(x, 0xb1)
		x = g.addSwapped(x, 0x4e)
	}
	if len(quads) == 2 {
		x = g.addSwapped(x, 0xb1)
	}
	r := ZMM()
	VPERMPS(x, g.move(g.order(0, 4, 8, 12, 2, 6, 10, 14, 0, 4, 8, 12, 2, 6, 10, 14)), r)
	return r.AsY()
}

// order returns the indices of a permutation.
func (g *x86) order(index ...int) Mem {
	m, ok := g.consts["order"]
	if !ok {
		m = GLOBL("order", attr.RODATA|attr.NOPTR)
		for i, v := range index {
			DATA(4*i, U32(uint32(v)))
		}
		g.consts["order"] = m
	}
	return m
}

// addSwapped adds to x its words in another order within each 128 bits.
func (g *x86) addSwapped(x vec, order uint64) vec {
	y := g.v()
	VPERMILPS(Imm(order), x, y)
	return g.add(x, y)
}
