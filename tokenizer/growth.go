package tokenizer

import (
	"fmt"
	"slices"
	"unicode/utf8"

	"pgsrm/tokenizer/internal/chars"
)

// weights bound how long a text becomes on its way through the parts that rewrite
// it: every byte of the text stands for at most that many bytes at any later
// point. They are worked out from the last part to the first. A part that writes
// text in the place of other text charges its weight to what it replaces; each
// byte weighs at least 1, itself.
type weights struct {
	ascii [utf8.RuneSelf]float64
	other float64 // a byte of a character beyond ASCII
}

// grower is a part that says what it does to weights: given those of the text
// that leaves it, it makes those of the text that enters.
type grower interface{ grow(w *weights) }

func newWeights() *weights {
	w := &weights{other: 1}
	for c := range w.ascii {
		w.ascii[c] = 1
	}
	return w
}

// max is the weight of the heaviest byte.
func (w *weights) max() float64 { return max(w.other, slices.Max(w.ascii[:])) }

// of is the weight of a text.
func (w *weights) of(s string) float64 {
	sum := 0.0
	for i := range len(s) {
		sum += *w.byte(s[i])
	}
	return sum
}

// byte is the place of the weight of a byte.
func (w *weights) byte(c byte) *float64 {
	if c < utf8.RuneSelf {
		return &w.ascii[c]
	}
	return &w.other
}

// raise makes a byte weigh at least that much.
func (w *weights) raise(c byte, weight float64) {
	p := w.byte(c)
	*p = max(*p, weight)
}

// add makes every byte heavier: for what a part adds to a piece or a word, each
// of which has one byte at least, or to every character.
func (w *weights) add(weight float64) {
	w.other += weight
	for c := range w.ascii {
		w.ascii[c] += weight
	}
}

// check refuses what a text might become too long in.
func (w *weights) check(what string) error {
	if most := w.max(); !(most <= maxGrowth) {
		return fmt.Errorf("%s: must make a text at most %d times as long (got up to %.3g times)", what, maxGrowth, most)
	}
	return nil
}

func (all normalizers) grow(w *weights) { growAll(w, all) }

func (s *stages) grow(w *weights) { growAll(w, s.list) }

func (all decoders) grow(w *weights) { growAll(w, all) }

// growAll is grow of parts that apply one after the other.
func growAll[T grower](w *weights, all []T) {
	for _, x := range slices.Backward(all) {
		x.grow(w)
	}
}

// What only takes away, cuts, or keeps the length.
func (filter) grow(*weights)       {}
func (strip) grow(*weights)        {}
func (cutter) grow(*weights)       {}
func (bertSplit) grow(*weights)    {}
func (fuse) grow(*weights)         {}
func (stripDecoder) grow(*weights) {}

// Growth of UTF-8 under the normalization forms (Standard Annex 15, section 9) and
// Lowercase. ASCII does not grow.
const (
	formGrowth   = 3
	compatGrowth = 11
	lowerGrowth  = 1.5
)

func (f unicodeForm) grow(w *weights) {
	factor := float64(formGrowth)
	if f.compat {
		factor = compatGrowth
	}
	w.other = factor * w.max()
}

func (lowercase) grow(w *weights) {
	for c := byte('A'); c <= 'Z'; c++ {
		w.raise(c, w.ascii[chars.LowerASCII(c)])
	}
	w.other = lowerGrowth * w.max()
}

func (nmt) grow(w *weights) { w.blanks() }

// blanks is for white space and signs that become a blank.
func (w *weights) blanks() {
	for c := byte(0); c < ' '; c++ {
		w.raise(c, w.ascii[' '])
	}
	w.raise(utf8.RuneSelf, w.ascii[' '])
}

// grow: a byte outside printable ASCII becomes two.
func (spellBytes) grow(w *weights) {
	w.other *= 2
	for c := range w.ascii {
		if byteRune[c] >= utf8.RuneSelf {
			w.raise(byte(c), w.other)
		}
	}
}

func (s prepend) grow(w *weights) { w.add(w.of(string(s))) }

func (n bertNormalizer) grow(w *weights) {
	if n.lower {
		lowercase{}.grow(w)
	}
	if n.accents {
		unicodeForm{}.grow(w)
	}
	if n.chinese {
		w.other += w.ascii[' '] // two blanks around three bytes
	}
	if n.clean {
		w.blanks()
	}
}

func (n replace) grow(w *weights) {
	weight := w.of(n.content)
	switch find := n.find.(type) {
	case literal:
		w.replace(string(find), weight)
	case pattern:
		first := find.re.First()
		for c, begins := range first.ASCII {
			if begins {
				w.raise(byte(c), weight)
			}
		}
		if first.Other {
			w.raise(utf8.RuneSelf, weight/2) // such a character has two bytes at least
		}
		if first.Empty { // before each character, and at the end of the text
			w.add(2 * weight)
		}
	default:
		for c := range byte(utf8.RuneSelf + 1) {
			w.raise(c, weight)
		}
	}
}

// replace charges a weight to one kind of the bytes of s, that which it makes
// least heavy.
func (w *weights) replace(s string, weight float64) {
	missing := weight - w.of(s)
	if missing <= 0 {
		return
	}
	count := map[*float64]float64{}
	for i := range len(s) {
		count[w.byte(s[i])]++
	}
	var least *float64
	for p, n := range count {
		if least == nil || *p+missing/n < *least+missing/count[least] {
			least = p
		}
	}
	*least += missing / count[least]
}

// grow: the rule for a single ASCII character is known; longer ones are charged
// to their character beyond ASCII, if they must have one.
func (n *precompiled) grow(w *weights) {
	longest := w.max() * float64(n.longest())
	next := *w
	for c := byte(1); c < utf8.RuneSelf; c++ {
		if to, ok := n.lookup(string(c)); ok {
			next.raise(c, w.of(to))
		} else if n.continues(c) {
			next.raise(c, longest)
		}
	}
	next.raise(utf8.RuneSelf, longest/2)
	*w = next
}

func (l *byteLevel) grow(w *weights) {
	if !l.keep {
		spellBytes{}.grow(w)
	}
	if l.addSpace {
		prepend(" ").grow(w)
	}
}

func (m *metaspace) grow(w *weights) {
	prepend(m.mark).grow(w)
	w.replace(" ", w.of(m.mark))
}

// grow: a character that spells a byte may become U+FFFD.
func (byteDecoder) grow(w *weights) { w.other = max(w.other, 1.5*w.max()) }

// grow: the six bytes of <0x00> become one byte or U+FFFD.
func (fallbackDecoder) grow(w *weights) { w.raise('<', max(w.max(), 3*w.other)) }

func (d metaspaceDecoder) grow(w *weights) { w.replace(d.mark, w.ascii[' ']) }

func (d suffixDecoder) grow(w *weights) {
	if d == "" {
		w.add(2 * w.ascii[' '])
		return
	}
	w.replace(string(d), w.ascii[' '])
}

func (wordPieceDecoder) grow(w *weights) { prepend(" ").grow(w) }
