package tokenizer

import (
	"encoding/json"
	"strings"
)

// decoder rewrites the list of tokens, which it may change in place; the text is
// their concatenation.
type decoder interface {
	decode(words []string) []string
	grower
}

// decodeWords joins tokens to text.
func decodeWords(d decoder, words []string) string {
	if d == nil {
		return strings.Join(words, " ")
	}
	return strings.Join(d.decode(words), "")
}

// parseDecoder reads a decoder; none is nil.
func parseDecoder(where string, raw json.RawMessage, n *nest) (decoder, error) {
	p, err := readPart(where, raw, n)
	if err != nil || p.absent {
		return nil, err
	}
	switch p.kind {
	case "ByteLevel":
		_, err := parseByteLevel(p)
		return byteDecoder{}, err
	case "WordPiece":
		return parseWordPieceDecoder(p)
	case "Metaspace":
		m, err := parseMetaspace(p)
		return metaspaceDecoder{m}, err
	case "ByteFallback":
		return fallbackDecoder{}, p.read(&onlyType{})
	case "Fuse":
		return fuse{}, p.read(&onlyType{})
	case "Replace":
		r, err := parseReplace(p)
		return replaceDecoder{r}, err
	case "Strip":
		return parseStripDecoder(p)
	case "BPEDecoder":
		return parseSuffixDecoder(p)
	case "Sequence":
		all, err := sequence(p, "decoders", parseDecoder)
		return decoders(all), err
	}
	return nil, p.unknown("BPEDecoder", "ByteFallback", "ByteLevel", "Fuse", "Metaspace", "Replace", "Sequence", "Strip", "WordPiece")
}

// decoders apply one after the other.
type decoders []decoder

func (all decoders) decode(words []string) []string {
	for _, d := range all {
		words = d.decode(words)
	}
	return words
}

// fuse joins all tokens to one.
type fuse struct{}

func (fuse) decode(words []string) []string { return []string{strings.Join(words, "")} }

// replaceDecoder replaces in every token.
type replaceDecoder struct{ replace }

func (d replaceDecoder) decode(words []string) []string {
	for i, w := range words {
		words[i] = d.normalize(piece{text: w, id: -1}).text
	}
	return words
}

// metaspaceDecoder writes the mark as a blank; in the first token it goes, unless
// nothing was put before the text.
type metaspaceDecoder struct{ *metaspace }

func (d metaspaceDecoder) decode(words []string) []string {
	for i, w := range words {
		blank := " "
		if i == 0 && d.scheme != "never" {
			blank = ""
		}
		words[i] = strings.ReplaceAll(w, d.mark, blank)
	}
	return words
}
