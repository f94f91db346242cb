package tokenizer

import (
	"encoding/json"
	"strings"
	"unicode/utf8"

	"pgsrm/tokenizer/internal/chars"
)

// normalizer rewrites text. It keeps count of the leading bytes that stand for
// the very start of the input (piece.zero), which Metaspace asks for.
type normalizer interface {
	normalize(p piece) piece
	grower
}

// parseNormalizer reads a normalizer; none is nil.
func parseNormalizer(where string, raw json.RawMessage, n *nest) (normalizer, error) {
	p, err := readPart(where, raw, n)
	if err != nil || p.absent {
		return nil, err
	}
	switch p.kind {
	case "BertNormalizer":
		return parseBertNormalizer(p)
	case "NFC", "NFD", "NFKC", "NFKD":
		return unicodeForm{compose: p.kind[len(p.kind)-1] == 'C', compat: len(p.kind) == 4}, p.read(&onlyType{})
	case "Lowercase":
		return lowercase{}, p.read(&onlyType{})
	case "StripAccents":
		return filter{drop: chars.Mark}, p.read(&onlyType{})
	case "Nmt":
		return nmt{}, p.read(&onlyType{})
	case "ByteLevel":
		return spellBytes{}, p.read(&onlyType{})
	case "Strip":
		return parseStrip(p)
	case "Prepend":
		return parsePrepend(p)
	case "Replace":
		return parseReplace(p)
	case "Precompiled":
		return parsePrecompiled(p)
	case "Sequence":
		all, err := sequence(p, "normalizers", parseNormalizer)
		return normalizers(all), err
	}
	return nil, p.unknown("BertNormalizer", "ByteLevel", "Lowercase", "NFC", "NFD", "NFKC", "NFKD", "Nmt", "Precompiled",
		"Prepend", "Replace", "Sequence", "Strip", "StripAccents")
}

// normalizers apply one after the other.
type normalizers []normalizer

func (all normalizers) normalize(p piece) piece {
	for _, n := range all {
		p = n.normalize(p)
	}
	return p
}

// rewriter writes the new text of a piece and follows which characters of the
// old one the new ones stand for.
type rewriter struct {
	out  strings.Builder
	zero int // bytes of the old text that stand for the start of the input
	kept int // bytes of the new text that do
}

// newRewriter begins to rewrite p.
func newRewriter(p piece) *rewriter {
	w := &rewriter{zero: p.zero}
	w.out.Grow(len(p.text) + len(p.text)/8)
	return w
}

// put writes text that stands for the character at byte at of the old text.
func (w *rewriter) put(s string, at int) {
	w.out.WriteString(s)
	if at < w.zero {
		w.kept += len(s)
	}
}

// copy writes the old text[a:b].
func (w *rewriter) copy(text string, a, b int) {
	w.out.WriteString(text[a:b])
	w.kept += max(0, min(w.zero, b)-a)
}

// piece returns what was written.
func (w *rewriter) piece() piece {
	return piece{text: w.out.String(), zero: w.kept, id: -1}
}

// lowercase maps each character on its own, whatever its neighbours.
type lowercase struct{}

func (lowercase) normalize(p piece) piece {
	t := chars.Load()
	if isASCII(p.text) {
		p.text = strings.ToLower(p.text)
		return p
	}
	w := newRewriter(p)
	for i, r := range p.text {
		if r < utf8.RuneSelf {
			w.out.WriteByte(chars.LowerASCII(byte(r)))
			w.kept += max(0, min(w.zero-i, 1))
		} else if s, ok := t.Lower(r); ok {
			w.put(s, i)
		} else {
			w.copy(p.text, i, i+utf8.RuneLen(r))
		}
	}
	return w.piece()
}

// filter drops the characters with a property.
type filter struct{ drop uint32 }

func (f filter) normalize(p piece) piece {
	t := chars.Load()
	if !strings.ContainsFunc(p.text, func(r rune) bool { return t.Has(r, f.drop) }) {
		return p
	}
	w := newRewriter(p)
	for i, r := range p.text {
		if !t.Has(r, f.drop) {
			w.copy(p.text, i, i+utf8.RuneLen(r))
		}
	}
	return w.piece()
}

// nmt is the character clean-up of Google's NMT: control characters go, other
// white space becomes a blank.
type nmt struct{}

func (nmt) normalize(p piece) piece {
	w := newRewriter(p)
	for i, r := range p.text {
		switch {
		case r >= 1 && r <= 8 || r == 0xB || r >= 0xE && r <= 0x1F || r == 0x7F || r == 0x8F || r == 0x9F:
		case r == '\t' || r == '\n' || r == '\f' || r == '\r' || r == 0x1680 || r >= 0x200B && r <= 0x200F ||
			r == 0x2028 || r == 0x2029 || r == 0x2581 || r == 0xFEFF || r == 0xFFFD:
			w.put(" ", i)
		default:
			w.copy(p.text, i, i+utf8.RuneLen(r))
		}
	}
	return w.piece()
}

// spellBytes spells text in the byte alphabet.
type spellBytes struct{}

func (spellBytes) normalize(p piece) piece {
	return piece{text: mapBytes(p.text), zero: len(mapBytes(p.text[:p.zero])), id: -1}
}
