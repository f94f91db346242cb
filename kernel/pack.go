package kernel

import "pgsrm/kernel/internal/generic"

// NR is the number of columns in a panel.
//
// A weight matrix W [K][N] is kept packed: panel j holds the columns 32j..32j+31 as [K][32], the
// last one padded with zeros. Values, gradients and optimiser moments share that layout.
const NR = generic.NR

// Packed is a packed matrix [K][N].
type Packed struct {
	Data []float32 // [PackedLen(K, N)]
	K, N int
}

// need panics if w is too short.
func (w Packed) need(what string) { needLen(what, w.Data, PackedLen(w.K, w.N)) }

// PackedLen returns the length of a packed [k][n] matrix: ceil(n/32)*k*32.
func PackedLen(k, n int) int { return (n + NR - 1) / NR * k * NR }

// Pack packs the row-major src [k][n] into dst [PackedLen(k, n)].
func Pack(dst, src []float32, k, n int) { PackRows(dst, src, k, n, 0, k) }

// PackRows packs rows lo..hi-1 of a matrix [k][n], which src holds row-major [hi-lo][n], and leaves
// the other rows of dst [PackedLen(k, n)] alone.
func PackRows(dst, src []float32, k, n, lo, hi int) {
	for j := 0; j < n; j += NR {
		width := min(NR, n-j)
		for i := lo; i < hi; i++ {
			d := dst[j*k+i*NR:][:NR]
			clear(d[copy(d, src[(i-lo)*n+j:][:width]):])
		}
	}
}

// Unpack is the inverse of Pack.
func Unpack(dst, src []float32, k, n int) { UnpackRows(dst, src, k, n, 0, k) }

// UnpackRows copies rows lo..hi-1 of the packed src [k][n] to the row-major dst [hi-lo][n].
func UnpackRows(dst, src []float32, k, n, lo, hi int) {
	for j := 0; j < n; j += NR {
		width := min(NR, n-j)
		for i := lo; i < hi; i++ {
			copy(dst[(i-lo)*n+j:][:width], src[j*k+i*NR:])
		}
	}
}

// PackT packs the transpose of the row-major src [n][k] into dst [PackedLen(k, n)]. Columns from a
// multiple j of NR on lie from dst[j*k] on, so that a matrix can also be packed some columns at a time.
func PackT(dst, src []float32, k, n int) {
	if n%NR != 0 {
		clear(dst[n/NR*NR*k : PackedLen(k, n)])
	}
	j := 0
	for ; j+4 <= n; j += 4 { // four columns of one panel: 4 divides NR
		d, s := dst[columnAt(k, j):], src[j*k:]
		s0, s1, s2, s3 := s[:k], s[k:][:k], s[2*k:][:k], s[3*k:][:k]
		for i := range s0 {
			q := d[i*NR:][:4]
			q[0], q[1], q[2], q[3] = s0[i], s1[i], s2[i], s3[i]
		}
	}
	for ; j < n; j++ {
		d := dst[columnAt(k, j):]
		for i, v := range src[j*k:][:k] {
			d[i*NR] = v
		}
	}
}

// UnpackT is the inverse of PackT: dst is row-major [n][k].
func UnpackT(dst, src []float32, k, n int) {
	for j := range n {
		PackedColumn(dst[j*k:][:k], src, k, n, j)
	}
}

// columnAt returns the offset of the first element of a column; the next ones follow 32 apart.
func columnAt(k, col int) int { return col/NR*k*NR + col%NR }

// PackedColumn copies column col of the packed w [k][n] to dst [k]. If w packs the transpose of
// an embedding matrix, this is the embedding of token col.
func PackedColumn(dst, w []float32, k, n, col int) {
	s := w[columnAt(k, col):]
	for i := range dst[:k] {
		dst[i] = s[i*NR]
	}
}

// AddPackedColumn adds src to column col of the packed w [k][n], to all of its k elements or to the first ones.
func AddPackedColumn(w, src []float32, k, n, col int) {
	d := w[columnAt(k, col):]
	for i, v := range src {
		d[i*NR] += v
	}
}
