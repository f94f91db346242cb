package tokenizer

import (
	"encoding/json"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// normalizer rewrites text. It keeps count of the leading bytes that stand for
// the very start of the input, which a Metaspace pre-tokenizer asks for.
type normalizer interface {
	normalize(p piece) piece
}

func parseNormalizer(where string, raw json.RawMessage) (normalizer, error) {
	p, err := readPart(where, raw)
	if err != nil || p.absent {
		return nil, err
	}
	switch p.kind {
	case "BertNormalizer":
		return parseBertNormalizer(p)
	}
	return nil, p.unknown("BertNormalizer")
}

// bertNormalizer cleans text as BERT does (Devlin et al., arXiv 1810.04805).
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
		p.text = cleanText(p.text)
	}
	if n.chinese {
		p.text = padChinese(p.text)
	}
	if n.accents {
		p.text = strings.Map(dropMark, norm.NFD.String(p.text))
	}
	if n.lower {
		p.text = lowercase(p.text)
	}
	return p
}

// cleanText drops control characters and makes all white space a blank.
func cleanText(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n' || r == '\r':
			return ' '
		case r == 0 || r == utf8.RuneError || isControl(r):
			return -1
		case isSpace(r):
			return ' '
		}
		return r
	}, s)
}

// padChinese puts blanks around every character of the CJK blocks.
func padChinese(s string) string {
	if !strings.ContainsFunc(s, isChinese) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if isChinese(r) {
			b.WriteByte(' ')
			b.WriteRune(r)
			b.WriteByte(' ')
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func dropMark(r rune) rune {
	if unicode.Is(unicode.Mn, r) {
		return -1
	}
	return r
}

func isChinese(r rune) bool {
	return r >= 0x4E00 && r <= 0x9FFF || r >= 0x3400 && r <= 0x4DBF || r >= 0x20000 && r <= 0x2A6DF ||
		r >= 0x2A700 && r <= 0x2B73F || r >= 0x2B740 && r <= 0x2B81F || r >= 0x2B920 && r <= 0x2CEAF ||
		r >= 0xF900 && r <= 0xFAFF || r >= 0x2F800 && r <= 0x2FA1F
}

// lowercase maps each character on its own, as Rust's char::to_lowercase.
func lowercase(s string) string {
	if !strings.ContainsRune(s, 0x130) {
		return strings.Map(unicode.ToLower, s)
	}
	return strings.ReplaceAll(strings.Map(func(r rune) rune {
		if r == 0x130 {
			return r
		}
		return unicode.ToLower(r)
	}, s), "\u0130", "i\u0307")
}

func isControl(r rune) bool {
	return unicode.Is(unicode.C, r)
}

func isSpace(r rune) bool { return unicode.IsSpace(r) }
func isWord(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) || unicode.Is(unicode.Pc, r)
}
