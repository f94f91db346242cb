package reward

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"pgsrm/task"
)

// void reports an answer that earns nothing whatever its terms say: an empty
// one, or one that says the whole prompt again; where answers are normalised, also
// one that begins with the input again, which in tasks that change a text a little
// is nearly the reference. A reference that does so itself (a task of repeating) is
// no echo.
func void(s Sample, match *task.Matcher) bool {
	r, p := task.Normalize(s.Response), task.Normalize(match.Text(s.Prompt))
	if r == "" {
		return true
	}
	if !match.Normalizes() {
		return p != "" && strings.HasPrefix(r, p) && !strings.HasPrefix(task.Normalize(s.Reference), p)
	}
	return echoes(r, task.Normalize(s.Reference), p) || // p may have lost its last character
		echoes(match.Key(s.Response), match.Key(s.Reference), match.Key(s.Input))
}

// echoes reports an answer that begins with a text where its reference does not.
func echoes(answer, reference, text string) bool {
	return text != "" && beginsWithWords(answer, text) && !beginsWithWords(reference, text)
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
