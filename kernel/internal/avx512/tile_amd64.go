package avx512

import (
	"unsafe"

	"pgsrm/kernel/internal/generic"
)

// TileRows is the most rows of a tile.
const TileRows = 12

var (
	tiles = [TileRows + 1]func(*byte){nil, tile1x1, tile2x1, tile3x1, tile4x1, tile5x1, tile6x1,
		tile7x1, tile8x1, tile9x1, tile10x1, tile11x1, tile12x1}
	wideTiles = [...]func(*byte){nil, tile1x4, tile2x4, tile3x4}
)

// MaxPanels reports how many panels a tile of m rows may have: 4 if one would leave the
// multiply-add units waiting for each other. Run takes 1 or this.
func MaxPanels(m int) int {
	if m < len(wideTiles) {
		return 4
	}
	return 1
}

// Run is generic.Run.
func Run(t *generic.Tile) {
	if t.Panels == 4 {
		wideTiles[t.M]((*byte)(unsafe.Pointer(t)))
		return
	}
	tiles[t.M]((*byte)(unsafe.Pointer(t)))
}

// AdamW is generic.AdamW.
func AdamW(w, g, m, v []float32, c *generic.Adam) { adamW(w, g, m, v, &c.Decay) }
