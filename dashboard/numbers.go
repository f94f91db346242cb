package dashboard

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
)

// eachNumber calls add with every member of a JSON object that is a number, in the order of
// the text. Lines of metrics and timings are flat objects of numbers with plain names, which
// are read here without a detour; any other is left to encoding/json.
func eachNumber(line string, add func(name string, v float64)) error {
	if plainNumbers(line, nil) {
		plainNumbers(line, add)
		return nil
	}
	var fields map[string]any
	if err := json.Unmarshal([]byte(line), &fields); err != nil {
		return errors.New("must be a JSON object")
	}
	for name, v := range fields {
		if n, ok := v.(float64); ok {
			add(name, n)
		}
	}
	return nil
}

// plainNumbers reads {"name":1.5,"other":2} without spaces and escapes; ok is false where
// the text is another. Without add it only looks.
func plainNumbers(s string, add func(name string, v float64)) (ok bool) {
	if len(s) < 2 || s[0] != '{' || s[len(s)-1] != '}' {
		return false
	}
	s = s[1 : len(s)-1]
	for s != "" {
		if s[0] != '"' {
			return false
		}
		end := strings.IndexByte(s[1:], '"') + 1
		if end < 1 || end+1 >= len(s) || s[end+1] != ':' {
			return false
		}
		name := s[1:end]
		s = s[end+2:]
		number, rest, more := strings.Cut(s, ",")
		if number == "" || more && rest == "" {
			return false
		}
		if add == nil {
			if strings.IndexByte(name, '\\') >= 0 || !looksLikeNumber(number) {
				return false
			}
		} else if v, err := strconv.ParseFloat(number, 64); err == nil {
			add(name, v)
		}
		s = rest
	}
	return true
}

// looksLikeNumber says whether a text has only the characters of a JSON number.
func looksLikeNumber(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && c != '.' && c != '-' && c != '+' && c != 'e' && c != 'E' {
			return false
		}
	}
	return s[0] == '-' || s[0] >= '0' && s[0] <= '9'
}
