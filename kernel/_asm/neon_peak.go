package main

// peak emits Peak: n rounds of 384 multiply-adds that touch registers only, on 24 sums of 4 lanes. sum*0.5 + 1 takes two of them,
// sum - sum*0.5 and sum + 1*1, since the instruction adds to what it overwrites. Sums start at 0 and go to 2, so no number is ever
// subnormal.
func (k *neon) peak() {
	k.text("Peak")
	n := k.argument("n", "", 0)
	half, one := k.c(0.5), k.c(1)
	sums := make([]vec, 24)
	for i := range sums {
		sums[i] = k.zero()
	}
	again, done := k.newLabel("round"), k.newLabel("done")
	k.op("CMP $0, R%d", n)
	k.jump(done, "BLE")
	k.place(again)
	for range 2 {
		for _, s := range sums {
			k.op("VFMLS V%d.S4, V%d.S4, V%d.S4", half, s, inout{s})
		}
		for _, s := range sums {
			k.addMul(one, one, s)
		}
	}
	k.count(n, again)
	k.place(done)
	k.result(0, sums[0])
	k.end()
}

// stream emits Stream: a sum that reads at four places at once, since a core asks memory for more lines ahead on several
// streams than on one. A quarter is len(x) bytes long.
func (k *neon) stream() {
	k.text("Stream")
	x, quarter := k.argument("x", "_base", 0), k.argument("x", "_len", 8)
	var from [4]*neonReg
	var sums [4][]vec
	for i := range from {
		from[i] = x
		if i > 0 {
			from[i] = k.general()
			k.op("ADD R%[2]d, R%[3]d, R%[1]d", out{from[i]}, quarter, from[i-1])
		}
	}
	for i := range sums {
		sums[i] = []vec{k.zero(), k.zero(), k.zero(), k.zero()}
	}
	again, done := k.newLabel("line"), k.newLabel("done")
	k.jump(done, "CBZ R%d,", quarter)
	k.place(again)
	for i, p := range from {
		for at := 0; at < 4; at += 2 {
			a, b := k.vector(), k.vector()
			k.op("FLDPQ.P 32(R%[3]d), (F%[1]d, F%[2]d)", out{a}, out{b}, inout{p})
			k.addTo(a, sums[i][at])
			k.addTo(b, sums[i][at+1])
		}
	}
	k.op("SUBS $64, R%[1]d, R%[1]d", inout{quarter})
	k.jump(again, "BNE")
	k.place(done)
	for _, s := range sums[1:] {
		for at := range s {
			k.addTo(s[at], sums[0][at])
		}
	}
	k.result(0, k.total(sums[0]))
	k.end()
}
