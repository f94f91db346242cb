package main

// The argument of the functions on a generic.Attn is read again for each field.

func (k *neon) get(at int) *neonReg { return k.fieldOf(k.argument("a", "", 0), at) }

// scaled returns a stride of that field in bytes.
func (k *neon) scaled(at int) *neonReg {
	r := k.get(at)
	k.op("LSL $2, R%[1]d, R%[1]d", inout{r})
	return r
}

func (k *neon) field(at int) gpr { return k.get(at) }

func (k *neon) fieldVector(at int) vec { return k.element(k.argument("a", "", 0), at/4) }

func (k *neon) stepBy(at int, p gpr) {
	k.op("ADD R%[2]d<<2, R%[1]d, R%[1]d", inout{p}, k.get(at))
}

func (k *neon) eachRow(pastFrom bool, body func(path, n gpr), next func()) {
	again, skip, done := k.newLabel("row"), k.newLabel("next"), k.newLabel("rows")
	paths, left := k.get(attnPaths), k.get(attnPaths+8)
	k.jump(done, "CBZ R%d,", left)
	k.place(again)
	path, n := k.fieldOf(paths, 0), k.fieldOf(paths, 8)
	if pastFrom {
		k.op("CMP R%[2]d, R%[1]d", n, k.get(attnFrom))
	} else {
		k.op("CMP $0, R%d", n)
	}
	k.jump(skip, "BLE")
	body(path, n)
	k.place(skip)
	next()
	k.op("ADD $%[2]d, R%[1]d, R%[1]d", inout{paths}, slice)
	k.count(left, again)
	k.place(done)
}

// span returns From and how many positions of a row with so many lie in From..To-1.
func (k *neon) span(n *neonReg) (from, count *neonReg) {
	from = k.get(attnFrom)
	count = k.least(n, k.get(attnTo))
	k.op("SUB R%[2]d, R%[1]d, R%[1]d", inout{count}, from)
	return from, count
}

// least returns the smaller number.
func (k *neon) least(a, b *neonReg) *neonReg {
	r := k.general()
	k.op("CMP R%[2]d, R%[1]d", a, b)
	k.op("CSEL LT, R%[2]d, R%[3]d, R%[1]d", out{r}, a, b)
	return r
}

// rowAt returns p + index*ld, ld in bytes; the index lies at m.
func (k *neon) rowAt(p, m *neonReg, at int, ld *neonReg) *neonReg {
	i, r := k.general(), k.general()
	k.op("MOVW %[3]d(R%[2]d), R%[1]d", out{i}, m, at)
	k.op("MADD R%[2]d, R%[3]d, R%[4]d, R%[1]d", out{r}, ld, p, i)
	return r
}

// elementOf returns p + 4*i.
func (k *neon) elementOf(p, i *neonReg) *neonReg { return k.address(p, i).(*neonReg) }

// scores computes four keys at a time. Those that the last four lack stand for the last one.
func (k *neon) scores() {
	k.text("scores")
	x, p := k.get(attnX), k.get(attnP)
	scale := k.fieldVector(attnScale).(*neonReg)
	k.eachRow(true, func(path, length gpr) {
		n := length.(*neonReg)
		k.fill(p, n)
		from, left := k.span(n)
		dst, idx := k.elementOf(p, from), k.elementOf(path.(*neonReg), from)
		again, rest, done := k.newLabel("four"), k.newLabel("rest"), k.newLabel("done")
		k.op("SUBS $4, R%[1]d, R%[1]d", inout{left})
		k.jump(rest, "BLT")
		k.place(again)
		k.op("FMOVQ.P F%[1]d, 16(R%[2]d)", k.products(x, scale, idx, nil), inout{dst})
		k.op("ADD $16, R%[1]d, R%[1]d", inout{idx})
		k.op("SUBS $4, R%[1]d, R%[1]d", inout{left})
		k.jump(again, "BGE")
		k.place(rest)
		k.op("ADDS $4, R%[1]d, R%[1]d", inout{left})
		k.jump(done, "BEQ")
		k.storeSome(k.products(x, scale, idx, left), left, dst)
		k.place(done)
	}, func() {
		k.stepBy(attnLDX, x)
		k.stepBy(attnPitch, p)
	})
	k.end()
}

