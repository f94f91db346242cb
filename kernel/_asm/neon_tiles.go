package main

import "fmt"

// neonTile is one micro-kernel. Up to 3 rows take all 32 columns of a panel, 4 to 6 rows 16, twice: so a tile of 6 rows holds 24 sums,
// as many as four units of four cycles need, 4 vectors of B and 2 of A in 30 of the 32 registers.
type neonTile struct {
	*neon
	rows, cols int // cols: vectors of a row
	t          *neonReg
	acc        [][]*neonReg
}

// steps is how many steps of k the main loop of a tile does at a time.
const steps = 4

func (k *neon) tiles() {
	for rows := 1; rows <= 6; rows++ {
		k.text(fmt.Sprintf("tile%dx1", rows))
		t := neonTile{neon: k, rows: rows, cols: 8, t: k.argument("t", "", 0)}
		if rows > 3 {
			t.cols = 4
			t.run(0)
			t.run(64)
		} else {
			t.run(0)
		}
		k.end()
	}
}

// get returns a field; scaled one in bytes.
func (k *neonTile) get(at int) *neonReg { return k.fieldOf(k.t, at) }

func (k *neonTile) scaled(at int) *neonReg {
	r := k.get(at)
	k.op("LSL $2, R%[1]d, R%[1]d", inout{r})
	return r
}

func (k *neon) fieldOf(p *neonReg, at int) *neonReg {
	r := k.general()
	k.op("MOVD %[3]d(R%[2]d), R%[1]d", out{r}, p, at)
	return r
}

// run computes the columns from byte offset disp on, tile by tile.
func (k *neonTile) run(disp int) {
	again, some := k.newLabel("tile"), k.newLabel("ahead")
	a, ahead, res, left := k.get(tileA), k.get(tileAhead), k.get(tileRes), k.get(tileTiles)
	c, ldc, stepA := k.get(tileC), k.scaled(tileLDC), k.scaled(tileAStep)
	k.jump(some, "CBNZ R%d,", ahead)
	k.op("MOVD R%d, R%d", a, out{ahead}) // nothing to prefetch: a line that is at hand
	k.place(some)
	k.place(again)
	k.begin(c, ldc, disp)
	k.sums(a, ahead, disp)
	k.op("ADD R%[2]d, R%[1]d, R%[1]d", inout{a}, stepA)
	k.addRow(disp)
	k.addRows(res, disp)
	for _, row := range k.acc {
		for j := 0; j < len(row); j += 2 {
			k.storePair(row[j], row[j+1], c, disp+16*j)
		}
		k.op("ADD R%[2]d, R%[1]d, R%[1]d", inout{c}, ldc)
	}
	k.count(left, again)
}

// begin loads the sums from C or zeroes them.
func (k *neonTile) begin(c, ldc *neonReg, disp int) {
	k.acc = make([][]*neonReg, k.rows)
	fresh, begun := k.newLabel("fresh"), k.newLabel("begun")
	row := k.copyReg(c)
	k.jump(fresh, "CBZ R%d,", k.get(tileLoad))
	for r := range k.acc {
		for j := 0; j < k.cols; j += 2 {
			x, y := k.loadPair(row, disp+16*j)
			k.acc[r] = append(k.acc[r], x, y)
		}
		k.op("ADD R%[2]d, R%[1]d, R%[1]d", inout{row}, ldc)
	}
	k.jump(begun, "B")
	k.place(fresh)
	for _, row := range k.acc {
		for _, x := range row {
			k.op("VEOR V%[1]d.B16, V%[1]d.B16, V%[1]d.B16", out{x})
		}
	}
	k.place(begun)
}

