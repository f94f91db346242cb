package tokenizer

import (
	"strings"
	"unicode/utf8"

	"pgsrm/tokenizer/internal/chars"
)

// bertNormalizer cleans text as BERT does (Devlin et al., arXiv 1810.04805): the
// stages that are set, in the order of the fields.
type bertNormalizer struct {
	clean, chinese, accents, lower bool
}

func parseBertNormalizer(p part) (normalizer, error) {
	var j struct {
		Type    string `json:"type"`
		Clean   *bool  `json:"clean_text"`
		Chinese *bool  `json:"handle_chinese_chars"`
		Accents *bool  `json:"strip_accents"` // null: as lowercase
		Lower   *bool  `json:"lowercase"`
	}
	if err := p.read(&j); err != nil {
		return nil, err
	}
	if err := required(p.where, map[string]bool{"clean_text": j.Clean == nil, "handle_chinese_chars": j.Chinese == nil,
		"lowercase": j.Lower == nil}); err != nil {
		return nil, err
	}
	accents := *j.Lower
	if j.Accents != nil {
		accents = *j.Accents
	}
	return bertNormalizer{*j.Clean, *j.Chinese, accents, *j.Lower}, nil
}

func (n bertNormalizer) normalize(p piece) piece {
	if n.clean {
		p = cleanText(p)
	}
	if n.chinese {
		p = padChinese(p)
	}
	if n.accents {
		p = filter{drop: chars.Nonspacing}.normalize(unicodeForm{}.normalize(p))
	}
	if n.lower {
		p = lowercase{}.normalize(p)
	}
	return p
}

// cleanText drops control characters and makes all white space a blank.
func cleanText(p piece) piece {
	t := chars.Load()
	clean := func(r rune) bool { return r >= ' ' && r < 0x7F }
	if !strings.ContainsFunc(p.text, func(r rune) bool { return !clean(r) }) {
		return p
	}
	w := newRewriter(p)
	for i, r := range p.text {
		switch {
		case clean(r):
			w.copy(p.text, i, i+1)
		case r == '\t' || r == '\n' || r == '\r':
			w.put(" ", i)
		case r == 0 || r == utf8.RuneError || t.Has(r, chars.Control):
		case t.Has(r, chars.Space):
			w.put(" ", i)
		default:
			w.copy(p.text, i, i+utf8.RuneLen(r))
		}
	}
	return w.piece()
}

// padChinese puts blanks around every character of the CJK blocks.
func padChinese(p piece) piece {
	if !strings.ContainsFunc(p.text, isChinese) {
		return p
	}
	w := newRewriter(p)
	for i, r := range p.text {
		end := i + utf8.RuneLen(r)
		if isChinese(r) {
			w.put(" ", i)
			w.put(p.text[i:end], end-1)
			w.put(" ", end-1)
		} else {
			w.copy(p.text, i, end)
		}
	}
	return w.piece()
}

func isChinese(r rune) bool {
	return r >= 0x3400 && (r >= 0x4E00 && r <= 0x9FFF || r >= 0x3400 && r <= 0x4DBF || r >= 0x20000 && r <= 0x2A6DF ||
		r >= 0x2A700 && r <= 0x2B73F || r >= 0x2B740 && r <= 0x2B81F || r >= 0x2B920 && r <= 0x2CEAF ||
		r >= 0xF900 && r <= 0xFAFF || r >= 0x2F800 && r <= 0x2FA1F)
}
