package tokenizer

import (
	"encoding/json"
	"strings"
)

// decoder rewrites the list of tokens; the text is their concatenation.
type decoder interface {
	decode(words []string) []string
}

// decodeWords joins tokens to text.
func decodeWords(d decoder, words []string) string {
	if d == nil {
		return strings.Join(words, " ")
	}
	return strings.Join(d.decode(words), "")
}

func parseDecoder(where string, raw json.RawMessage) (decoder, error) {
	p, err := readPart(where, raw)
	if err != nil || p.absent {
		return nil, err
	}
	switch p.kind {
	case "ByteLevel":
		_, err := parseByteLevel(p)
		return byteDecoder{}, err
	case "WordPiece":
		return parseWordPieceDecoder(p)
	}
	return nil, p.unknown("ByteLevel", "WordPiece")
}

// byteDecoder reads tokens in the byte alphabet; a token with any character
// outside of it stands for itself. Broken UTF-8 becomes U+FFFD.
type byteDecoder struct{}

func (byteDecoder) decode(words []string) []string {
	var b []byte
	for _, w := range words {
		n := len(b)
		var ok bool
		if b, ok = appendRaw(b, w); !ok {
			b = append(b[:n], w...)
		}
	}
	return []string{validText(string(b))}
}

// wordPieceDecoder puts blanks between words.
type wordPieceDecoder struct {
	prefix  string
	cleanup bool
}

func parseWordPieceDecoder(p part) (decoder, error) {
	var j struct {
		Type    string  `json:"type"`
		Prefix  *string `json:"prefix"`
		Cleanup *bool   `json:"cleanup"`
	}
	if err := p.read(&j); err != nil {
		return nil, err
	}
	if err := required(p.where, map[string]bool{"prefix": j.Prefix == nil, "cleanup": j.Cleanup == nil}); err != nil {
		return nil, err
	}
	return wordPieceDecoder{*j.Prefix, *j.Cleanup}, nil
}

func (d wordPieceDecoder) decode(words []string) []string {
	for i, w := range words {
		if i > 0 {
			if rest, ok := strings.CutPrefix(w, d.prefix); ok {
				w = rest
			} else {
				w = " " + w
			}
		}
		if d.cleanup {
			w = cleanup(w)
		}
		words[i] = w
	}
	return words
}

// cleanupPairs are applied one after the other, so the order matters.
var cleanupPairs = [...][2]string{{" .", "."}, {" ?", "?"}, {" !", "!"}, {" ,", ","}, {" ' ", "'"}, {" n't", "n't"},
	{" 'm", "'m"}, {" do not", " don't"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}}

// cleanup takes out blanks before punctuation and English contractions.
func cleanup(s string) string {
	for _, p := range cleanupPairs {
		s = strings.ReplaceAll(s, p[0], p[1])
	}
	return s
}
