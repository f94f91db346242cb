package main

// transpose emits the transposition of a contiguous 32x32 block, in blocks of 4x4.
func (k *neon) transpose() {
	k.text("Transpose")
	dst, src := k.argument("dst", "_base", 0), k.argument("src", "_base", 0)
	rows, cols := k.general(), k.general()
	again, inner := k.newLabel("rows"), k.newLabel("columns")
	k.op("MOVD $8, R%d", out{rows})
	k.place(again)
	k.op("MOVD $8, R%d", out{cols})
	k.place(inner)
	var a [4]*neonReg
	for i := range a {
		a[i] = k.vector()
		k.op("FMOVQ %[3]d(R%[2]d), F%[1]d", out{a[i]}, src, panelRow*i)
	}
	for i, x := range k.exchange(a) {
		k.op("FMOVQ F%[1]d, %[3]d(R%[2]d)", x, dst, panelRow*i)
	}
	k.op("ADD $16, R%[1]d, R%[1]d", inout{src})
	k.op("ADD $%[2]d, R%[1]d, R%[1]d", inout{dst}, 4*panelRow)
	k.count(cols, inner)
	k.op("ADD $%[2]d, R%[1]d, R%[1]d", inout{src}, 3*panelRow)     // the next 4 rows
	k.op("SUB $%[2]d, R%[1]d, R%[1]d", inout{dst}, 32*panelRow-16) // the next 4 columns
	k.count(rows, again)
	k.end()
}

// count goes on at the label until n, which it decrements, is zero.
func (k *neon) count(n *neonReg, label string) {
	k.op("SUBS $1, R%[1]d, R%[1]d", inout{n})
	k.jump(label, "BNE")
}

// exchange transposes 4x4 elements.
func (k *neon) exchange(a [4]*neonReg) (t [4]*neonReg) {
	zip := func(which, lanes string, n, m *neonReg) *neonReg {
		r := k.vector()
		k.op("VZIP"+which+" V%d."+lanes+", V%d."+lanes+", V%d."+lanes, m, n, out{r})
		return r
	}
	for half, which := range []string{"1", "2"} { // columns 0 and 1, 2 and 3
		low, high := zip(which, "S4", a[0], a[1]), zip(which, "S4", a[2], a[3])
		t[2*half], t[2*half+1] = zip("1", "D2", low, high), zip("2", "D2", low, high)
	}
	return t
}

// packRows emits the packing of the rows of a tile, four columns at a time, for each number of rows: the rows 0 to 3 of a column are
// one vector, the others the lower half of another one.
func (k *neon) packRows() {
	k.text("packRows")
	dst, src, at := k.argument("dst", "", 0), k.argument("src", "", 0), k.argument("rows", "", 0)
	n, left := k.argument("n", "", 0), k.argument("k", "", 0)
	for rows := 1; rows <= 6; rows++ {
		other, again := k.newLabel("other"), k.newLabel("columns")
		if rows < 6 {
			k.op("CMP $%[2]d, R%[1]d", n, rows)
			k.jump(other, "BNE")
		}
		var from [6]*neonReg // the rows; those that are not there stand for the last one
		for i := range rows {
			from[i] = k.general()
			k.op("MOVD %[3]d(R%[2]d), R%[1]d", out{from[i]}, at, 8*i)
			k.op("ADD R%[2]d, R%[1]d, R%[1]d", inout{from[i]}, src)
		}
		k.place(again)
		var row [6]*neonReg
		for i := range row {
			if row[i] = row[max(0, min(i, rows)-1)]; i < rows {
				row[i] = k.vector()
				k.op("FMOVQ.P 16(R%d), F%d", inout{from[i]}, out{row[i]})
			}
		}
		columns := [][4]*neonReg{k.exchange([4]*neonReg(row[:4]))}
		if rows > 4 {
			columns = append(columns, k.exchange([4]*neonReg{row[4], row[5], row[4], row[5]}))
		}
		for i := range 4 {
			for part, x := range columns {
				k.storeLanes(x[i], min(rows-4*part, 4), dst, 16*part)
			}
			k.op("ADD $%[2]d, R%[1]d, R%[1]d", inout{dst}, 4*rows)
		}
		k.op("SUBS $4, R%[1]d, R%[1]d", inout{left})
		k.jump(again, "BGT")
		k.end()
		if rows < 6 {
			k.place(other)
		}
	}
}

// storeLanes stores the first n lanes of x at p+at.
func (k *neon) storeLanes(x *neonReg, n int, p *neonReg, at int) {
	k.op([...]string{1: "FMOVS", 2: "FMOVD", 3: "FMOVD", 4: "FMOVQ"}[n]+" F%[1]d, %[3]d(R%[2]d)", x, p, at)
	if n == 3 {
		third := k.general()
		k.op("ADD $%[3]d, R%[2]d, R%[1]d", out{third}, p, at+8)
		k.op("VST1 V%d.S[2], (R%d)", x, third)
	}
}