// sums runs over k, some steps at a time.
func (k *neonTile) sums(first, ahead *neonReg, disp int) {
	again, odd, rest, done := k.newLabel("k"), k.newLabel("odd"), k.newLabel("rest"), k.newLabel("sums")
	a, b, left := k.copyReg(first), k.get(tileB), k.get(tileK)
	stepA, stepAhead := k.scaled(tileAK), k.get(tileAheadStep)
	k.op("SUBS $%[2]d, R%[1]d, R%[1]d", inout{left}, steps)
	k.jump(odd, "BLT")
	k.place(again)
	for i := range steps {
		if i%2 == 0 {
			k.op("PRFM (R%d), PLDL2KEEP", ahead)
			k.op("ADD R%[2]d, R%[1]d, R%[1]d", inout{ahead}, stepAhead)
		}
		k.step(a, stepA, b, disp+i*panelRow)
	}
	k.op("ADD $%[2]d, R%[1]d, R%[1]d", inout{b}, steps*panelRow)
	k.op("SUBS $%[2]d, R%[1]d, R%[1]d", inout{left}, steps)
	k.jump(again, "BGE")
	k.place(odd)
	k.op("ADDS $%[2]d, R%[1]d, R%[1]d", inout{left}, steps)
	k.jump(done, "BEQ")
	k.place(rest)
	k.step(a, stepA, b, disp)
	k.op("ADD $%[2]d, R%[1]d, R%[1]d", inout{b}, panelRow)
	k.count(left, rest)
	k.place(done)
}

// step adds one k: the elements of A, then for each two vectors of B their products with all of those.
func (k *neonTile) step(a, stepA, b *neonReg, disp int) {
	elements := k.elements(a)
	k.op("ADD R%[2]d, R%[1]d, R%[1]d", inout{a}, stepA)
	for j := 0; j < k.cols; j += 2 {
		x, y := k.loadPair(b, disp+16*j)
		for r, e := range elements {
			e.addTimes(k.neon, x, k.acc[r][j])
			e.addTimes(k.neon, y, k.acc[r][j+1])
		}
	}
}

// lane is a lane of a register.
type lane struct {
	of *neonReg
	at int
}

// elements loads as many elements as the tile has rows.
func (k *neonTile) elements(p *neonReg) (e []lane) {
	for n := 4; n > 0; n /= 2 {
		if k.rows-len(e) < n {
			continue
		}
		x := k.vector()
		k.op([...]string{1: "FMOVS", 2: "FMOVD", 4: "FMOVQ"}[n]+" %[3]d(R%[2]d), F%[1]d", out{x}, p, 4*len(e))
		for i := range n {
			e = append(e, lane{x, i})
		}
	}
	return e
}

// addTimes adds to acc the element times x.
func (e lane) addTimes(k *neon, x, acc *neonReg) {
	k.encoded(0x4f801000|uint32(e.at&1)<<21|uint32(e.at>>1)<<11, fmt.Sprintf("fmla v%%d.4s, v%%d.4s, v%%d.s[%d]", e.at), inout{acc}, x, e.of)
}

// addRow adds the bias.
func (k *neonTile) addRow(disp int) {
	none := k.newLabel("none")
	bias := k.get(tileBias)
	k.jump(none, "CBZ R%d,", bias)
	for j := 0; j < k.cols; j += 2 {
		x, y := k.loadPair(bias, disp+16*j)
		for _, row := range k.acc {
			k.addTo(x, row[j])
			k.addTo(y, row[j+1])
		}
	}
	k.place(none)
}

// addRows adds the residual; res moves on to that of the next tile.
func (k *neonTile) addRows(res *neonReg, disp int) {
	none := k.newLabel("none")
	k.jump(none, "CBZ R%d,", res)
	ld := k.scaled(tileLDRes)
	for _, row := range k.acc {
		for j := 0; j < k.cols; j += 2 {
			x, y := k.loadPair(res, disp+16*j)
			k.addTo(x, row[j])
			k.addTo(y, row[j+1])
		}
		k.op("ADD R%[2]d, R%[1]d, R%[1]d", inout{res}, ld)
	}
	k.place(none)
}
