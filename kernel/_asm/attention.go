package main

import (
	"math"

	"github.com/mmcloughlin/avo/attr"
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Offsets of the fields of generic.Attn.
const (
	attnPaths, attnSegs, attnP, attnDP, attnX, attnX2, attnY, attnY2 = 0, 24, 48, 72, 96, 120, 144, 168
	attnPitch, attnLDX, attnLDX2, attnLDY, attnWidth                 = 192, 200, 208, 216, 224
	attnFrom, attnTo, attnScale, attnFill                            = 232, 240, 248, 252
	slice                                                            = 24 // bytes of a slice header
)

func (g *gen) attention() {
	g.scores()
	g.softmax()
	g.softmaxBackward()
	g.mix()
	g.spread()
	g.rope()
}

// attn is a loop over the rows of a generic.Attn: the path of the row in work and its length.
type attn struct {
	*gen
	idx, n reg.GPVirtual
}

// field returns where a field of the argument lies. The argument is read again each time, since
// registers are short.
func (g *gen) field(at int) Mem {
	a := Load(Param("a"), GP64())
	return Mem{Base: a, Disp: at}
}

func (g *gen) get(at int) reg.GPVirtual {
	r := GP64()
	MOVQ(g.field(at), r)
	return r
}

// step adds a stride of that field, in elements, to p.
func (g *gen) stepBy(at int, p Register) {
	LEAQ(Mem{Base: p, Index: g.get(at), Scale: 4}, p)
}

// strideAt returns a stride of that field in bytes.
func (g *gen) strideAt(at int) reg.GPVirtual {
	r := g.get(at)
	SHLQ(Imm(2), r)
	return r
}

// rows emits body for every row with a path, or with one that reaches behind From. next moves on to the next row.
// What counts the rows lies on the stack.
func (g *gen) rows(behindFrom bool, body func(a *attn), next func()) {
	paths, left := AllocLocal(8), AllocLocal(8)
	again, skip, done := g.label("row"), g.label("next"), g.label("rows")
	MOVQ(g.get(attnPaths), paths)
	rows := g.get(attnPaths + 8)
	TESTQ(rows, rows)
	JE(LabelRef(done))
	MOVQ(rows, left)
	Label(again)
	a := &attn{gen: g, idx: GP64(), n: GP64()}
	path := GP64()
	MOVQ(paths, path)
	MOVQ(Mem{Base: path}, a.idx)
	MOVQ(Mem{Base: path, Disp: 8}, a.n)
	if behindFrom {
		CMPQ(a.n, g.field(attnFrom))
	} else {
		TESTQ(a.n, a.n)
	}
	JLE(LabelRef(skip))
	body(a)
	Label(skip)
	next()
	ADDQ(Imm(slice), paths)
	DECQ(left)
	JNE(LabelRef(again))
	Label(done)
}

// span returns From and how many positions of the row lie in From..To-1.
func (a *attn) span() (from, count reg.GPVirtual) {
	from, count = a.get(attnFrom), a.get(attnTo)
	CMPQ(a.n, count)
	CMOVQLT(a.n, count)
	SUBQ(from, count)
	return from, count
}

// rowPointer returns p + index*ld, index at m, ld in bytes.
func rowPointer(p Op, m Mem, ld Register) reg.GPVirtual {
	r := GP64()
	MOVLQSX(m, r)
	IMULQ(ld, r)
	ADDQ(p, r)
	return r
}

func stride(name string) Register {
	ld := Load(Param(name), GP64())
	SHLQ(Imm(2), ld)
	return ld
}

// scores has loops of their own for the usual widths.
func (g *gen) scores() {
	g.text("scores", "func(a *byte)")
	for _, width := range []int{32, 64, 0} {
		other := g.label("width")
		if width > 0 {
			CMPQ(g.field(attnWidth), U32(uint32(width)))
			JNE(LabelRef(other))
		}
		x, p := g.get(attnX), g.get(attnP)
		g.rows(true, func(a *attn) { a.scoresOf(x, p, width) }, func() {
			g.stepBy(attnLDX, x)
			g.stepBy(attnPitch, p)
		})
		end()
		if width > 0 {
			Label(other)
		}
	}
}

// scoresOf computes the scores of one row, eight keys at a time. The keys that the last eight lack stand for
// the last one.
func (a *attn) scoresOf(x, p Register, width int) {
	g := a.gen
	a.fill(p)
	from, left := a.span()
	dst := GP64()
	LEAQ(Mem{Base: p, Index: from, Scale: 4}, dst)
	LEAQ(Mem{Base: a.idx, Index: from, Scale: 4}, a.idx)
	k := keys{gen: g, x: x, ld: a.strideAt(attnLDY), idx: a.idx, width: width}
	again, rest, four, store, done := g.label("eight"), g.label("rest"), g.label("four"), g.label("store"), g.label("done")
	scale := YMM()
	VBROADCASTSS(g.field(attnScale), scale)
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
	open, at := a.label("open"), GP64()
	CMPQ(a.n, a.field(attnTo))
	JGT(LabelRef(open))
	LEAQ(Mem{Base: a.n, Disp: -1}, at)
	ANDQ(I8(-16), at)
	x := a.v()
	VBROADCASTSS(a.field(attnFill), x)
	for i := range a.parts {
		VMOVUPS(x, Mem{Base: p, Index: at, Scale: 4, Disp: i * a.width})
	}
	Label(open)
}

// storeSome stores the first n < 8 lanes.
func (g *gen) storeSome(x vec, n reg.GPVirtual, m Mem) {
	g.setMask(n)
	if g.wide {
		VMOVUPS(x, g.kmask, m)
	} else {
		VMASKMOVPS(x, g.vmask[0], m)
	}
}

// keys computes dot products of x with rows of y.
type keys struct {
	*gen
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
		return rowPointer(k.field(attnY), Mem{Base: k.idx, Disp: 4 * i}, k.ld)
	}
	at := GP64()
	MOVQ(U32(uint32(i)), at)
	CMPQ(k.last, at)
	CMOVQLT(k.last, at)
	return rowPointer(k.field(attnY), Mem{Base: k.idx, Index: at, Scale: 4}, k.ld)
}

