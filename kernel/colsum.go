package kernel

// sumRows is the number of rows that ColSum adds up before it adds to the total.
const sumRows = 64

// sumWidth is the number of columns of a block: their partial sums stay in the L1 cache.
const sumWidth = 256

// ColSum adds the sum over the rows of dy [M][N] to db [N]: blocks of 64 rows, in order.
func ColSum(p *Pool, db []float32, dy []float32, lddy, m, n int) {
	c := columnJob{db: db[:n], dy: dy, lddy: lddy, m: m}
	blocks := ceilDiv(n, sumWidth)
	if p.Threads() == 1 || blocks <= 1 {
		s := p.at(0)
		for i := range blocks {
			c.item(i, s)
		}
		return
	}
	share(p, &p.jobs.columns, c, blocks)
}

// columnJob is one ColSum.
type columnJob struct {
	db, dy  []float32
	lddy, m int
}

// item sums one block of columns.
func (c *columnJob) item(i int, s *worker) {
	lo := i * sumWidth
	columnSums(s, c.db[lo:min(lo+sumWidth, len(c.db))], c.dy[lo:], c.lddy, c.m)
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
