package jinja

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// isSpace says what Python's str.isspace says of a character.
func isSpace(r rune) bool {
	switch {
	case r >= '\t' && r <= '\r', r >= 0x1c && r <= ' ', r == 0x85, r == 0xa0, r == 0x1680,
		r >= 0x2000 && r <= 0x200a, r == 0x2028, r == 0x2029, r == 0x202f, r == 0x205f, r == 0x3000:
		return true
	}
	return false
}

// bounded refuses a text that is too long.
func bounded(s string) (value, error) {
	if len(s) > maxText {
		return nil, errText
	}
	return s, nil
}

// sortedKeys sorts by code points.
func sortedKeys(keys []string) []string {
	out := slices.Clone(keys)
	slices.Sort(out)
	return out
}

// asciiOnly demands a text whose case we change as Python does.
func asciiOnly(s, what string) error {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return fmt.Errorf("%s of text beyond ASCII is not supported (got %q)", what, s)
		}
	}
	return nil
}

// capitalize has the first letter in upper case and the others in lower case.
func capitalize(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + strings.ToLower(s[1:])
}

// title has the first letter of each run of letters in upper case.
func title(s string) string {
	b := []byte(strings.ToLower(s))
	inWord := false
	for i, c := range b {
		letter := c >= 'a' && c <= 'z'
		if letter && !inWord {
			b[i] = c - 'a' + 'A'
		}
		inWord = letter
	}
	return string(b)
}

// titleWords is the filter title: a word begins after white space, -, (, {, [, <.
func titleWords(s string) string {
	b := []byte(strings.ToLower(s))
	begin := true
	for i, c := range b {
		if begin && c >= 'a' && c <= 'z' {
			b[i] = c - 'a' + 'A'
		}
		begin = isSpace(rune(c)) || strings.IndexByte("-({[<", c) >= 0
	}
	return string(b)
}

// splitLines cuts at what Python's str.splitlines takes for the end of a line.
func splitLines(s string) []string {
	var out []string
	begin := 0
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if r >= '\n' && r <= '\r' || r >= 0x1c && r <= 0x1e || r == 0x85 || r == 0x2028 || r == 0x2029 {
			out = append(out, s[begin:i])
			if r == '\r' && strings.HasPrefix(s[i:], "\r\n") {
				n = 2
			}
			begin = i + n
		}
		i += n
	}
	if begin < len(s) {
		out = append(out, s[begin:])
	}
	return out
}

// splitText is s.split(sep, limit); limit < 0 is none.
func splitText(s, sep string, limit int) []string {
	if limit < 0 {
		return strings.Split(s, sep)
	}
	return strings.SplitN(s, sep, limit+1)
}

// splitRight is s.rsplit(sep, limit).
func splitRight(s, sep string, limit int) []string {
	var out []string
	for limit != 0 {
		at := strings.LastIndex(s, sep)
		if at < 0 {
			break
		}
		out = append(out, s[at+len(sep):])
		s = s[:at]
		limit--
	}
	out = append(out, s)
	slices.Reverse(out)
	return out
}

// splitSpace is s.split(None, limit).
func splitSpace(s string, limit int) []string {
	var out []string
	for {
		s = strings.TrimLeftFunc(s, isSpace)
		if s == "" {
			return out
		}
		if limit == 0 {
			return append(out, s)
		}
		at := strings.IndexFunc(s, isSpace)
		if at < 0 {
			return append(out, s)
		}
		out = append(out, s[:at])
		s = s[at:]
		limit--
	}
}

// trimSet removes the characters of set from one or both ends; nil is white space.
func trimSet(s string, set value, left, right bool) (string, error) {
	cut := isSpace
	switch set := set.(type) {
	case nil:
	case string:
		cut = func(r rune) bool { return strings.ContainsRune(set, r) }
	default:
		return "", fmt.Errorf("strip: must have a text of characters (got %s)", typeName(set))
	}
	if left {
		s = strings.TrimLeftFunc(s, cut)
	}
	if right {
		s = strings.TrimRightFunc(s, cut)
	}
	return s, nil
}

// replaceText is s.replace(old, new, n); n < 0 is all.
func replaceText(s, old, new string, n int) (value, error) {
	count := strings.Count(s, old) // an empty old counts the characters and the end, as Python does
	if n >= 0 {
		count = min(count, n)
	}
	if len(new) > 0 && count > maxText/len(new) {
		return nil, errText
	}
	return bounded(strings.Replace(s, old, new, n))
}
