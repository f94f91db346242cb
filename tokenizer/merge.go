package tokenizer

import "math"

// pairTable maps a pair of ids to the rank of its merge and the id it makes: an
// open-addressing hash table, since a lookup is the inner loop of BPE.
type pairTable struct {
	keys  []uint64 // power of two; left<<32 | right, noPair where free
	vals  []uint64 // rank<<32 | id
	shift uint
}

const noPair = math.MaxUint64

// newPairTable returns an empty table for n pairs.
func newPairTable(n int) pairTable {
	bits := uint(4)
	for 1<<bits < 2*n {
		bits++
	}
	t := pairTable{make([]uint64, 1<<bits), make([]uint64, 1<<bits), 64 - bits}
	for i := range t.keys {
		t.keys[i] = noPair
	}
	return t
}

// slot returns where the key stands or would stand.
func (t *pairTable) slot(key uint64) int {
	i := int(key * 0x9E3779B97F4A7C15 >> t.shift)
	for t.keys[i] != key && t.keys[i] != noPair {
		i = (i + 1) & (len(t.keys) - 1)
	}
	return i
}

// set stores a merge; the last one of a pair counts.
func (t *pairTable) set(left, right int32, rank int, id int32) {
	key := uint64(uint32(left))<<32 | uint64(uint32(right))
	i := t.slot(key)
	t.keys[i], t.vals[i] = key, uint64(rank)<<32|uint64(uint32(id))
}

// get returns rank<<32 | id of a pair, noPair if it has no merge.
func (t *pairTable) get(left, right int32) uint64 {
	key := uint64(uint32(left))<<32 | uint64(uint32(right))
	i := t.slot(key)
	if t.keys[i] != key {
		return noPair
	}
	return t.vals[i]
}

// mergeState is the working memory of the merges of one word.
type mergeState struct {
	vals []uint64  // short words: merge of each symbol with its right neighbour
	next []int32   // long words: linked list of the symbols left
	prev []int32   //
	heap []mergeAt // long words: candidates, the lowest rank and leftmost first
}

// mergeAt is a candidate: the merge of the symbol at pos with its neighbour.
type mergeAt struct {
	val uint64 // rank<<32 | id
	pos int32
}

// shortWord is the length up to which looking at every pair beats a heap.
const shortWord = 48

// run merges the symbols ids in place and returns how many are left.
func (st *mergeState) run(ids []int32, merges *pairTable) int {
	if len(ids) < 2 {
		return len(ids)
	}
	if len(ids) <= shortWord {
		return st.runShort(ids, merges)
	}
	return st.runHeap(ids, merges)
}

// runShort finds the lowest rank by looking at every pair.
func (st *mergeState) runShort(ids []int32, merges *pairTable) int {
	vals := st.vals[:0]
	for i := range len(ids) - 1 {
		vals = append(vals, merges.get(ids[i], ids[i+1]))
	}
	for {
		best, at := uint64(noPair), -1
		for i, v := range vals {
			if v>>32 < best>>32 {
				best, at = v, i
			}
		}
		if at < 0 {
			break
		}
		ids[at] = int32(uint32(best))
		ids = append(ids[:at+1], ids[at+2:]...)
		vals = append(vals[:at], vals[at+1:]...)
		if at < len(vals) {
			vals[at] = merges.get(ids[at], ids[at+1])
		}
		if at > 0 {
			vals[at-1] = merges.get(ids[at-1], ids[at])
		}
	}
	st.vals = vals
	return len(ids)
}

// runHeap keeps the candidates in a heap: O(n log n) for a word of n symbols.
func (st *mergeState) runHeap(ids []int32, merges *pairTable) int {
	st.reset(ids, merges)
	for len(st.heap) > 0 {
		top := st.pop()
		i := top.pos
		j := st.next[i]
		// An entry is stale if its left symbol is gone or its pair has changed.
		if j < 0 || ids[i] < 0 || merges.get(ids[i], ids[j]) != top.val {
			continue
		}
		ids[i], ids[j] = int32(uint32(top.val)), -1
		k := st.next[j]
		st.next[i] = k
		if k >= 0 {
			st.prev[k] = i
			st.push(merges.get(ids[i], ids[k]), i)
		}
		if p := st.prev[i]; p >= 0 {
			st.push(merges.get(ids[p], ids[i]), p)
		}
	}
	n := 0
	for _, id := range ids {
		if id >= 0 {
			ids[n] = id
			n++
		}
	}
	return n
}

// reset links the symbols and fills the heap.
func (st *mergeState) reset(ids []int32, merges *pairTable) {
	st.next, st.prev, st.heap = st.next[:0], st.prev[:0], st.heap[:0]
	for i := range ids {
		st.next = append(st.next, int32(i+1))
		st.prev = append(st.prev, int32(i-1))
		if i > 0 {
			st.push(merges.get(ids[i-1], ids[i]), int32(i-1))
		}
	}
	st.next[len(ids)-1] = -1
}

func (a mergeAt) less(b mergeAt) bool {
	return a.val>>32 < b.val>>32 || a.val>>32 == b.val>>32 && a.pos < b.pos
}

// push adds a candidate; noPair is none.
func (st *mergeState) push(val uint64, pos int32) {
	if val == noPair {
		return
	}
	h := append(st.heap, mergeAt{val, pos})
	for i := len(h) - 1; i > 0; {
		up := (i - 1) / 2
		if !h[i].less(h[up]) {
			break
		}
		h[i], h[up] = h[up], h[i]
		i = up
	}
	st.heap = h
}

// pop removes the first candidate.
func (st *mergeState) pop() mergeAt {
	h := st.heap
	top, n := h[0], len(h)-1
	h[0] = h[n]
	h = h[:n]
	for i := 0; ; {
		c := 2*i + 1
		if c >= n {
			break
		}
		if c+1 < n && h[c+1].less(h[c]) {
			c++
		}
		if !h[c].less(h[i]) {
			break
		}
		h[i], h[c] = h[c], h[i]
		i = c
	}
	st.heap = h
	return top
}
