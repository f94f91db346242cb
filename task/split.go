package task

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
)

// splitSalt is fixed for ever: another salt is another split.
const splitSalt = "pgsrm split 1"

// heldOutShare is the share of items that a split holds out, at most for the
// built-in tasks and on average for a user's file.
const heldOutShare = 0.2

// hash maps an ID to a fixed pseudo-random number.
func hash(id string) uint64 {
	sum := sha256.Sum256([]byte(splitSalt + "\x00" + id))
	return binary.LittleEndian.Uint64(sum[:8])
}

// split assigns the splits of a built-in task. Groups of items that ask the same
// (the two orders of a pair of colors) are visited in the order of the hash of
// their ID; one is held out as long as the share is not reached and train keeps
// what its items need: the answer of a lexical item, every word of input and
// answer of a sentence item. So no held-out answer, and no held-out word, is one
// that training never shows.
func (s spec) split(items []Item) {
	groups := groupItems(items)
	left := map[string]int{} // need -> train items that have it
	for i := range items {
		items[i].Split = Train
		for _, n := range s.needs(items[i]) {
			left[n]++
		}
	}
	quota := int(heldOutShare * float64(len(items)))
	for _, g := range groups {
		if len(g) > quota || !s.spare(items, g, left) {
			continue
		}
		quota -= len(g)
		for _, i := range g {
			items[i].Split = HeldOut
		}
	}
}

// spare takes the needs of a group out of left if each of them stays above zero;
// otherwise it changes nothing and reports false.
func (s spec) spare(items []Item, group []int, left map[string]int) bool {
	for _, i := range group {
		for _, n := range s.needs(items[i]) {
			left[n]--
		}
	}
	ok := true
	for _, i := range group {
		for _, n := range s.needs(items[i]) {
			ok = ok && left[n] > 0
		}
	}
	for _, i := range group {
		for _, n := range s.needs(items[i]) {
			if !ok {
				left[n]++
			}
		}
	}
	return ok
}

// needs lists, each once, what train must keep for an item to be held out.
func (s spec) needs(it Item) []string {
	if s.kind == Lexical {
		return []string{it.Reference}
	}
	out := strings.Fields(it.Input + " " + it.Reference)
	slices.Sort(out)
	return slices.Compact(out)
}

// groupItems returns the indices of items that must share a split, ordered by
// hash. Items whose inputs have the same words in another order form a group.
func groupItems(items []Item) [][]int {
	byKey := map[string][]int{}
	var keys []string
	for i, it := range items {
		words := strings.Fields(it.Input)
		slices.Sort(words)
		key := strings.Join(words, " ")
		if byKey[key] == nil {
			keys = append(keys, key)
		}
		byKey[key] = append(byKey[key], i)
	}
	slices.SortFunc(keys, func(a, b string) int { return cmp.Compare(hash(a), hash(b)) })
	out := make([][]int, len(keys))
	for i, k := range keys {
		out[i] = byKey[k]
	}
	return out
}

// hashSplit assigns the splits of a user's items that name none: held out where
// the hash of the ID falls below the share, so that lines added later leave the
// others where they are. A file too small to give train an item keeps its first.
// It returns the number of items that name theirs.
func hashSplit(items []Item, o Options) (named int) {
	train := false
	for i := range items {
		if items[i].Split != "" {
			named++
		} else if items[i].Split = Train; seededHash(items[i].ID, o.SplitSeed) < o.HeldOut*(1<<63)*2 {
			items[i].Split = HeldOut
		}
		train = train || items[i].Split == Train
	}
	if !train && named == 0 {
		items[0].Split = Train
	}
	return named
}

// seededHash is hash for the split of a seed.
func seededHash(id string, seed uint64) float64 {
	if seed != 0 {
		id = fmt.Sprintf("seed %d\x00%s", seed, id)
	}
	return float64(hash(id))
}
