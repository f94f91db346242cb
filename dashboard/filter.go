package dashboard

import (
	"strconv"
	"strings"
)

// longestQuery is the most bytes of a search.
const longestQuery = 1000

// term is one condition of a search: key op value, or a text (op "") that the run must have
// in its name, state, task, arm or child.
type term struct{ key, op, value string }

// operators of a term; a longer one comes before its beginning.
var operators = []string{"!=", "<=", ">=", "=", "<", ">", "~"}

// parseQuery reads a search: terms between spaces, all of which must hold. A text in quotes
// may hold spaces.
func parseQuery(q string) []term {
	var terms []term
	for _, word := range words(q) {
		terms = append(terms, parseTerm(word))
	}
	return terms
}

func parseTerm(word string) term {
	at, op := len(word), ""
	for _, o := range operators {
		if i := strings.Index(word, o); i > 0 && i < at {
			at, op = i, o
		}
	}
	if op == "" {
		return term{value: unquoted(word)}
	}
	return term{word[:at], op, unquoted(word[at+len(op):])}
}

// words cuts a text at spaces that are not in quotes.
func words(q string) []string {
	var out []string
	var word strings.Builder
	quoted := false
	for _, c := range q {
		if c == '"' {
			quoted = !quoted
		}
		if c == ' ' && !quoted {
			if word.Len() > 0 {
				out = append(out, word.String())
			}
			word.Reset()
			continue
		}
		word.WriteRune(c)
	}
	if word.Len() > 0 {
		out = append(out, word.String())
	}
	return out
}

func unquoted(s string) string { return strings.ReplaceAll(s, `"`, "") }

// matches says whether the run fits all terms.
func (r *live) matches(terms []term) bool {
	for _, t := range terms {
		if !r.fits(t) {
			return false
		}
	}
	return true
}

func (r *live) fits(t term) bool {
	if t.op == "" {
		for _, text := range []string{r.name, r.overview.State, r.overview.Task, r.arm, r.overview.Child} {
			if containsFold(text, t.value) {
				return true
			}
		}
		return false
	}
	is, ok := r.value(t.key)
	if !ok {
		return t.op == "!="
	}
	a, errA := strconv.ParseFloat(is, 64)
	b, errB := strconv.ParseFloat(t.value, 64)
	numbers := errA == nil && errB == nil
	switch t.op {
	case "=":
		return numbers && a == b || strings.EqualFold(is, t.value)
	case "!=":
		return !(numbers && a == b || strings.EqualFold(is, t.value))
	case "~":
		return containsFold(is, t.value)
	case "<":
		return numbers && a < b || !numbers && is < t.value
	case "<=":
		return numbers && a <= b || !numbers && is <= t.value
	case ">":
		return numbers && a > b || !numbers && is > t.value
	default:
		return numbers && a >= b || !numbers && is >= t.value
	}
}

func containsFold(s, part string) bool {
	return strings.Contains(strings.ToLower(s), strings.ToLower(part))
}
