package tokenizer

import (
	"fmt"
	"iter"
	"strings"
	"unicode/utf8"

	"pgsrm/tokenizer/internal/chars"
	"pgsrm/tokenizer/internal/regex"
)

// matcher finds matches of a pattern in a text: find is for the first one in
// text[from:]; a is -1 if there is none. From one call of find to the next, from
// must not go back.
type matcher interface {
	in(text string) (find func(from int) (a, b int))
}

// matches yields the matches of a pattern that do not overlap, from the left. An
// empty match is not taken right after another match.
func matches(m matcher, text string) iter.Seq2[int, int] {
	return func(yield func(int, int) bool) {
		find, from, last := m.in(text), 0, -1
		for from <= len(text) {
			a, b := find(from)
			if a < 0 {
				return
			}
			if a == b {
				_, n := utf8.DecodeRuneInString(text[b:])
				from = b + max(n, 1)
				if b == last {
					continue
				}
			} else {
				from = b
			}
			last = b
			if !yield(a, b) {
				return
			}
		}
	}
}

// parsePattern reads {"String": "..."} or {"Regex": "..."}.
func parsePattern(where string, p jsonPattern, n *nest) (matcher, error) {
	switch {
	case p.String != nil && p.Regex == nil:
		if *p.String == "" {
			return nil, fmt.Errorf("%s: String must not be empty", where)
		}
		return literal(*p.String), nil
	case p.Regex != nil && p.String == nil:
		if s := scannerOf(*p.Regex); s != nil {
			return scanMatcher{s}, nil
		}
		re, err := regex.Compile(*p.Regex)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", where, err)
		}
		return pattern{re}, n.addRegex(where, re.Size())
	}
	return nil, fmt.Errorf("%s: must have either String or Regex", where)
}

// pattern matches a regex.
type pattern struct{ re *regex.Regexp }

func (p pattern) in(text string) func(int) (int, int) {
	f := p.re.Find(text)
	return f.Next
}

// literal matches a string, which is not empty.
type literal string

func (l literal) in(text string) func(int) (int, int) {
	return func(from int) (int, int) {
		i := strings.Index(text[from:], string(l))
		if i < 0 {
			return -1, -1
		}
		return from + i, from + i + len(l)
	}
}

// scanMatcher is a hand-written pattern that matches at every position.
type scanMatcher struct{ scan scanner }

func (m scanMatcher) in(text string) func(int) (int, int) {
	return func(from int) (int, int) {
		if from >= len(text) {
			return -1, -1
		}
		return from, m.scan(text, from)
	}
}

// charMatcher matches one character with any of the flags.
type charMatcher struct {
	chars *chars.Table
	flags uint32
}

func (m charMatcher) in(text string) func(int) (int, int) {
	return func(from int) (int, int) {
		for i, r := range text[from:] {
			if m.chars.Has(r, m.flags) {
				return from + i, from + i + utf8.RuneLen(r)
			}
		}
		return -1, -1
	}
}

// wordMatcher matches \w+|[^\w\s]+.
type wordMatcher struct{ chars *chars.Table }

func (m wordMatcher) in(text string) func(int) (int, int) {
	return func(from int) (int, int) { return m.next(text, from) }
}

func (m wordMatcher) next(text string, from int) (int, int) {
	kind := func(r rune) uint32 { return m.chars.Of(r) & (chars.Word | chars.Space) }
	for from < len(text) {
		r, n := utf8.DecodeRuneInString(text[from:])
		if kind(r) != chars.Space {
			k := kind(r)
			end := from + n
			for end < len(text) {
				r, n = utf8.DecodeRuneInString(text[end:])
				if kind(r) != k {
					break
				}
				end += n
			}
			return from, end
		}
		from += n
	}
	return -1, -1
}
