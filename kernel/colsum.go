package kernel

// sumRows is the number of rows that columnSums adds up before it adds to the total.
const sumRows = 64

// sumWidth is the number of columns of a unit of work: their partial sums stay in the L1 cache.
const sumWidth = 256

// sumColumns is the number of columns whose sums a kernel keeps in registers.
const sumColumns = 64

// columnSums adds the sum over the rows of dy [M][len(db)] to db.
func columnSums(s *worker, db []float32, dy Matrix, m int) {
	for ; len(db) >= sumColumns; db, dy.Data = db[sumColumns:], dy.Data[min(sumColumns, len(dy.Data)):] {
		for r0 := 0; r0 < m; r0 += sumRows {
			rows := min(sumRows, m-r0)
			_ = dy.Data[(r0+rows-1)*dy.Stride+sumColumns-1]
			use.sumRows(db[:sumColumns], dy.from(r0, 0), rows, dy.Stride)
		}
	}
	acc := grown(&s.row, len(db))
	for r0 := 0; r0 < m; r0 += sumRows {
		clear(acc)
		for r := r0; r < min(r0+sumRows, m); r++ {
			use.add(acc, dy.from(r, 0)[:len(db)])
		}
		use.add(db, acc)
	}
}
