package cache

import (
	"bytes"
	"slices"
)

// byKey are the entries in the order of their keys, in which a file takes them best.
func byKey(entries map[Key]*Entry) []*Entry {
	out := make([]*Entry, 0, len(entries))
	for _, e := range entries {
		out = append(out, e)
	}
	slices.SortFunc(out, func(a, b *Entry) int { return bytes.Compare(a.Key[:], b.Key[:]) })
	return out
}

func sortedKeys(keys map[Key]bool) []Key {
	out := make([]Key, 0, len(keys))
	for k := range keys {
		out = append(out, k)
	}
	slices.SortFunc(out, func(a, b Key) int { return bytes.Compare(a[:], b[:]) })
	return out
}
