package avx512

import (
	"unsafe"

	"pgsrm/kernel/internal/generic"
)

// TileRows is the most rows of a tile.
const TileRows = 6

var tiles = [TileRows + 1][5]func(*byte){
	1: {1: tile1x1, 2: tile1x2, 4: tile1x4}, 2: {1: tile2x1, 2: tile2x2, 4: tile2x4}, 3: {1: tile3x1, 2: tile3x2, 4: tile3x4},
	4: {1: tile4x1, 2: tile4x2}, 5: {1: tile5x1, 2: tile5x2}, 6: {1: tile6x1, 2: tile6x2},
}

// MaxPanels reports how many panels a tile of m rows may have. Run takes 1, 2 or this.
func MaxPanels(m int) int {
	if m <= 3 {
		return 4
	}
	return 2
}

// Run is generic.Run.
func Run(t *generic.Tile) { tiles[t.M][t.Panels]((*byte)(unsafe.Pointer(t))) }

// AdamW is generic.AdamW.
func AdamW(w, g, m, v []float32, c *generic.Adam) { adamW(w, g, m, v, &c.Decay) }

// PackRows is generic.PackRows for at most TileRows rows.
func PackRows(dst, src []float32, ld, rows, k int) {
	whole := k / 16 * 16
	if whole > 0 {
		_, _ = dst[rows*whole-1], src[(rows-1)*ld+whole-1]
		var at [8]int // bytes; a row that is not there stands for the last one
		for i := range at {
			at[i] = 4 * ld * min(i, rows-1)
		}
		packRows(&dst[0], &src[0], &at, rows, whole)
	}
	if whole < k {
		generic.PackRows(dst[rows*whole:], src[whole:], ld, rows, k-whole)
	}
}

// PackColumns is generic.PackColumns.
func PackColumns(dst, src []float32, ld, rows int) {
	if rows > 0 {
		_, _ = dst[rows*generic.Group-1], src[(rows-1)*ld+generic.Group-1]
		packColumns(&dst[0], &src[0], rows, ld)
	}
}
