package reward

import (
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Limits of JSON.
const (
	maxJSON      = 1 << 18 // bytes of an answer
	maxJSONDepth = 100     // of objects and lists, in answers and schemas
)

// withoutFence is what stands in the block of code that is the whole answer; the answer
// itself where it is none.
func withoutFence(answer string) string {
	text := strings.TrimSpace(answer)
	inner, opened := strings.CutPrefix(text, "```")
	inner, closed := strings.CutSuffix(inner, "```")
	language, body, lines := strings.Cut(inner, "\n")
	if !opened || !closed || !lines || strings.ContainsAny(strings.TrimSpace(language), "` \t") {
		return text
	}
	return body
}

// readJSON reads one value of JSON (RFC 8259), numbers as they are written; ok is false
// where the text is something else or beyond the limits.
func readJSON(text string) (value any, ok bool) {
	if len(text) > maxJSON || !utf8.ValidString(text) || jsonDepth(text) > maxJSONDepth {
		return nil, false
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&value); err != nil {
		return nil, false
	}
	_, err := d.Token()
	return value, errors.Is(err, io.EOF)
}

// jsonDepth is how many objects and lists stand within each other at most.
func jsonDepth(text string) int {
	depth, most, quoted := 0, 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			quoted = !quoted
		case quoted && c == '\\':
			i++
		case quoted:
		case c == '{' || c == '[':
			depth++
			most = max(most, depth)
		case c == '}' || c == ']':
			depth--
		}
	}
	return most
}

// values counts what a value consists of, itself included; ordinary says that all its
// numbers are such as a float64 can be near to: with others exact arithmetic takes long.
func values(value any) (n int, ordinary bool) {
	n, ordinary = 1, true
	add := func(part any) {
		m, ok := values(part)
		n, ordinary = n+m, ordinary && ok
	}
	switch v := value.(type) {
	case json.Number:
		_, exponent, found := strings.Cut(strings.ToLower(string(v)), "e")
		e, err := strconv.Atoi(exponent)
		return 1, len(v) <= maxDigits && (!found || err == nil && e >= -maxExponent && e <= maxExponent)
	case []any:
		for _, x := range v {
			add(x)
		}
	case map[string]any:
		for _, x := range v {
			add(x)
		}
	}
	return n, ordinary
}
