package tokenizer

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"pgsrm/tokenizer/internal/chars"
)

// precompiled is SentencePiece's normalizer: a double array (Aoe 1989, in the
// layout of Darts) finds the rule for the beginning of a text.
//
// Each grapheme cluster below six bytes is looked up first; if a rule fits its
// beginning, the shortest such rule replaces the whole cluster. Otherwise every
// character is looked up on its own.
type precompiled struct {
	chars *chars.Table
	units []uint32 // the double array
	text  string   // replacements, each ended by a zero byte
}

func parsePrecompiled(p part) (normalizer, error) {
	var j struct {
		Type string `json:"type"`
		Map  string `json:"precompiled_charsmap"`
	}
	if err := p.read(&j); err != nil {
		return nil, err
	}
	n, err := newPrecompiled(j.Map)
	if err != nil {
		return nil, fmt.Errorf("%s: precompiled_charsmap: %w", p.where, err)
	}
	return n, nil
}

// newPrecompiled reads the map: the length of the array in bytes, the array, the
// text. Where the array leads is not checked here but by lookup.
func newPrecompiled(encoded string) (*precompiled, error) {
	bad := errors.New("must hold a trie and its text in base64")
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(raw) < 8 {
		return nil, bad
	}
	size := int64(binary.LittleEndian.Uint32(raw))
	rest := raw[4:]
	if size < 4 || size > int64(len(rest)) || size%4 != 0 || !utf8.Valid(rest[size:]) {
		return nil, bad
	}
	n := &precompiled{chars: chars.Load(), units: make([]uint32, size/4), text: string(rest[size:])}
	for i := range n.units {
		n.units[i] = binary.LittleEndian.Uint32(rest[4*i:])
	}
	return n, nil
}

// offset is where the children of a unit stand.
func offset(unit uint32) uint32 { return unit >> 10 << (unit & (1 << 9) >> 6) }

// child follows c from the node whose children stand at an offset; ok is false
// where it has no such child.
func (n *precompiled) child(at uint32, c byte) (unit uint32, ok bool) {
	if at ^= uint32(c); int64(at) >= int64(len(n.units)) || n.units[at]&(1<<31|0xFF) != uint32(c) {
		return 0, false
	}
	return n.units[at], true
}

// reaches says whether the trie has a path c, d from its root.
func (n *precompiled) reaches(c, d byte) bool {
	root := offset(n.units[0])
	unit, ok := n.child(root, c)
	if !ok {
		return false
	}
	_, ok = n.child(root^uint32(c)^offset(unit), d)
	return ok
}

// lookup returns the replacement of the shortest rule that s begins with. A place
// outside of the array is the end of the search.
func (n *precompiled) lookup(s string) (string, bool) {
	at := offset(n.units[0])
	for i := 0; i < len(s) && s[i] != 0; i++ {
		unit, ok := n.child(at, s[i])
		if !ok {
			return "", false
		}
		at ^= uint32(s[i]) ^ offset(unit)
		if unit>>8&1 == 0 {
			continue
		}
		if int64(at) >= int64(len(n.units)) {
			return "", false
		}
		start := n.units[at] & (1<<31 - 1)
		if int64(start) > int64(len(n.text)) {
			return "", false
		}
		to, _, _ := strings.Cut(n.text[start:], "\x00")
		return strings.ToValidUTF8(to, ""), true
	}
	return "", false
}

// continues says whether some rule is longer than c and an ASCII character follows
// it there.
func (n *precompiled) continues(c byte) bool {
	for d := byte(1); d < utf8.RuneSelf; d++ {
		if n.reaches(c, d) {
			return true
		}
	}
	return false
}

// longest is the length of the longest replacement, wherever one may begin.
func (n *precompiled) longest() int {
	longest := 0
	for to := range strings.SplitSeq(n.text, "\x00") {
		longest = max(longest, len(to))
	}
	return longest
}

func (n *precompiled) normalize(p piece) piece {
	var edits []edit
	for i := 0; i < len(p.text); {
		end := n.chars.ClusterEnd(p.text, i)
		cluster := p.text[i:end]
		i = end
		if len(cluster) < 6 {
			if to, ok := n.lookup(cluster); ok {
				edits = appendEdits(edits, cluster, to)
				continue
			}
		}
		for _, r := range cluster {
			if to, ok := n.lookup(string(r)); ok {
				edits = appendEdits(edits, string(r), to)
			} else {
				edits = append(edits, edit{r, 0})
			}
		}
	}
	return applyEdits(p, edits)
}

// edit is one character of the new text and how it relates to the old: 0, it
// replaces the next one; 1, it is new; -n, it replaces the next one and n more go.
type edit struct {
	r      rune
	change int
}

// appendEdits appends those of a replacement.
func appendEdits(dst []edit, from, to string) []edit {
	for _, r := range to {
		dst = append(dst, edit{r, 0})
	}
	diff := utf8.RuneCountInString(to) - utf8.RuneCountInString(from)
	for i := range max(0, diff) {
		dst[len(dst)-1-i].change = 1
	}
	if diff < 0 && len(dst) > 0 {
		dst[len(dst)-1].change += diff
	}
	return dst
}

// applyEdits writes the new text.
func applyEdits(p piece, edits []edit) piece {
	w, at := newRewriter(p), 0
	skip := func() {
		_, n := utf8.DecodeRuneInString(p.text[min(at, len(p.text)):])
		at += n
	}
	for _, e := range edits {
		if e.change > 0 {
			w.put(string(e.r), at-1)
			continue
		}
		w.put(string(e.r), at)
		for k := e.change; k <= 0; k++ {
			skip()
		}
	}
	return w.piece()
}
