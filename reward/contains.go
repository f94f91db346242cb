package reward

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// contains reports whether an answer has a text in it as whole words, in the form in which
// answers are compared; without a text, the reference or an accepted answer.
func (m *Model) contains(text string, s Sample) bool {
	answer := m.answers.Key(s.Response)
	if text != "" {
		return hasWords(answer, m.answers.Key(text))
	}
	return hasWords(answer, m.answers.Key(s.Reference)) ||
		slices.ContainsFunc(s.Accepted, func(a string) bool { return hasWords(answer, m.answers.Key(a)) })
}

// hasWords reports whether part stands in a text and neither begins nor ends inside a word.
func hasWords(text, part string) bool {
	if part == "" {
		return false
	}
	first, _ := utf8.DecodeRuneInString(part)
	last, _ := utf8.DecodeLastRuneInString(part)
	for from := 0; ; {
		i := strings.Index(text[from:], part)
		if i < 0 {
			return false
		}
		i += from
		before, _ := utf8.DecodeLastRuneInString(text[:i])
		after, size := utf8.DecodeRuneInString(text[i+len(part):])
		if !joined(before, first) && !(size > 0 && joined(last, after)) {
			return true
		}
		_, size = utf8.DecodeRuneInString(text[i:])
		from = i + size
	}
}

// joined reports whether two characters that follow each other are of one word. Scripts
// that are written without blanks have no such borders.
func joined(a, b rune) bool { return ofWord(a) && ofWord(b) && !unspaced(a) && !unspaced(b) }

func ofWord(r rune) bool {
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r))
}

func unspaced(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}
