package embed

import (
	"encoding/binary"
	"math"
	"sync"
)

// Rows that are asked for again and again are kept in memory: the words of a task
// are few, and those of a language come with very different frequencies.
const (
	cacheBytes  = 32 << 20
	cacheShards = 64
)

// rowCache keeps rows of an index. Each row has one place; a row takes it when it is
// asked for twice with no other row of that place between. It is safe for
// concurrent use.
type rowCache struct {
	dim    int // E
	shards [cacheShards]rowShard
}

// rowShard is every 64th row.
type rowShard struct {
	mu    sync.Mutex
	buf   []byte    // [4*E] a row as read
	have  []int32   // [places] row + 1; 0 = none
	asked []int32   // [places] row + 1 that was read last for a place
	rows  []float32 // [places][E]
}

// add adds a row to sum [E], reading it from the index where it is not kept.
func (c *rowCache) add(sum []float32, row int, from *wordIndex) error {
	s := &c.shards[row%cacheShards]
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.have == nil {
		s.make(c.dim)
	}
	place, id := row/cacheShards%len(s.have), int32(row+1)
	kept := s.rows[place*c.dim:][:c.dim]
	if s.have[place] == id {
		sum = sum[:len(kept)]
		for i, x := range kept {
			sum[i] += x
		}
		return nil
	}
	if err := from.readRow(s.buf, row); err != nil {
		return err
	}
	for i := range sum {
		sum[i] += math.Float32frombits(binary.LittleEndian.Uint32(s.buf[4*i:]))
	}
	if s.asked[place] == id {
		for i := range kept {
			kept[i] = math.Float32frombits(binary.LittleEndian.Uint32(s.buf[4*i:]))
		}
		s.have[place] = id
	}
	s.asked[place] = id
	return nil
}

// make allocates the places of a shard.
func (s *rowShard) make(dim int) {
	places := max(1, cacheBytes/cacheShards/(4*dim))
	s.buf, s.rows = make([]byte, 4*dim), make([]float32, places*dim)
	s.have, s.asked = make([]int32, places), make([]int32, places)
}
