package jinja

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// kind is the kind of a token.
type kind int

const (
	kindEOF   kind = iota
	kindData       // text outside tags
	kindOpen       // {{
	kindClose      // }}
	kindBegin      // {%
	kindEnd        // %}
	kindName
	kindString
	kindInt
	kindFloat
	kindOp // an operator, in text
)

// token is one token of a template.
type token struct {
	kind  kind
	text  string // data, name, operator, value of a string
	line  int
	int   int64
	float float64
}

// describe names the token in an error.
func (t token) describe() string {
	switch t.kind {
	case kindEOF:
		return "the end of the template"
	case kindData:
		return "text"
	case kindOpen:
		return `"{{"`
	case kindClose:
		return `"}}"`
	case kindBegin:
		return `"{%"`
	case kindEnd:
		return `"%}"`
	case kindInt:
		return strconv.FormatInt(t.int, 10)
	case kindFloat:
		return strconv.FormatFloat(t.float, 'g', -1, 64)
	}
	return strconv.Quote(t.text)
}

// errorAt is an error at a line of the template.
func errorAt(line int, format string, args ...any) error {
	return fmt.Errorf("line %d: %w", line, fmt.Errorf(format, args...))
}

// escapes of a string literal that stand for one character.
var escapes = map[byte]string{
	'\n': "", '\\': `\`, '\'': `'`, '"': `"`, 'a': "\a", 'b': "\b", 'f': "\f", 'n': "\n", 'r': "\r", 't': "\t", 'v': "\v",
}

// unescape reads the inside of a string literal as Python's unicode-escape does.
func unescape(s string) (string, error) {
	if !strings.Contains(s, `\`) {
		return s, nil
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			i++
			continue
		}
		text, n, err := unescapeOne(s[i+1:]) // the lexer lets no lone backslash end a string
		if err != nil {
			return "", err
		}
		b.WriteString(text)
		i += 1 + n
	}
	return b.String(), nil
}

// unescapeOne reads what follows a backslash; n is its length in bytes.
func unescapeOne(s string) (text string, n int, err error) {
	c := s[0]
	if text, ok := escapes[c]; ok {
		return text, 1, nil
	}
	switch {
	case c == 'x':
		return hexEscape(s, 2)
	case c == 'u':
		return hexEscape(s, 4)
	case c == 'U':
		return hexEscape(s, 8)
	case c >= '0' && c <= '7':
		n = 1
		for n < 3 && n < len(s) && s[n] >= '0' && s[n] <= '7' {
			n++
		}
		v, _ := strconv.ParseUint(s[:n], 8, 32) // three octal digits always fit
		return string(rune(v)), n, nil
	case c == 'N' || c >= utf8.RuneSelf:
		return "", 0, fmt.Errorf("string: the escape \\%c is not supported", []rune(s)[0])
	}
	return `\` + s[:1], 1, nil // an unknown escape stands for itself
}

// hexEscape reads a letter and that many hexadecimal digits after it.
func hexEscape(s string, digits int) (string, int, error) {
	if len(s) <= digits {
		return "", 0, fmt.Errorf("string: escape \\%s is cut short", s)
	}
	v, err := strconv.ParseUint(s[1:1+digits], 16, 32)
	if err != nil || !utf8.ValidRune(rune(v)) || v > utf8.MaxRune {
		return "", 0, fmt.Errorf("string: escape \\%s must be a character", s[:1+digits])
	}
	return string(rune(v)), 1 + digits, nil
}
