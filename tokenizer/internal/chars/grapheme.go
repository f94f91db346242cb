package chars

import (
	"strings"
	"unicode/utf8"
)

// Hangul syllables are composed by arithmetic (Unicode 15, section 3.12): the
// first syllable and the first jamo of each kind, and how many there are.
const (
	HangulS, HangulL, HangulV, HangulT = 0xAC00, 0x1100, 0x1161, 0x11A7
	CountL, CountV, CountT             = 19, 21, 28
	CountS                             = CountL * CountV * CountT
)

// ClusterEnd returns the end of the extended grapheme cluster that begins at
// text[i] (Unicode Standard Annex 29, rules GB3 to GB13). It is exact for clusters
// below six bytes, the only ones whose end matters to precompiled: pairs of
// regional indicators are not joined.
func (t *Table) ClusterEnd(text string, i int) int {
	prev, n := utf8.DecodeRuneInString(text[i:])
	if prev == '\r' && strings.HasPrefix(text[i+1:], "\n") {
		return i + 2
	}
	st := clusterState{chars: t}
	st.add(prev)
	for i += n; i < len(text); i += n {
		var r rune
		r, n = utf8.DecodeRuneInString(text[i:])
		if !st.joins(prev, r) {
			break
		}
		st.add(r)
		prev = r
	}
	return i
}

// clusterState is what the rules GB9c and GB11 remember.
type clusterState struct {
	chars            *Table
	pict             bool // a pictograph and extending characters
	joiner           bool // the same and a zero-width joiner
	conjunct, linked bool // a consonant and marks, with a linker among them
}

// add takes a character into the cluster.
func (st *clusterState) add(r rune) {
	p := st.chars.Of(r)
	const zwj, zwnj = 0x200D, 0x200C
	st.joiner = st.pict && r == zwj
	st.pict = p&isPict != 0 || st.pict && p&isExtending != 0 && r != zwj
	switch {
	case p&isConsonant != 0:
		st.conjunct, st.linked = true, false
	case p&isLinker != 0:
		st.linked = st.conjunct
	case p&isExtending == 0 || r == zwnj:
		st.conjunct, st.linked = false, false
	}
}

// joins reports whether no boundary lies between prev and r.
func (st *clusterState) joins(prev, r rune) bool {
	a, b := st.chars.Of(prev), st.chars.Of(r)
	switch {
	case (a|b)&isBreak != 0:
		return false
	case b&isJoining != 0, a&isPrepended != 0:
		return true
	case st.joiner && b&isPict != 0, st.linked && b&isConsonant != 0:
		return true
	}
	return hangulJoins(hangulKind(prev), hangulKind(r))
}

// hangulKind returns L, V, T for jamo, v for a syllable LV, t for LVT, 0 else.
func hangulKind(r rune) byte {
	switch {
	case r >= 0x1100 && r <= 0x115F || r >= 0xA960 && r <= 0xA97C:
		return 'L'
	case r >= 0x1160 && r <= 0x11A7 || r >= 0xD7B0 && r <= 0xD7C6:
		return 'V'
	case r >= 0x11A8 && r <= 0x11FF || r >= 0xD7CB && r <= 0xD7FB:
		return 'T'
	case r >= HangulS && r < HangulS+CountS && (r-HangulS)%CountT == 0:
		return 'v'
	case r >= HangulS && r < HangulS+CountS:
		return 't'
	}
	return 0
}

// hangulJoins holds the rules GB6 to GB8.
func hangulJoins(a, b byte) bool {
	switch a {
	case 'L':
		return b == 'L' || b == 'V' || b == 'v' || b == 't'
	case 'v', 'V':
		return b == 'V' || b == 'T'
	case 't', 'T':
		return b == 'T'
	}
	return false
}