// dots returns the 16 lanes of the products with four keys.
func (k *keys) dots(first int) [4][]vec {
	var acc [4][]vec
	var ptr [4]Register
	for i := range acc {
		acc[i], ptr[i] = k.lanes(), k.pointer(first+i)
	}
	if k.gen.idx = nil; k.width > 0 {
		for at := 0; at < 4*k.width; at += k.gen.width {
			x := k.move(Mem{Base: k.x, Disp: at})
			for i := range acc {
				VFMADD231PS(Mem{Base: ptr[i], Disp: at}, x, acc[i][at/k.gen.width%k.parts])
			}
		}
		return acc
	}
	n := k.get(attnWidth)
	k.loop(n, func() {
		x := k.load(k.x)
		for i := range acc {
			if k.masked {
				VFMADD231PS(k.load(ptr[i]), x, acc[i][k.part])
			} else {
				VFMADD231PS(k.mem(ptr[i]), x, acc[i][k.part])
			}
		}
	})
	return acc
}

// lowest adds lane l to l+8; with AVX2 then to l+4. The result holds a and b side by side.
func (g *gen) lowest(a, b []vec) vec {
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
func (g *gen) combine(sums []vec) Register {
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
func (g *gen) order(index ...int) Mem {
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
func (g *gen) addSwapped(x vec, order uint64) vec {
	y := g.v()
	VPERMILPS(Imm(order), x, y)
	return g.add(x, y)
}

// blocks emits body for the 16 lanes after each other that cover n elements at p. They must have room up to a multiple of 16.
func (a *attn) blocks(body func()) {
	again, left := a.label("lanes"), GP64()
	MOVQ(a.n, left)
	a.gen.idx = GP64()
	XORQ(a.gen.idx, a.gen.idx)
	Label(again)
	a.eachPart(body)
	ADDQ(Imm(64), a.gen.idx)
	SUBQ(Imm(16), left)
	JG(LabelRef(again))
}

// softmax passes three times over each row: largest element, exponentials and their sum, quotients.
func (g *gen) softmax() {
	g.text("softmax", "func(a *byte)")
	p := g.get(attnP)
	g.rows(false, func(a *attn) {
		top, sum := g.lanes(), g.lanes()
		none := g.constant(math.Inf(-1))
		for i := range top {
			VMOVAPS(none, top[i])
		}
		a.blocks(func() { VMAXPS(top[g.part], g.load(p), top[g.part]) }) // the operand in the second place wins over a NaN
		shift, total := g.v(), g.v()
		VBROADCASTSS(g.highest(top), shift)
		a.blocks(func() {
			e := g.expCut(g.sub(g.load(p), shift))
			g.store(e, p)
			VADDPS(e, sum[g.part], sum[g.part])
		})
		VBROADCASTSS(g.total(sum), total)
		inverse := g.div(g.constant(1), total)
		a.blocks(func() { g.store(g.mul(g.load(p), inverse), p) })
	}, func() { g.stepBy(attnPitch, p) })
	end()
}

func (g *gen) softmaxBackward() {
	g.text("softmaxBackward", "func(a *byte)")
	p, dp, scale := g.get(attnP), g.get(attnDP), g.v()
	VBROADCASTSS(g.field(attnScale), scale)
	g.rows(false, func(a *attn) {
		acc, mean := g.lanes(), g.v()
		a.blocks(func() { VFMADD231PS(g.mem(dp), g.load(p), acc[g.part]) })
		VBROADCASTSS(g.total(acc), mean)
		a.blocks(func() { g.store(g.mul(g.mul(g.load(p), g.sub(g.load(dp), mean)), scale), dp) })
	}, func() {
		g.stepBy(attnPitch, p)
		g.stepBy(attnPitch, dp)
	})
	end()
}

// columns emits body for the columns of X and Y in pieces that fit the registers: each so many parts of 16 lanes wide,
// then once for the masked rest. at is the byte offset of the piece.
func (g *gen) columns(most int, body func(at Register, parts int)) {
	at, left := GP64(), g.get(attnWidth)
	XORQ(at, at)
	for parts := most; parts > 0; parts /= 2 {
		again, next := g.label("columns"), g.label("fewer")
		Label(again)
		CMPQ(left, Imm(uint64(16*parts)))
		JLT(LabelRef(next))
		body(at, parts)
		ADDQ(U32(uint32(64*parts)), at)
		SUBQ(Imm(uint64(16*parts)), left)
		if parts == most {
			JMP(LabelRef(again))
		}
		Label(next)
	}
	done := g.label("done")
	TESTQ(left, left)
	JE(LabelRef(done))
	g.setMask(left)
	g.masked = true
	body(at, 1)
	g.masked = false
	Label(done)
}

// piece is a row of one piece of the columns, at p.
type piece struct {
	*gen
	parts int // of 16 lanes
}

func (c piece) vectors() []vec {
	x := make([]vec, c.parts*c.gen.parts)
	for i := range x {
		x[i] = c.v()
	}
	return x
}

func (c piece) zeros(x []vec) {
	for i := range x {
		VXORPS(x[i], x[i], x[i])
	}
}

func (c piece) mem(p Register, i int) Mem { return Mem{Base: p, Disp: i * c.width} }

func (c piece) load(p Register, x []vec) {
	for i := range x {
		c.loadOne(c.mem(p, i), i, x[i])
	}
}

func (c piece) loadOne(m Mem, i int, x vec) {
	switch {
	case !c.masked:
		VMOVUPS(m, x)
	case c.wide:
		VMOVUPS_Z(m, c.kmask, x)
	default:
		VMASKMOVPS(m, c.vmask[i], x)
	}
}

func (c piece) store(x []vec, p Register) {
	for i := range x {
		switch m := c.mem(p, i); {
		case !c.masked:
			VMOVUPS(x[i], m)
		case c.wide:
			VMOVUPS(x[i], c.kmask, m)
		default:
			VMASKMOVPS(x[i], c.vmask[i], m)
		}
	}
}

// add adds the scalar at coef times the row at p.
func (c piece) add(x []vec, coef Mem, p Register) {
	a := c.v()
	VBROADCASTSS(coef, a)
	for i := range x {
		if !c.masked {
			VFMADD231PS(c.mem(p, i), a, x[i])
			continue
		}
		y := c.v()
		c.loadOne(c.mem(p, i), i, y)
		VFMADD231PS(y, a, x[i])
	}
}

func (g *gen) mix() {
	g.text("mix", "func(a *byte)")
	most := 2
	if g.wide {
		most = 8
	}
	g.columns(most, func(at Register, parts int) {
		x, p, y, ld := g.get(attnX), g.get(attnP), g.get(attnY), g.strideAt(attnLDY)
		ADDQ(at, x)
		ADDQ(at, y)
		c := piece{g, parts}
		g.rows(true, func(a *attn) {
			acc, t, left := c.vectors(), GP64(), GP64()
			from, count := a.span()
			MOVQ(from, t)
			MOVQ(count, left)
			first, again := g.label("first"), g.label("path")
			c.zeros(acc)
			TESTQ(t, t)
			JE(LabelRef(first))
			c.load(x, acc)
			Label(first)
			ADDQ(t, left)
			Label(again)
			c.add(acc, Mem{Base: p, Index: t, Scale: 4}, rowPointer(y, Mem{Base: a.idx, Index: t, Scale: 4}, ld))
			INCQ(t)
			CMPQ(t, left)
			JL(LabelRef(again))
			c.store(acc, x)
		}, func() {
			g.stepBy(attnLDX, x)
			g.stepBy(attnPitch, p)
		})
	})
	end()
}

// spread holds a row of Y and of Y2 in registers while it runs over the rows of a segment. What the innermost loop
// does not need lies on the stack.
type spread struct {
	piece
	x, x2, p, at, left Mem // first row of the segment; columns; segments left
	seg, path          Register
	t                  reg.GPVirtual
}

func (g *gen) spread() {
	g.text("spread", "func(a *byte)")
	most := 1
	if g.wide {
		most = 4
	}
	s := &spread{}
	for _, m := range []*Mem{&s.x, &s.x2, &s.p, &s.at, &s.left} {
		*m = AllocLocal(8)
	}
	g.columns(most, func(at Register, parts int) {
		s.piece, s.seg = piece{g, parts}, g.get(attnSegs)
		left := g.get(attnSegs + 8)
		again, done := g.label("segment"), g.label("segments")
		TESTQ(left, left)
		JE(LabelRef(done))
		MOVQ(left, s.left)
		MOVQ(at, s.at)
		Label(again)
		s.segment()
		ADDQ(Imm(16), s.seg)
		DECQ(s.left)
		JNE(LabelRef(again))
		Label(done)
	})
	end()
}

// segment emits the positions of one generic.Seg.
func (s *spread) segment() {
	row, again := GP64(), s.label("position")
	MOVLQSX(Mem{Base: s.seg, Disp: 8}, row)
	MOVQ(s.rowAt(attnX, attnLDX, row), s.x)
	MOVQ(s.rowAt(attnX2, attnLDX2, row), s.x2)
	MOVQ(s.rowAt(attnP, attnPitch, row), s.p)
	s.t, s.path = GP64(), GP64()
	MOVLQSX(Mem{Base: s.seg}, s.t)
	IMUL3Q(Imm(slice), row, row)
	ADDQ(s.field(attnPaths), row)
	MOVQ(Mem{Base: row}, s.path)
	Label(again)
	s.position()
	INCQ(s.t)
	CMPL(s.t.As32(), Mem{Base: s.seg, Disp: 4})
	JL(LabelRef(again))
}

// position adds the contributions of all rows of the segment to one row of Y and of Y2.
func (s *spread) position() {
	rows, x, x2, p, delta := GP64(), GP64(), GP64(), GP64(), s.get(attnDP)
	MOVLQSX(Mem{Base: s.seg, Disp: 12}, rows)
	MOVQ(s.x, x)
	MOVQ(s.x2, x2)
	MOVQ(s.p, p)
	LEAQ(Mem{Base: p, Index: s.t, Scale: 4}, p)
	SUBQ(s.field(attnP), delta) // from P to DP
	ADDQ(s.at, x)
	ADDQ(s.at, x2)
	y, y2 := s.key(attnY), s.key(attnY2)
	acc, acc2 := s.vectors(), s.vectors()
	s.load(y, acc)
	s.load(y2, acc2)
	ldx, ldx2, pitch := s.strideAt(attnLDX), s.strideAt(attnLDX2), s.strideAt(attnPitch)
	again := s.label("share")
	Label(again)
	s.add(acc, Mem{Base: p, Index: delta, Scale: 1}, x)
	s.add(acc2, Mem{Base: p}, x2)
	ADDQ(ldx, x)
	ADDQ(ldx2, x2)
	ADDQ(pitch, p)
	DECQ(rows)
	JNE(LabelRef(again))
	s.store(acc, s.key(attnY))
	s.store(acc2, s.key(attnY2))
}

// key returns where the columns of the key at position t begin.
func (s *spread) key(buffer int) Register {
	r := GP64()
	MOVLQSX(Mem{Base: s.path, Index: s.t, Scale: 4}, r)
	IMULQ(s.field(attnLDY), r)
	SHLQ(Imm(2), r)
	ADDQ(s.field(buffer), r)
	ADDQ(s.at, r)
	return r
}

// rowAt returns where a row begins, given the fields of the buffer and of its stride.
func (g *gen) rowAt(buffer, ld int, row Register) reg.GPVirtual {
	p := g.get(ld)
	IMULQ(row, p)
	SHLQ(Imm(2), p)
	ADDQ(g.field(buffer), p)
	return p
}

func (g *gen) rope() {
	g.text("Rope", "func(x, cos, sin []float32, sign float32)")
	x, cos, sin, n := base("x"), base("cos"), base("sin"), length("cos")
	upper := GP64()
	LEAQ(Mem{Base: x, Index: n, Scale: 4}, upper)
	sign := g.param("sign")
	g.loop(n, func() {
		a, b, c, s := g.load(x), g.load(upper), g.load(cos), g.mul(g.load(sin), sign)
		g.store(g.fnma(b, s, g.mul(a, c)), x)
		g.store(g.fma(a, s, g.mul(b, c)), upper)
	})
	end()
}
