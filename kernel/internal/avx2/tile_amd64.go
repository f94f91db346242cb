package avx2

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
