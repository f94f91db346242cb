package tokenizer

import (
	"encoding/json"
	"unicode/utf8"

	"pgsrm/tokenizer/internal/chars"
)

// preTokenizer cuts a piece of text, which is not empty, into words, appended to
// dst.
type preTokenizer interface {
	split(dst []piece, p piece) []piece
	grower
}

// parsePreTokenizer reads a pre-tokenizer; none is nil.
func parsePreTokenizer(where string, raw json.RawMessage, n *nest) (preTokenizer, error) {
	p, err := readPart(where, raw, n)
	if err != nil || p.absent {
		return nil, err
	}
	isSep := func(flags uint32) matcher { return charMatcher{chars.Load(), flags} }
	switch p.kind {
	case "ByteLevel":
		return parseByteLevel(p)
	case "Metaspace":
		return parseMetaspace(p)
	case "Split":
		return parseSplit(p)
	case "Digits":
		return parseDigits(p)
	case "Punctuation":
		return parsePunctuation(p)
	case "CharDelimiterSplit":
		return parseDelimiter(p)
	case "WhitespaceSplit":
		return cutter{find: isSep(chars.Space), mode: removed}, p.read(&onlyType{})
	case "Whitespace":
		return cutter{find: wordMatcher{chars.Load()}, mode: removed, invert: true}, p.read(&onlyType{})
	case "BertPreTokenizer":
		return bertSplit{chars.Load()}, p.read(&onlyType{})
	case "Sequence":
		all, err := sequence(p, "pretokenizers", parsePreTokenizer)
		return &stages{all}, err
	}
	return nil, p.unknown("BertPreTokenizer", "ByteLevel", "CharDelimiterSplit", "Digits", "Metaspace", "Punctuation",
		"Sequence", "Split", "Whitespace", "WhitespaceSplit")
}

// onlyType is a part without fields of its own.
type onlyType struct {
	Type string `json:"type"`
}

// stages apply one after the other, each to the words of the one before.
type stages struct{ list []preTokenizer }

func (s *stages) split(dst []piece, p piece) []piece { return splitWith(s.list, dst, p) }

// splitWith runs the stages depth first: a word goes through all of them before
// the next one is cut.
func splitWith(list []preTokenizer, dst []piece, p piece) []piece {
	if len(list) == 0 {
		return append(dst, p)
	}
	if len(list) == 1 {
		return list[0].split(dst, p)
	}
	for _, w := range list[0].split(nil, p) {
		dst = splitWith(list[1:], dst, w)
	}
	return dst
}

// bertSplit cuts at white space, which goes, and around punctuation.
type bertSplit struct{ chars *chars.Table }

func (b bertSplit) split(dst []piece, p piece) []piece {
	start := 0
	for i, r := range p.text {
		flags := b.chars.Of(r) & (chars.Space | chars.Punct)
		if flags == 0 {
			continue
		}
		if start < i {
			dst = append(dst, p.sub(start, i))
		}
		start = i + utf8.RuneLen(r)
		if flags&chars.Space == 0 {
			dst = append(dst, p.sub(i, start))
		}
	}
	if start < len(p.text) {
		dst = append(dst, p.sub(start, len(p.text)))
	}
	return dst
}