// stride returns an argument in bytes.
func (k *neon) stride(name string) *neonReg {
	r := k.pointer(name).(*neonReg)
	k.op("LSL $2, R%[1]d, R%[1]d", inout{r})
	return r
}

// packColumns emits the copy of 24 columns of x, the rows of four tiles of x^T.
func (k *neon) packColumns() {
	k.text("packColumns")
	dst, src, rows, ld := k.argument("dst", "", 0), k.argument("src", "", 0), k.argument("rows", "", 0), k.stride("ld")
	again := k.newLabel("row")
	k.place(again)
	k.copyVectors(dst, src, 6)
	k.op("ADD R%[2]d, R%[1]d, R%[1]d", inout{src}, ld)
	k.op("ADD $96, R%[1]d, R%[1]d", inout{dst})
	k.count(rows, again)
	k.end()
}

// copyVectors copies n vectors, an even number.
func (k *neon) copyVectors(dst, src *neonReg, n int) {
	for at := 0; at < n; at += 2 {
		a, b := k.loadPair(src, 16*at)
		k.storePair(a, b, dst, 16*at)
	}
}

// loadPair loads two vectors at p+at, at a multiple of 16 below 1024.
func (k *neon) loadPair(p *neonReg, at int) (a, b *neonReg) {
	a, b = k.vector(), k.vector()
	k.op("FLDPQ %[4]d(R%[3]d), (F%[1]d, F%[2]d)", out{a}, out{b}, p, at)
	return a, b
}

func (k *neon) storePair(a, b, p *neonReg, at int) {
	k.op("FSTPQ (F%[1]d, F%[2]d), %[4]d(R%[3]d)", a, b, p, at)
}

// slices emits the copy of pieces of 16 elements: of a panel's part of each row.
func (k *neon) slices() {
	k.text("Slices")
	dst, src, n := k.argument("dst", "_base", 0), k.argument("src", "_base", 0), k.argument("n", "", 0)
	dstStep, srcStep := k.stride("dstStep"), k.stride("srcStep")
	again, done := k.newLabel("piece"), k.newLabel("done")
	k.op("CMP $0, R%d", n)
	k.jump(done, "BLE")
	k.place(again)
	k.copyVectors(dst, src, 4)
	k.op("ADD R%[2]d, R%[1]d, R%[1]d", inout{src}, srcStep)
	k.op("ADD R%[2]d, R%[1]d, R%[1]d", inout{dst}, dstStep)
	k.count(n, again)
	k.place(done)
	k.end()
}

// sumRows emits the sums of 64 columns, which stay in registers.
func (k *neon) sumRows() {
	k.text("SumRows")
	dst, src, rows, ld := k.argument("dst", "_base", 0), k.argument("src", "_base", 0), k.argument("rows", "", 0), k.stride("ld")
	again, done := k.newLabel("row"), k.newLabel("done")
	var sums [16]*neonReg
	for i := range sums {
		sums[i] = k.zero().(*neonReg)
	}
	k.op("CMP $0, R%d", rows)
	k.jump(done, "BLE")
	k.place(again)
	for i := 0; i < len(sums); i += 2 {
		a, b := k.loadPair(src, 16*i)
		k.addTo(a, sums[i])
		k.addTo(b, sums[i+1])
	}
	k.op("ADD R%[2]d, R%[1]d, R%[1]d", inout{src}, ld)
	k.count(rows, again)
	k.place(done)
	for i := 0; i < len(sums); i += 2 {
		a, b := k.loadPair(dst, 16*i)
		k.addTo(sums[i], a)
		k.addTo(sums[i+1], b)
		k.storePair(a, b, dst, 16*i)
	}
	k.end()
}

// fetch emits Fetch. The last line is asked for by itself, since x may begin within a line.
func (k *neon) fetch() {
	k.text("Fetch")
	x, n := k.argument("x", "_base", 0), k.argument("x", "_len", 8)
	again, done, last := k.newLabel("line"), k.newLabel("done"), k.general()
	k.jump(done, "CBZ R%d,", n)
	k.op("ADD R%[2]d<<2, R%[3]d, R%[1]d", out{last}, n, x)
	k.op("SUB $4, R%[1]d, R%[1]d", inout{last})
	k.place(again)
	k.op("PRFM (R%d), PLDL1KEEP", x)
	k.op("ADD $64, R%[1]d, R%[1]d", inout{x})
	k.op("CMP R%d, R%d", last, x)
	k.jump(again, "BLT")
	k.op("PRFM (R%d), PLDL1KEEP", last)
	k.place(done)
	k.end()
}
