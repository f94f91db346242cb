package embed

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// fold lower-cases a text and takes the accents off its letters.
func fold(text string) string {
	text = strings.ToLower(text)
	for i := range len(text) {
		if text[i] >= 0x80 {
			return strings.Map(dropAccent, norm.NFD.String(text))
		}
	}
	return text
}

func dropAccent(r rune) rune {
	if unicode.Is(unicode.Mn, r) {
		return -1
	}
	return r
}

// words cuts a text into folded words; every punctuation mark or symbol is a
// word of its own, as in BERT's basic tokenizer.
func words(text string) []string {
	var out []string
	text = fold(text)
	start := -1 // of the current word, or none
	for i, r := range text {
		inWord := unicode.IsLetter(r) || unicode.IsNumber(r)
		if start >= 0 && !inWord {
			out, start = append(out, text[start:i]), -1
		}
		switch {
		case inWord && start < 0:
			start = i
		case !inWord && !unicode.IsSpace(r) && !unicode.IsControl(r):
			out = append(out, string(r))
		}
	}
	if start >= 0 {
		out = append(out, text[start:])
	}
	return out
}
