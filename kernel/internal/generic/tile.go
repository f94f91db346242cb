package generic

// NR is the number of columns of a panel: the width of every tile.
const NR = 32

// Tile describes one call of the GEMM micro-kernel: Tiles tiles of M rows each, below one another,
//
//	C[r][32q+j] = (Load ? C : 0) + sum over k of A[r][k]*B[q][k][j]  (+ Bias[32q+j]) (+ Res[r][32q+j])
//
// for r < Tiles*M, q < Panels, j < 32. Every element is one chain of fused multiply-adds over k in
// increasing order, so its value does not depend on the tile it was computed in. All
// strides count float32 elements. The assembly reads the fields by offset
// (variants_test.go of package kernel holds them): keep the order.
type Tile struct {
	A     []float32 // element (r, k) of tile i at i*AStep + k*AK + r
	B     []float32 // element (q, k, j) at q*BStep + 32*k + j
	C     []float32 // element (r, 32q+j) at r*LDC + q*CStep + j
	Bias  []float32 // [32*Panels] or nil
	Res   []float32 // element (r, 32q+j) at r*LDRes + 32q+j, or nil
	Ahead []float32 // memory to prefetch into the L2 cache, one line for every second k, or nil

	M, K, AK  int
	LDC       int
	LDRes     int
	Tiles     int
	Panels    int
	BStep     int
	CStep     int
	Load      int // 1: continue the sums that C holds
	AheadStep int // bytes from one line to prefetch to the next; 0 if Ahead is nil
	AStep     int
}

// TileRows is the most rows of a tile.
const TileRows = 6

// MaxPanels reports how many panels a tile of m rows may have in Run: here always one.
func MaxPanels(m int) int { return 1 }

// Run computes the tiles in pure Go. The explicit conversions forbid fusing, so that the
// result is the same on every architecture.
func Run(t *Tile) {
	for i := range t.Tiles {
		for q := range t.Panels {
			for r := range t.M {
				t.row(i, r, q)
			}
		}
	}
}

func (t *Tile) row(tile, r, q int) {
	row := tile*t.M + r
	c := t.C[row*t.LDC+q*t.CStep:][:NR]
	var acc [NR]float32
	if t.Load != 0 {
		copy(acc[:], c)
	}
	for k := range t.K {
		a := t.A[tile*t.AStep+k*t.AK+r]
		b := t.B[q*t.BStep+k*NR:][:NR]
		for j := range acc {
			acc[j] += float32(a * b[j])
		}
	}
	if t.Bias != nil {
		Add(acc[:], t.Bias[q*NR:][:NR])
	}
	if t.Res != nil {
		Add(acc[:], t.Res[row*t.LDRes+q*NR:][:NR])
	}
	copy(c, acc[:])
}

// PackRows packs k columns of rows rows of src, ld apart, as A of a tile: dst[c*rows+r] = src[r*ld+c].
func PackRows(dst, src []float32, ld, rows, k int) {
	for r := range rows {
		for c, v := range src[r*ld:][:k] {
			dst[c*rows+r] = v
		}
	}
}

// Group is the number of columns of x that PackColumns packs side by side: the rows of several tiles.
const Group = 24

// PackColumns copies Group columns of rows rows of src, ld apart: dst[r*Group:][:Group] = src[r*ld:][:Group].
func PackColumns(dst, src []float32, ld, rows int) {
	for r := range rows {
		copy(dst[r*Group:][:Group], src[r*ld:])
	}
}

// SumRows adds to dst the sums over rows rows of src, ld apart, of 64 columns.
func SumRows(dst, src []float32, rows, ld int) {
	var acc [64]float32
	for r := range rows {
		Add(acc[:], src[r*ld:][:64])
	}
	Add(dst[:64], acc[:])
}

// Transpose writes the transpose of the 32x32 block src to dst, both contiguous.
func Transpose(dst, src []float32) {
	for i := range NR {
		for j := range NR {
			dst[j*NR+i] = src[i*NR+j]
		}
	}
}

// Slices copies n pieces of 16 elements: dst[i*dstStep:][:16] = src[i*srcStep:][:16].
func Slices(dst, src []float32, n, dstStep, srcStep int) {
	for i := range n {
		copy(dst[i*dstStep:][:16], src[i*srcStep:][:16])
	}
}
