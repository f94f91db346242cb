package tokenizer

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

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
