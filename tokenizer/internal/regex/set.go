package regex

import (
	"slices"
	"unicode/utf8"

	"pgsrm/tokenizer/internal/chars"
)

// charSet is a set of characters: the union of its ranges, categories, flags and
// complements, or all but these.
type charSet struct {
	chars      *chars.Table
	not        bool
	items      []setItem // as the pattern lists them
	ranges     []setItem // in order, with gaps between them
	categories uint32    // bit by category
	flags      uint32
	negated    []setItem           // each the complement of categories or flags
	ascii      [utf8.RuneSelf]bool // the answer for ASCII
}

// setItem is a range, categories or a flag, or the rest of all characters.
type setItem struct {
	lo, hi     rune   // hi < lo: no range
	categories uint32 // bit by category
	flags      uint32
	not        bool
}

// at returns the length of the character at text[pos] if it is in the set, else 0.
func (s *charSet) at(text string, pos int) int {
	if pos >= len(text) {
		return 0
	}
	if c := text[pos]; c < utf8.RuneSelf {
		if s.ascii[c] {
			return 1
		}
		return 0
	}
	r, n := utf8.DecodeRuneInString(text[pos:])
	if s.contains(r) {
		return n
	}
	return 0
}

// contains decides without the table for ASCII.
func (s *charSet) contains(r rune) bool { return s.holds(r, s.chars.Of(r)) }

// holds decides for a character with its properties.
func (s *charSet) holds(r rune, properties uint32) bool {
	if s.categories>>(properties&chars.CategoryBits)&1 != 0 || properties&s.flags != 0 || s.inRange(r) {
		return !s.not
	}
	for _, it := range s.negated {
		if it.categories>>(properties&chars.CategoryBits)&1 == 0 && properties&it.flags == 0 {
			return !s.not
		}
	}
	return s.not
}

func (s *charSet) inRange(r rune) bool {
	lo, hi := 0, len(s.ranges)
	for lo < hi {
		switch mid := int(uint(lo+hi) / 2); {
		case r < s.ranges[mid].lo:
			hi = mid
		case r > s.ranges[mid].hi:
			lo = mid + 1
		default:
			return true
		}
	}
	return false
}

// finish sorts the items, so that a long class is as fast as a short one, and
// fills the table for ASCII.
func (s *charSet) finish() *charSet {
	for _, it := range s.items {
		switch {
		case it.not:
			if !slices.Contains(s.negated, it) {
				s.negated = append(s.negated, it)
			}
		case it.hi >= it.lo:
			s.ranges = append(s.ranges, it)
		default:
			s.categories |= it.categories
			s.flags |= it.flags
		}
	}
	slices.SortFunc(s.ranges, func(a, b setItem) int { return int(a.lo - b.lo) })
	merged := s.ranges[:0]
	for _, it := range s.ranges {
		if n := len(merged); n > 0 && it.lo <= merged[n-1].hi+1 {
			merged[n-1].hi = max(merged[n-1].hi, it.hi)
			continue
		}
		merged = append(merged, it)
	}
	s.ranges = merged
	for c := range s.ascii {
		s.ascii[c] = s.contains(rune(c))
	}
	return s
}
