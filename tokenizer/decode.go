package tokenizer

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// decoder rewrites the list of tokens, which it may change in place; the text is
// their concatenation.
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

// parseDecoder reads a decoder; none is nil.
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
		return parseDecoders(p)
	}
	return nil, p.unknown("BPEDecoder", "ByteFallback", "ByteLevel", "Fuse", "Metaspace", "Replace", "Sequence", "Strip", "WordPiece")
}

// decoders apply one after the other.
type decoders []decoder

func parseDecoders(p part) (decoder, error) {
	var j struct {
		Type string            `json:"type"`
		List []json.RawMessage `json:"decoders"`
	}
	if err := p.read(&j); err != nil {
		return nil, err
	}
	var all decoders
	for i, raw := range j.List {
		where := fmt.Sprintf("%s: decoders[%d]", p.where, i)
		d, err := parseDecoder(where, raw)
		if err != nil {
			return nil, err
		}
		if d == nil {
			return nil, fmt.Errorf("%s: must be an object", where)
		}
		all = append(all, d)
	}
	return all, nil
}

func (all decoders) decode(words []string) []string {
	for _, d := range all {
		words = d.decode(words)
	}
	return words
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

// fallbackDecoder joins runs of tokens <0x00> ... <0xFF> to characters; a run that
// is not UTF-8 becomes one U+FFFD for each byte.
type fallbackDecoder struct{}

func (fallbackDecoder) decode(words []string) []string {
	var out []string
	var b []byte
	flush := func() {
		switch {
		case len(b) == 0:
		case utf8.Valid(b):
			out = append(out, string(b))
		default:
			out = append(out, strings.Repeat("\uFFFD", len(b)))
		}
		b = b[:0]
	}
	for _, w := range words {
		if c, ok := fallbackByte(w); ok {
			b = append(b, c)
			continue
		}
		flush()
		out = append(out, w)
	}
	flush()
	return out
}

// fallbackByte reads <0xAB>.
func fallbackByte(w string) (byte, bool) {
	if len(w) != 6 || !strings.HasPrefix(w, "<0x") || w[5] != '>' {
		return 0, false
	}
	digits := w[3:5]
	if digits[0] == '+' { // the library reads a sign here
		digits = digits[1:]
	}
	n, err := strconv.ParseUint(digits, 16, 8)
	return byte(n), err == nil
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

// stripDecoder takes a character off the ends of every token.
type stripDecoder struct {
	content     string
	start, stop int // at most so many
}

func parseStripDecoder(p part) (decoder, error) {
	var j struct {
		Type    string  `json:"type"`
		Content *string `json:"content"`
		Start   *int    `json:"start"`
		Stop    *int    `json:"stop"`
	}
	if err := p.read(&j); err != nil {
		return nil, err
	}
	if err := required(p.where, map[string]bool{"content": j.Content == nil, "start": j.Start == nil, "stop": j.Stop == nil}); err != nil {
		return nil, err
	}
	if utf8.RuneCountInString(*j.Content) != 1 || *j.Start < 0 || *j.Stop < 0 {
		return nil, fmt.Errorf("%s: must strip one character, from 0 times (got %q, start %d, stop %d)", p.where, *j.Content, *j.Start, *j.Stop)
	}
	return stripDecoder{*j.Content, *j.Start, *j.Stop}, nil
}

func (d stripDecoder) decode(words []string) []string {
	for i, w := range words {
		for n := 0; n < d.start && strings.HasPrefix(w, d.content); n++ {
			w = w[len(d.content):]
		}
		for n := 0; n < d.stop && strings.HasSuffix(w, d.content); n++ {
			w = w[:len(w)-len(d.content)]
		}
		words[i] = w
	}
	return words
}

// suffixDecoder writes the mark of a word's end as a blank.
type suffixDecoder string

func parseSuffixDecoder(p part) (decoder, error) {
	var j struct {
		Type   string  `json:"type"`
		Suffix *string `json:"suffix"`
	}
	if err := p.read(&j); err != nil {
		return nil, err
	}
	return suffixDecoder(text(j.Suffix)), required(p.where, map[string]bool{"suffix": j.Suffix == nil})
}

func (d suffixDecoder) decode(words []string) []string {
	for i, w := range words {
		blank := " "
		if i == len(words)-1 {
			blank = ""
		}
		words[i] = strings.ReplaceAll(w, string(d), blank)
	}
	return words
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
