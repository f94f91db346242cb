package reward

import (
	"strings"
	"unicode"

	"pgsrm/task"
)

// void reports an answer that earns nothing whatever its terms say: an empty
// one, or one that says the whole prompt again. A reference that does so itself
// (a task of repeating) is no echo.
func void(s Sample) bool {
	r, p := task.Normalize(s.Response), task.Normalize(s.Prompt)
	if r == "" {
		return true
	}
	return p != "" && strings.HasPrefix(r, p) && !strings.HasPrefix(task.Normalize(s.Reference), p)
}

// splitWords cuts a text into lower-case words of letters and digits.
func splitWords(s string) []string {
	return strings.FieldsFunc(strings.ToLower(s), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsNumber(r)
	})
}
