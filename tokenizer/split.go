package tokenizer

import (
	"encoding/json"
	"unicode/utf8"
)

// preTokenizer cuts a piece of text into words, appended to dst.
type preTokenizer interface {
	split(dst []piece, p piece, sc *scratch) []piece
}

func parsePreTokenizer(where string, raw json.RawMessage) (preTokenizer, error) {
	p, err := readPart(where, raw)
	if err != nil || p.absent {
		return nil, err
	}
	switch p.kind {
	case "ByteLevel":
		return parseByteLevel(p)
	case "BertPreTokenizer":
		return bertSplit{}, p.read(&onlyType{})
	}
	return nil, p.unknown("BertPreTokenizer", "ByteLevel")
}

// onlyType is a part without fields of its own.
type onlyType struct {
	Type string `json:"type"`
}

// byteLevel cuts text by GPT-2's pattern and spells words in the byte alphabet.
type byteLevel struct {
	addSpace bool // put a blank before text that does not begin with one
	pattern  bool // cut; else only spell
	keep     bool // leave the words as they are: the model takes bytes
}

// jsonByteLevel has the fields of the pre-tokenizer, decoder and post-processor
// of that name.
type jsonByteLevel struct {
	Type        string `json:"type"`
	AddSpace    *bool  `json:"add_prefix_space"`
	TrimOffsets *bool  `json:"trim_offsets"` // offsets are not made here
	Pattern     *bool  `json:"use_regex"`    // true if not there
}

func parseByteLevel(p part) (*byteLevel, error) {
	var j jsonByteLevel
	if err := p.read(&j); err != nil {
		return nil, err
	}
	if err := required(p.where, map[string]bool{"add_prefix_space": j.AddSpace == nil, "trim_offsets": j.TrimOffsets == nil}); err != nil {
		return nil, err
	}
	return &byteLevel{addSpace: *j.AddSpace, pattern: j.Pattern == nil || *j.Pattern}, nil
}

// endsInBytes returns the last stage if it spells bytes.
func endsInBytes(pre preTokenizer) (*byteLevel, bool) {
	l, ok := pre.(*byteLevel)
	return l, ok
}

func (l *byteLevel) split(dst []piece, p piece, _ *scratch) []piece {
	if l.addSpace && p.text[0] != ' ' {
		p.text = " " + p.text
		if p.zero > 0 {
			p.zero++
		}
	}
	n := len(dst)
	if l.pattern {
		for i := 0; i < len(p.text); {
			j := scanGPT2(p.text, i)
			dst = append(dst, p.sub(i, j))
			i = j
		}
	} else {
		dst = append(dst, p)
	}
	if !l.keep {
		for i := n; i < len(dst); i++ {
			dst[i].zero = len(mapBytes(dst[i].text[:dst[i].zero]))
			dst[i].text = mapBytes(dst[i].text)
		}
	}
	return dst
}

// bertSplit cuts at white space, which goes, and around punctuation.
type bertSplit struct{}

func (bertSplit) split(dst []piece, p piece, _ *scratch) []piece {
	start := 0
	for i, r := range p.text {
		isSep := isSpace(r)
		if !isSep && !isPunct(r) {
			continue
		}
		if start < i {
			dst = append(dst, p.sub(start, i))
		}
		start = i + utf8.RuneLen(r)
		if !isSep {
			dst = append(dst, p.sub(i, start))
		}
	}
	if start < len(p.text) {
		dst = append(dst, p.sub(start, len(p.text)))
	}
	return dst
}