// fill writes Fill to the last 16 positions of the path, if the path ends here.
func (k *neon) fill(p, n *neonReg) {
	open, at := k.newLabel("open"), k.general()
	k.op("CMP R%[2]d, R%[1]d", n, k.get(attnTo))
	k.jump(open, "BGT")
	k.op("SUB $1, R%[2]d, R%[1]d", out{at}, n)
	k.op("AND $~15, R%[1]d, R%[1]d", inout{at})
	dst, x := k.elementOf(p, at), k.fieldVector(attnFill).(*neonReg)
	k.storePair(x, x, dst, 0)
	k.storePair(x, x, dst, 32)
	k.place(open)
}

// storeSome stores the first n lanes, 1 to 3.
func (k *neon) storeSome(x, n, p *neonReg) {
	done := k.newLabel("some")
	for i := range 3 {
		k.op("VST1.P V%[2]d.S[%[3]d], 4(R%[1]d)", inout{p}, x, i)
		if i < 2 {
			k.op("CMP $%[2]d, R%[1]d", n, i+1)
			k.jump(done, "BEQ")
		}
	}
	k.place(done)
}

// products returns the scaled products of the row x with four keys, or with as many as there are.
func (k *neon) products(x, scale, idx, there *neonReg) *neonReg {
	y, ld, width := k.get(attnY), k.scaled(attnLDY), k.get(attnWidth)
	var keys [4]gpr
	var acc [4][]vec
	last := idx
	for i := range keys {
		if there != nil && i > 0 { // the next one, unless that is past the end
			next := k.general()
			k.op("ADD $4, R%[2]d, R%[1]d", out{next}, last)
			k.op("CMP $%[2]d, R%[1]d", there, i)
			chosen := k.general()
			k.op("CSEL GT, R%[2]d, R%[3]d, R%[1]d", out{chosen}, next, last)
			last = chosen
		}
		if there != nil {
			keys[i] = k.rowAt(y, last, 0, ld)
		} else {
			keys[i] = k.rowAt(y, idx, 4*i, ld)
		}
		acc[i] = []vec{k.zero(), k.zero(), k.zero(), k.zero()}
	}
	k.wholeAndRest(width, func() {
		for at := 0; at < 4; at += 2 {
			a, b := k.loadPair(k.cursor(x), 16*at)
			for i := range keys {
				c, d := k.loadPair(k.cursor(keys[i]), 16*at)
				k.addMul(c, a, acc[i][at])
				k.addMul(d, b, acc[i][at+1])
			}
		}
	}, func() {
		a := k.load(x)
		for i := range keys {
			k.addMul(k.load(keys[i]), a, acc[i][k.at])
		}
	})
	low := k.pairs(k.quads(acc[0]), k.quads(acc[1]))
	return k.mul(k.pairs(low, k.pairs(k.quads(acc[2]), k.quads(acc[3]))), scale).(*neonReg)
}

// columns emits body for the columns of X and Y in pieces that fit the registers: each so many parts of 16 lanes wide,
// then once for the rest. at is the byte offset of the piece.
func (k *neon) columns(most int, body func(at *neonReg, c neonPiece)) {
	at, left := k.general(), k.get(attnWidth)
	k.op("MOVD $0, R%d", out{at})
	for parts := most; parts > 0; parts /= 2 {
		again, next := k.newLabel("columns"), k.newLabel("fewer")
		k.place(again)
		k.op("CMP $%[2]d, R%[1]d", left, 16*parts)
		k.jump(next, "BLT")
		body(at, neonPiece{k, 4 * parts, nil})
		k.op("ADD $%[2]d, R%[1]d, R%[1]d", inout{at}, 64*parts)
		k.op("SUB $%[2]d, R%[1]d, R%[1]d", inout{left}, 16*parts)
		if parts == most {
			k.jump(again, "B")
		}
		k.place(next)
	}
	done := k.newLabel("done")
	k.jump(done, "CBZ R%d,", left)
	body(at, neonPiece{k, 4, left})
	k.place(done)
}

