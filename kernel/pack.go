package kernel

import "pgsrm/kernel/internal/generic"

// NR is the number of columns in a panel.
//
// A weight matrix W [K][N] is kept packed: panel j holds the columns 32j..32j+31 as [K][32], the
// last one padded with zeros. Values, gradients and optimiser moments share that layout.
const NR = generic.NR

// PackedLen returns the length of a packed [k][n] matrix: ceil(n/32)*k*32.
func PackedLen(k, n int) int { return (n + NR - 1) / NR * k * NR }

// Pack packs the row-major src [k][n] into dst [PackedLen(k, n)].
func Pack(dst, src []float32, k, n int) {
	for j := 0; j < n; j += NR {
		width := min(NR, n-j)
		for i := range k {
			d := dst[j*k+i*NR:][:NR]
			clear(d[copy(d, src[i*n+j:][:width]):])
		}
	}
}

// Unpack is the inverse of Pack.
func Unpack(dst, src []float32, k, n int) {
	for j := 0; j < n; j += NR {
		width := min(NR, n-j)
		for i := range k {
			copy(dst[i*n+j:][:width], src[j*k+i*NR:])
		}
	}
}

// PackT packs the transpose of the row-major src [n][k] into dst [PackedLen(k, n)].
func PackT(dst, src []float32, k, n int) {
	clear(dst[:PackedLen(k, n)])
	for j := range n {
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

// AddPackedColumn adds src [k] to column col of the packed w [k][n].
func AddPackedColumn(w, src []float32, k, n, col int) {
	d := w[columnAt(k, col):]
	for i, v := range src[:k] {
		d[i*NR] += v
	}
}
