package custom

import (
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"slices"
	"strings"
)

// Characters outside quotes that mean something to a shell; those of wordShell only where
// a word begins. Within double quotes only $ and the backquote do.
const (
	anyShell  = "|&;<>()*?[]$`\n"
	wordShell = "~#!"
)

// command is what starts a process: a program and its arguments where the text has no
// syntax of a shell, else sh -c TEXT. Words are separated by blanks; '...' is taken as it
// is, in "..." and outside of quotes a backslash takes its special meaning from the next
// character (on Windows it has none outside).
func command(text string) ([]string, error) {
	words, plain, err := splitWords(text)
	switch {
	case err != nil:
		return nil, err
	case len(words) == 0:
		return nil, errors.New("must name a program")
	case plain:
	case runtime.GOOS == "windows":
		return nil, fmt.Errorf("must be a program and its arguments without the syntax of a shell (got %q)", text)
	default:
		words = []string{"sh", "-c", text}
	}
	if _, err := exec.LookPath(words[0]); err != nil {
		return nil, fmt.Errorf("must begin with a program that can be found and run (got %q)", words[0])
	}
	return words, nil
}

// splitWords cuts a text into words; plain is false where only a shell can read it.
func splitWords(text string) (words []string, plain bool, err error) {
	plain = true
	var word strings.Builder
	begun := false // a word, which may be empty
	var quote byte // that is open
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case quote == '\'' && c != quote:
			word.WriteByte(c)
		case quote != 0 && c == quote:
			quote = 0
		case quote == '"':
			if c == '\\' && i+1 < len(text) && strings.IndexByte("\"\\$`", text[i+1]) >= 0 {
				i++
				c = text[i]
			} else if c == '$' || c == '`' {
				plain = false
			}
			word.WriteByte(c)
		case c == '"' || c == '\'':
			quote, begun = c, true
		case c == ' ' || c == '\t':
			if begun {
				words = append(words, word.String())
				word.Reset()
			}
			begun = false
		default:
			if c == '\\' && runtime.GOOS != "windows" && i+1 < len(text) {
				i++
				c = text[i]
			} else if strings.IndexByte(anyShell, c) >= 0 || !begun && strings.IndexByte(wordShell, c) >= 0 {
				plain = false
			}
			word.WriteByte(c)
			begun = true
		}
	}
	if quote != 0 {
		return nil, false, fmt.Errorf("must close its quote %c (got %q)", quote, text)
	}
	if begun {
		words = append(words, word.String())
	}
	if len(words) > 0 && isAssignment(words[0]) {
		plain = false
	}
	return words, plain, nil
}

// isAssignment says whether a word sets a variable of a shell: NAME=value.
func isAssignment(word string) bool {
	name, _, ok := strings.Cut(word, "=")
	return ok && name != "" && !slices.ContainsFunc([]byte(name), func(c byte) bool {
		return !(c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9')
	})
}