// neonPiece is a row of one piece of the columns.
type neonPiece struct {
	*neon
	n    int      // vectors
	left *neonReg // columns there are, or nil for all
}

// each emits whole for pairs of vectors, or one for each with what is there.
func (c neonPiece) each(pair func(i int), one func(i int)) {
	if c.left == nil {
		for i := 0; i < c.n; i += 2 {
			pair(i)
		}
		return
	}
	c.masked, c.rest = true, c.left
	for i := range c.n {
		c.neon.at = i
		one(i)
	}
	c.neon.at, c.masked = 0, false
}

func (c neonPiece) load(p *neonReg) []*neonReg {
	x := make([]*neonReg, c.n)
	c.each(func(i int) { x[i], x[i+1] = c.loadPair(p, 16*i) }, func(i int) { x[i] = c.neon.load(p).(*neonReg) })
	return x
}

func (c neonPiece) store(x []*neonReg, p *neonReg) {
	c.each(func(i int) { c.storePair(x[i], x[i+1], p, 16*i) }, func(i int) { c.neon.store(x[i], p) })
}

// add adds the element at coef times the row at p.
func (c neonPiece) add(x []*neonReg, coef lane, p *neonReg) {
	c.each(func(i int) {
		a, b := c.loadPair(p, 16*i)
		coef.addTimes(c.neon, a, x[i])
		coef.addTimes(c.neon, b, x[i+1])
	}, func(i int) { coef.addTimes(c.neon, c.neon.load(p).(*neonReg), x[i]) })
}

// scalar loads an element.
func (k *neon) scalar(p *neonReg) lane {
	x := k.vector()
	k.op("FMOVS (R%[2]d), F%[1]d", out{x}, p)
	return lane{x, 0}
}

func (k *neon) mix() {
	k.text("mix")
	k.columns(4, func(at *neonReg, c neonPiece) {
		x, p, y, ld := k.get(attnX), k.get(attnP), k.get(attnY), k.scaled(attnLDY)
		k.op("ADD R%[2]d, R%[1]d, R%[1]d", inout{x}, at)
		k.op("ADD R%[2]d, R%[1]d, R%[1]d", inout{y}, at)
		k.eachRow(true, func(path, n gpr) {
			from, left := k.span(n.(*neonReg))
			coef, idx := k.elementOf(p, from), k.elementOf(path.(*neonReg), from)
			fresh, begun, again := k.newLabel("fresh"), k.newLabel("begun"), k.newLabel("path")
			k.jump(fresh, "CBZ R%d,", from)
			acc := c.load(x)
			k.jump(begun, "B")
			k.place(fresh)
			for _, v := range acc {
				k.op("VEOR V%[1]d.B16, V%[1]d.B16, V%[1]d.B16", out{v})
			}
			k.place(begun)
			k.place(again)
			c.add(acc, k.scalar(coef), k.rowAt(y, idx, 0, ld))
			k.op("ADD $4, R%[1]d, R%[1]d", inout{coef})
			k.op("ADD $4, R%[1]d, R%[1]d", inout{idx})
			k.count(left, again)
			c.store(acc, x)
		}, func() {
			k.stepBy(attnLDX, x)
			k.stepBy(attnPitch, p)
		})
	})
	k.end()
}

