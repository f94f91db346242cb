package reward

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"pgsrm/task"
)

// void reports an answer that earns nothing whatever its terms say: an empty
// one, or one that says the whole prompt again; unless the matcher allows it, also
// one that has the input in it: "The word 'tiger'" has much of the meaning of the
// category sought, and an unchanged sentence nearly all of that of the changed one.
// A reference that does so itself (a task of repeating) is no echo, nor is an
// accepted answer that has the input in it.
func void(s Sample, match *task.Matcher) bool {
	r, p := task.Normalize(s.Response), task.Normalize(match.Text(s.Prompt))
	if r == "" {
		return true
	}
	begins := strings.HasPrefix
	if match.Normalizes() { // p may have lost its last character
		begins = beginsWithWords
	}
	if p != "" && begins(r, p) && !begins(task.Normalize(s.Reference), p) {
		return true
	}
	return match.ForbidsInput() && saysWords(s.Response, s.Input) && !saysWords(s.Reference, s.Input) &&
		!match.OfAnswers().Exact(s.Response, s.Reference, s.Accepted)
}

// saysWords reports whether the words of part follow each other in a text.
func saysWords(text, part string) bool {
	words := strings.Join(splitWords(part), " ")
	return words != "" && strings.Contains(" "+strings.Join(splitWords(text), " ")+" ", " "+words+" ")
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
