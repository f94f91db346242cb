package tokenizer

import (
	"maps"
	"slices"
)

// trie finds the tokens that a text begins with, byte by byte.
type trie struct {
	rows   []trieRow  // row 0 is the root
	labels []byte     // [rows] the byte that leads to the row
	root   [256]int32 // row after each first byte, -1 without one
}

// trieRow is a node of the trie: its children stand side by side.
type trieRow struct {
	id    int32  // token that ends here, -1 for none
	first int32  // row of the first child
	count uint16 // of children
}

// newTrie lays tokens out level by level.
func newTrie(ids map[string]int32) *trie {
	sorted := slices.Sorted(maps.Keys(ids))
	type job struct{ from, to, depth int } // tokens with one prefix
	jobs := []job{{0, len(sorted), 0}}
	t := &trie{rows: []trieRow{{id: -1}}, labels: []byte{0}}
	for row := 0; row < len(jobs); row++ {
		j := jobs[row]
		if j.from < j.to && len(sorted[j.from]) == j.depth {
			t.rows[row].id = ids[sorted[j.from]]
			j.from++
		}
		t.rows[row].first = int32(len(t.rows))
		for i := j.from; i < j.to; {
			c, k := sorted[i][j.depth], i
			for k < j.to && sorted[k][j.depth] == c {
				k++
			}
			t.rows[row].count++
			t.rows, t.labels = append(t.rows, trieRow{id: -1}), append(t.labels, c)
			jobs = append(jobs, job{i, k, j.depth + 1})
			i = k
		}
	}
	for c := range t.root {
		t.root[c] = t.search(0, byte(c))
	}
	return t
}

// child returns the row after the byte c, -1 without one.
func (t *trie) child(row int32, c byte) int32 {
	if row == 0 {
		return t.root[c]
	}
	return t.search(row, c)
}

func (t *trie) search(row int32, c byte) int32 {
	r := &t.rows[row]
	if i, ok := slices.BinarySearch(t.labels[r.first:int(r.first)+int(r.count)], c); ok {
		return r.first + int32(i)
	}
	return -1
}

// longest returns the longest token that s begins with and its length, 0 if there
// is none.
func (t *trie) longest(s string) (id int32, n int) {
	row := int32(0)
	for i := range len(s) {
		if row = t.child(row, s[i]); row < 0 {
			break
		}
		if t.rows[row].id >= 0 {
			id, n = t.rows[row].id, i+1
		}
	}
	return id, n
}
