package kernel

// sumRows is the number of rows that ColSum adds up before it adds to the total.
const sumRows = 64

// ColSum adds the sum over the rows of dy [M][N] to db [N]: blocks of 64 rows, in order.
func ColSum(p *Pool, db []float32, dy []float32, lddy, m, n int) {
	const width = 256 // columns of a block: their partial sums stay in the L1 cache
	if p.Threads() == 1 || n <= width {
		s := p.at(0)
		for c := 0; c < n; c += width {
			columnSums(s, db[c:min(c+width, n)], dy[c:], lddy, m)
		}
		return
	}
	p.spans(n, width, func(lo, hi, w int) { columnSums(p.at(w), db[lo:hi], dy[lo:], lddy, m) })
}

func columnSums(s *worker, db, dy []float32, lddy, m int) {
	acc := grown(&s.row, len(db))
	for r0 := 0; r0 < m; r0 += sumRows {
		clear(acc)
		for r := r0; r < min(r0+sumRows, m); r++ {
			use.add(acc, dy[r*lddy:][:len(db)])
		}
		use.add(db, acc)
	}
}
