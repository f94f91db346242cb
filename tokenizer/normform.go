package tokenizer

import (
	"slices"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"pgsrm/tokenizer/internal/chars"
)

// unicodeForm is one of the four normalization forms of Unicode (Standard Annex
// 15). The data is that of x/text, the algorithm is written out here: x/text cuts
// long runs of marks (the stream-safe format) and knows characters that the
// Hugging Face library does not, which must stay as they are.
type unicodeForm struct {
	compose bool // NFC, NFKC
	compat  bool // NFKC, NFKD
}

// mark is a decomposed character with its combining class.
type mark struct {
	r   rune
	ccc uint8
}

func (f unicodeForm) normalize(p piece) piece {
	if isASCII(p.text) || f.form().IsNormalString(p.text) {
		return p // nothing to do by x/text, so nothing by older data either
	}
	t := chars.Load()
	var buf []mark
	start := 0 // how many of buf stand for the start of the input
	for i, r := range p.text {
		buf = f.decompose(buf, r, t)
		if i < p.zero {
			start = len(buf)
		}
	}
	reorder(buf)
	zero := 0
	for _, m := range buf[:start] {
		zero += utf8.RuneLen(m.r)
	}
	if f.compose {
		buf = composeAll(buf, t)
	}
	out := make([]byte, 0, len(p.text))
	for _, m := range buf {
		out = utf8.AppendRune(out, m.r)
	}
	if zero > 0 && f.compose { // the first character counts whatever it took in
		zero = max(min(zero, len(out)), utf8.RuneLen(buf[0].r))
	}
	return piece{text: string(out), zero: zero, id: -1}
}

// form returns the form of x/text.
func (f unicodeForm) form() norm.Form {
	switch f {
	case unicodeForm{compose: true}:
		return norm.NFC
	case unicodeForm{compose: true, compat: true}:
		return norm.NFKC
	case unicodeForm{compat: true}:
		return norm.NFKD
	}
	return norm.NFD
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// decompose appends the full decomposition of r.
func (f unicodeForm) decompose(dst []mark, r rune, t *chars.Table) []mark {
	if r < utf8.RuneSelf || !t.Has(r, chars.Decomposed|chars.Nonstarter) {
		return append(dst, mark{r: r}) // also characters that the library does not know
	}
	if s := r - chars.HangulS; s >= 0 && s < chars.CountS {
		dst = append(dst, mark{r: chars.HangulL + s/(chars.CountV*chars.CountT)}, mark{r: chars.HangulV + s%(chars.CountV*chars.CountT)/chars.CountT})
		if s%chars.CountT != 0 {
			dst = append(dst, mark{r: chars.HangulT + s%chars.CountT})
		}
		return dst
	}
	form := unicodeForm{compat: f.compat}.form()
	props := form.PropertiesString(string(r))
	parts := props.Decomposition()
	if parts == nil {
		return append(dst, mark{r, props.CCC()})
	}
	for len(parts) > 0 {
		d, n := utf8.DecodeRune(parts)
		dst = append(dst, mark{d, form.Properties(parts).CCC()})
		parts = parts[n:]
	}
	return dst
}

// reorder sorts each run of marks by combining class, keeping equal ones in order.
func reorder(buf []mark) {
	for i := 0; i < len(buf); {
		j := i
		for j < len(buf) && buf[j].ccc != 0 {
			j++
		}
		slices.SortStableFunc(buf[i:j], func(a, b mark) int { return int(a.ccc) - int(b.ccc) })
		i = j + 1
	}
}

// composeAll joins each starter with the marks after it that no other mark of
// the same class blocks.
func composeAll(buf []mark, t *chars.Table) []mark {
	out, starter := buf[:0], -1
	for _, m := range buf {
		last := -1 // class of the mark before; -1 right after the starter
		if starter >= 0 && len(out) > starter+1 {
			last = int(out[len(out)-1].ccc)
		}
		if starter >= 0 && last < int(m.ccc) {
			if r, ok := composePair(out[starter].r, m.r, t); ok {
				out[starter].r = r
				continue
			}
		}
		out = append(out, m)
		if m.ccc == 0 {
			starter = len(out) - 1
		}
	}
	return out
}

// composePair returns the primary composite of two characters.
func composePair(a, b rune, t *chars.Table) (rune, bool) {
	if l, v := a-chars.HangulL, b-chars.HangulV; l >= 0 && l < chars.CountL && v >= 0 && v < chars.CountV {
		return chars.HangulS + (l*chars.CountV+v)*chars.CountT, true
	}
	if s, u := a-chars.HangulS, b-chars.HangulT; s >= 0 && s < chars.CountS && s%chars.CountT == 0 && u > 0 && u < chars.CountT {
		return a + u, true
	}
	if b < 0x300 || norm.NFC.PropertiesString(string(b)).BoundaryBefore() {
		return 0, false
	}
	s := norm.NFC.String(string([]rune{a, b}))
	r, n := utf8.DecodeRuneInString(s)
	return r, n == len(s) && t.Has(r, chars.Decomposed)
}
