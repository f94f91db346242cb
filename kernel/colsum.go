package kernel

// sumRows is the number of rows that columnSums adds up before it adds to the total.
const sumRows = 64

// sumWidth is the number of columns of a unit of work: their partial sums stay in the L1 cache.
const sumWidth = 256

// columnSums adds the sum over the rows of dy [M][len(db)] to db.
func columnSums(s *worker, db []float32, dy Matrix, m int) {
	acc := grown(&s.row, len(db))
	for r0 := 0; r0 < m; r0 += sumRows {
		clear(acc)
		for r := r0; r < min(r0+sumRows, m); r++ {
			use.add(acc, dy.from(r, 0)[:len(db)])
		}
		use.add(db, acc)
	}
}
