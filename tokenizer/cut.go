package tokenizer

import (
	"fmt"
	"iter"
	"unicode/utf8"

	"pgsrm/tokenizer/internal/chars"
)

// mode says what becomes of the matches of a cutter.
type mode int

const (
	removed    mode = iota // matches go
	isolated               // each match is a word
	mergedPrev             // a match belongs to what stands before it
	mergedNext             // a match belongs to what follows it
	contiguous             // matches that touch are one word
)

var modeNames = map[string]mode{"Removed": removed, "Isolated": isolated, "MergedWithPrevious": mergedPrev,
	"MergedWithNext": mergedNext, "Contiguous": contiguous}

// parseMode reads a mode by its name.
func parseMode(where, name string) (mode, error) {
	m, ok := modeNames[name]
	if !ok {
		return 0, fmt.Errorf("%s: behavior must be one of Contiguous, Isolated, MergedWithNext, MergedWithPrevious, Removed (got %q)", where, name)
	}
	return m, nil
}

// cutter cuts text at the matches of a pattern, or, inverted, between them.
type cutter struct {
	find   matcher
	mode   mode
	invert bool
}

// splitScan appends the matches of a scanner.
func splitScan(dst []piece, p piece, scan scanner) []piece {
	for i := 0; i < len(p.text); {
		j := scan(p.text, i)
		dst = append(dst, p.sub(i, j))
		i = j
	}
	return dst
}

// span is text[a:b] of a piece; match is whether the pattern matched it.
type span struct {
	a, b  int
	match bool
}

func (c cutter) split(dst []piece, p piece) []piece {
	if m, ok := c.find.(scanMatcher); ok && (c.mode == isolated || c.mode == removed && c.invert) {
		return splitScan(dst, p, m.scan) // the matches leave nothing between them
	}
	if c.mode == removed || c.mode == isolated {
		for s := range c.spans(p.text) {
			if (c.mode == isolated || !s.match) && s.a < s.b {
				dst = append(dst, p.sub(s.a, s.b))
			}
		}
		return dst
	}
	for _, s := range c.merged(p.text) {
		if s.a < s.b {
			dst = append(dst, p.sub(s.a, s.b))
		}
	}
	return dst
}

// spans yields the matches and the text between them, in order.
func (c cutter) spans(text string) iter.Seq[span] {
	return func(yield func(span) bool) {
		last := 0
		for a, b := range matches(c.find, text) {
			if last != a && !yield(span{last, a, c.invert}) || !yield(span{a, b, !c.invert}) {
				return
			}
			last = b
		}
		if last != len(text) {
			yield(span{last, len(text), c.invert})
		}
	}
}

// merged joins spans as the mode says.
func (c cutter) merged(text string) []span {
	var all []span
	for s := range c.spans(text) {
		all = append(all, s)
	}
	joins := func(before, s span) bool { return s.match && !before.match }
	switch c.mode {
	case contiguous:
		joins = func(before, s span) bool { return s.match == before.match }
	case mergedNext:
		joins = func(before, s span) bool { return before.match && !s.match }
	}
	var out []span
	for i, s := range all {
		if i > 0 && joins(all[i-1], s) {
			out[len(out)-1].b = s.b
		} else {
			out = append(out, s)
		}
	}
	return out
}

func parseSplit(p part) (preTokenizer, error) {
	var j struct {
		Type    string       `json:"type"`
		Pattern *jsonPattern `json:"pattern"`
		Mode    string       `json:"behavior"`
		Invert  *bool        `json:"invert"`
	}
	if err := p.read(&j); err != nil {
		return nil, err
	}
	if err := required(p.where, map[string]bool{"pattern": j.Pattern == nil, "behavior": j.Mode == "", "invert": j.Invert == nil}); err != nil {
		return nil, err
	}
	m, err := parseMode(p.where, j.Mode)
	if err != nil {
		return nil, err
	}
	find, err := parsePattern(p.where+": pattern", *j.Pattern, p.nest)
	return cutter{find, m, *j.Invert}, err
}

func parseDigits(p part) (preTokenizer, error) {
	var j struct {
		Type       string `json:"type"`
		Individual *bool  `json:"individual_digits"`
	}
	if err := p.read(&j); err != nil {
		return nil, err
	}
	m := contiguous
	if isTrue(j.Individual) {
		m = isolated
	}
	err := required(p.where, map[string]bool{"individual_digits": j.Individual == nil})
	return cutter{find: charMatcher{chars.Load(), chars.Numeric}, mode: m}, err
}

func parsePunctuation(p part) (preTokenizer, error) {
	var j struct {
		Type string  `json:"type"`
		Mode *string `json:"behavior"`
	}
	if err := p.read(&j); err != nil {
		return nil, err
	}
	name := "Isolated"
	if j.Mode != nil {
		name = *j.Mode
	}
	m, err := parseMode(p.where, name)
	return cutter{find: charMatcher{chars.Load(), chars.Punct}, mode: m}, err
}

func parseDelimiter(p part) (preTokenizer, error) {
	var j struct {
		Type      string `json:"type"`
		Delimiter string `json:"delimiter"`
	}
	if err := p.read(&j); err != nil {
		return nil, err
	}
	if utf8.RuneCountInString(j.Delimiter) != 1 {
		return nil, fmt.Errorf("%s: delimiter must be one character (got %q)", p.where, j.Delimiter)
	}
	return cutter{find: literal(j.Delimiter), mode: removed}, nil
}