// spread holds a row of Y and of Y2 in registers while it runs over the rows of a segment.
func (k *neon) spread() {
	k.text("spread")
	k.columns(2, func(at *neonReg, c neonPiece) {
		seg, left := k.get(attnSegs), k.get(attnSegs+8)
		again, done := k.newLabel("segment"), k.newLabel("segments")
		k.jump(done, "CBZ R%d,", left)
		k.place(again)
		k.segment(seg, at, c)
		k.op("ADD $%[2]d, R%[1]d, R%[1]d", inout{seg}, segment)
		k.count(left, again)
		k.place(done)
	})
	k.end()
}

// segment emits the positions of one generic.Seg.
func (k *neon) segment(seg, at *neonReg, c neonPiece) {
	row, t, to := k.half(seg, segRow), k.half(seg, segT0), k.half(seg, segT1)
	x, x2, p, dp := k.rowOf(attnX, attnLDX, row), k.rowOf(attnX2, attnLDX2, row), k.rowOf(attnP, attnPitch, row), k.rowOf(attnDP, attnPitch, row)
	k.op("ADD R%[2]d, R%[1]d, R%[1]d", inout{x}, at)
	k.op("ADD R%[2]d, R%[1]d, R%[1]d", inout{x2}, at)
	size, paths := k.general(), k.general()
	k.op("MOVD $%[2]d, R%[1]d", out{size}, slice)
	k.op("MADD R%[2]d, R%[3]d, R%[4]d, R%[1]d", out{paths}, size, k.get(attnPaths), row)
	path := k.fieldOf(paths, 0)
	again := k.newLabel("position")
	k.place(again)
	k.position(seg, at, c, [4]*neonReg{x, x2, k.elementOf(p, t), k.elementOf(dp, t)}, k.elementOf(path, t))
	k.op("ADD $1, R%[1]d, R%[1]d", inout{t})
	k.op("CMP R%[2]d, R%[1]d", t, to)
	k.jump(again, "BLT")
}

// half returns the int32 at p+at.
func (k *neon) half(p *neonReg, at int) *neonReg {
	r := k.general()
	k.op("MOVW %[3]d(R%[2]d), R%[1]d", out{r}, p, at)
	return r
}

// rowOf returns where a row begins, given the fields of the buffer and of its stride.
func (k *neon) rowOf(buffer, ld int, row *neonReg) *neonReg {
	r := k.general()
	k.op("MADD R%[2]d, R%[3]d, R%[4]d, R%[1]d", out{r}, k.scaled(ld), k.get(buffer), row)
	return r
}

// position adds the contributions of all rows of the segment to one row of Y and of Y2: of X times DP and of X2 times P.
func (k *neon) position(seg, at *neonReg, c neonPiece, from [4]*neonReg, idx *neonReg) {
	ldy := k.scaled(attnLDY)
	y, y2 := k.rowAt(k.get(attnY), idx, 0, ldy), k.rowAt(k.get(attnY2), idx, 0, ldy)
	k.op("ADD R%[2]d, R%[1]d, R%[1]d", inout{y}, at)
	k.op("ADD R%[2]d, R%[1]d, R%[1]d", inout{y2}, at)
	acc, acc2 := c.load(y), c.load(y2)
	x, x2, p, dp := k.copyReg(from[0]), k.copyReg(from[1]), from[2], from[3]
	rows, ldx, ldx2, pitch := k.half(seg, segRows), k.scaled(attnLDX), k.scaled(attnLDX2), k.scaled(attnPitch)
	again := k.newLabel("share")
	k.place(again)
	c.add(acc, k.scalar(dp), x)
	c.add(acc2, k.scalar(p), x2)
	for _, step := range [][2]*neonReg{{x, ldx}, {x2, ldx2}, {p, pitch}, {dp, pitch}} {
		k.op("ADD R%[2]d, R%[1]d, R%[1]d", inout{step[0]}, step[1])
	}
	k.count(rows, again)
	c.store(acc, y)
	c.store(acc2, y2)
}
