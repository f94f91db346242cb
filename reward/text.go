package reward

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"pgsrm/task"
)

// void reports an answer that earns nothing whatever its terms say: an empty
// one, or one that says the whole prompt again. A reference that does so itself
// (a task of repeating) is no echo.
func void(s Sample, match *task.Matcher) bool {
	r, p := task.Normalize(s.Response), task.Normalize(match.Text(s.Prompt))
	if r == "" {
		return true
	}
	begins := strings.HasPrefix
	if match.Normalizes() { // p may have lost its last character
		begins = beginsWithWords
	}
	return p != "" && begins(r, p) && !begins(task.Normalize(s.Reference), p)
}

// beginsWithWords reports whether a text begins with another that ends there at the
// end of a word.
func beginsWithWords(text, with string) bool {
	rest, ok := strings.CutPrefix(text, with)
	next, _ := utf8.DecodeRuneInString(rest)
	return ok && (rest == "" || !unicode.IsLetter(next) && !unicode.IsNumber(next))
}

// splitWords cuts a text into lower-case words of letters and digits.
func splitWords(s string) []string {
	return strings.FieldsFunc(strings.ToLower(s), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsNumber(r)
	})
}
