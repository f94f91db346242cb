package tokenizer

import "sync/atomic"

// wordCache remembers the ids of words, without locks: each word has one slot,
// given by its hash, and the last one written there stays. Memory is bounded by
// the number of slots and the length of a cached word.
type wordCache struct {
	slots []atomic.Pointer[cachedWord] // [cacheSlots]
}

const (
	cacheSlots  = 1 << 15
	maxCached   = 64 // bytes; longer words are rare and seldom repeat
	maxCacheIDs = maxCached
)

type cachedWord struct {
	word string
	ids  []int32
}

func newWordCache() wordCache {
	return wordCache{make([]atomic.Pointer[cachedWord], cacheSlots)}
}

// hashWord is FNV-1a with a final mix.
func hashWord(word string) uint32 {
	h := uint32(2166136261)
	for i := range len(word) {
		h = (h ^ uint32(word[i])) * 16777619
	}
	return h ^ h>>15
}

// get returns the ids of word, which must not be changed.
func (c *wordCache) get(h uint32, word string) ([]int32, bool) {
	e := c.slots[h%cacheSlots].Load()
	if e == nil || e.word != word {
		return nil, false
	}
	return e.ids, true
}

// put stores a copy of the word and its ids.
func (c *wordCache) put(h uint32, word string, ids []int32) {
	if len(word) > maxCached || len(ids) > maxCacheIDs {
		return
	}
	e := &cachedWord{word: string([]byte(word)), ids: append([]int32(nil), ids...)}
	c.slots[h%cacheSlots].Store(e)
}
