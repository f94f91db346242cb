package neon

import (
	"unsafe"

	"pgsrm/kernel/internal/generic"
)

// TileRows is the most rows of a tile.
const TileRows = 6

var tiles = [TileRows + 1]func(*byte){nil, tile1x1, tile2x1, tile3x1, tile4x1, tile5x1, tile6x1}

// MaxPanels reports how many panels a tile of m rows may have.
func MaxPanels(m int) int { return 1 }

// Run is generic.Run.
func Run(t *generic.Tile) { tiles[t.M]((*byte)(unsafe.Pointer(t))) }

// AdamW is generic.AdamW.
func AdamW(w, g, m, v []float32, c *generic.Adam) { adamW(w, g, m, v, &c.Decay) }

// PackRows is generic.PackRows for at most TileRows rows.
func PackRows(dst, src []float32, ld, rows, k int) {
	whole := k / 4 * 4
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
