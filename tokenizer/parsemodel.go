package tokenizer

import (
	"encoding/json"
	"fmt"
	"math"
)

// parseModel reads the model and returns it with its vocabulary. Older files
// leave the type out; the fields then tell.
func parseModel(p part) (model, map[string]int32, error) {
	switch p.kind {
	case "BPE":
		return parseBPE(p)
	case "WordPiece":
		return parseWordPiece(p)
	case "Unigram":
		return parseUnigram(p)
	case "WordLevel":
		return parseWordLevel(p)
	case "":
		return parseUntyped(p)
	}
	return nil, nil, p.unknown("BPE", "WordPiece", "Unigram", "WordLevel")
}

// parseUntyped reads a model without a type: BPE has merges, WordPiece a limit of
// characters per word.
func parseUntyped(p part) (model, map[string]int32, error) {
	var fields map[string]json.RawMessage
	if err := p.read(&fields); err != nil {
		return nil, nil, err
	}
	if _, ok := fields["merges"]; ok {
		return parseBPE(p)
	}
	if _, ok := fields["max_input_chars_per_word"]; ok {
		return parseWordPiece(p)
	}
	return nil, nil, fmt.Errorf("%s: field %q must be there", p.where, "type")
}

// jsonWordPiece has the fields of a WordPiece model.
type jsonWordPiece struct {
	Type     string          `json:"type"`
	Unk      *string         `json:"unk_token"`
	Prefix   *string         `json:"continuing_subword_prefix"`
	MaxRunes *int            `json:"max_input_chars_per_word"`
	Vocab    json.RawMessage `json:"vocab"`
}

func parseWordPiece(p part) (model, map[string]int32, error) {
	var j jsonWordPiece
	if err := p.read(&j); err != nil {
		return nil, nil, err
	}
	if err := required(p.where, map[string]bool{"unk_token": j.Unk == nil, "continuing_subword_prefix": j.Prefix == nil,
		"max_input_chars_per_word": j.MaxRunes == nil}); err != nil {
		return nil, nil, err
	}
	vocab, err := parseVocab(j.Vocab)
	if err != nil {
		return nil, nil, err
	}
	unk, err := find(vocab, p.where+": unk_token", *j.Unk)
	if err != nil {
		return nil, nil, err
	}
	if *j.MaxRunes < 0 {
		return nil, nil, fmt.Errorf("%s: max_input_chars_per_word must not be negative (got %d)", p.where, *j.MaxRunes)
	}
	return newWordPiece(vocab, *j.Prefix, unk, *j.MaxRunes), vocab, nil
}

// parseVocab reads a vocabulary {token: id}.
func parseVocab(raw json.RawMessage) (map[string]int32, error) {
	c := &cursor{text: raw}
	if !c.take('{') {
		return nil, fmt.Errorf("vocab: must be an object (got %.60s)", orNull(raw))
	}
	vocab := make(map[string]int32, min(len(raw)/16, 1<<19))
	for !c.take('}') {
		c.take(',')
		token, _ := c.string()
		if err := checkToken(token); err != nil {
			return nil, err
		}
		c.take(':')
		start := *c
		id, ok := c.whole()
		if !ok || id < 0 || id > math.MaxInt32 {
			return nil, fmt.Errorf("vocab[%q]: id must be a whole number in [0, %d] (got %.60s)", token, math.MaxInt32, start.value())
		}
		vocab[token] = int32(id)
	}
	return vocab, nil
}

// checkToken bounds the length of a token of the vocabulary.
func checkToken(token string) error {
	if len(token) > maxToken {
		return fmt.Errorf("vocab[%.40q...]: token must have at most %d bytes (got %d)", token, maxToken, len(token))
	}
	return nil
}

// find returns the id of a token that must be in the vocabulary.
func find(vocab map[string]int32, where, token string) (int32, error) {
	id, ok := vocab[token]
	if !ok {
		return 0, fmt.Errorf("%s: %q must be in the vocabulary", where, token)
	}
	return id, nil
}

func isTrue(b *bool) bool { return b != nil && *b }

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
