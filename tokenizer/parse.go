package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"unicode/utf8"
)

// file is the outermost object of a tokenizer.json.
type file struct {
	Version       string          `json:"version"`
	Truncation    json.RawMessage `json:"truncation"` // the caller's business
	Padding       json.RawMessage `json:"padding"`    // the caller's business
	AddedTokens   json.RawMessage `json:"added_tokens"`
	Normalizer    json.RawMessage `json:"normalizer"`
	PreTokenizer  json.RawMessage `json:"pre_tokenizer"`
	PostProcessor json.RawMessage `json:"post_processor"`
	Decoder       json.RawMessage `json:"decoder"`
	Model         json.RawMessage `json:"model"`
}

// Parse makes a tokenizer from the bytes of a tokenizer.json. The bytes are kept
// and must not be changed afterwards. Whatever the file asks for that this
// package does not have is an error that names its place.
func Parse(data []byte) (*Tokenizer, error) {
	t, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("tokenizer.json: %w", err)
	}
	return t, nil
}

// parse reads the parts in an order in which each finds what it refers to.
func parse(data []byte) (*Tokenizer, error) {
	if len(data) > maxFile {
		return nil, fmt.Errorf("must have at most %d bytes (got %d)", maxFile, len(data))
	}
	if !utf8.Valid(data) {
		return nil, errors.New("must be UTF-8")
	}
	var f file
	if err := strict(data, &f); err != nil {
		return nil, err
	}
	if f.Version != "" && f.Version != "1.0" {
		return nil, fmt.Errorf("version: must be 1.0 (got %q)", f.Version)
	}
	t := &Tokenizer{json: data}
	var err error
	if t.norm, err = parseNormalizer("normalizer", f.Normalizer, new(nest)); err != nil {
		return nil, err
	}
	if t.pre, err = parsePreTokenizer("pre_tokenizer", f.PreTokenizer, new(nest)); err != nil {
		return nil, err
	}
	if t.decoder, err = parseDecoder("decoder", f.Decoder, new(nest)); err != nil {
		return nil, err
	}
	if t.post, err = parsePost("post_processor", f.PostProcessor, new(nest)); err != nil {
		return nil, err
	}
	if err := t.checkGrowth(); err != nil {
		return nil, err
	}
	return t, t.parseModel(f)
}

// checkGrowth bounds how long texts and tokens may become.
func (t *Tokenizer) checkGrowth() error {
	in, out := newWeights(), newWeights()
	if t.pre != nil {
		t.pre.grow(in)
	}
	if t.norm != nil {
		t.norm.grow(in)
	}
	if t.decoder != nil {
		t.decoder.grow(out)
	}
	if err := in.check("normalizer and pre_tokenizer"); err != nil {
		return err
	}
	return out.check("decoder")
}

// parseModel reads the model and the added tokens, which number the ids.
func (t *Tokenizer) parseModel(f file) error {
	p, err := readPart("model", f.Model, new(nest))
	if err != nil {
		return err
	}
	if p.absent {
		return errors.New("model: must be there")
	}
	m, vocab, err := parseModel(p)
	if err != nil {
		return err
	}
	t.model = m
	if err := t.number(vocab); err != nil {
		return err
	}
	if err := t.parseAdded(f.AddedTokens, len(vocab)); err != nil {
		return err
	}
	if b, ok := t.model.(*bpe); ok {
		if l, ok := endsInBytes(t.pre); ok && b.useBytes() {
			l.keep = true // words stay bytes
			t.pre = withoutSpelling(t.pre)
		}
	}
	return t.checkPost()
}

// number fills the tables between ids and tokens.
func (t *Tokenizer) number(vocab map[string]int32) error {
	largest := int32(-1)
	for token, id := range vocab {
		if limit := idLimit(len(vocab)); int(id) >= limit {
			return fmt.Errorf("vocab[%q]: id must be below %d in a vocabulary of %d tokens (got %d)", token, limit, len(vocab), id)
		}
		largest = max(largest, id)
	}
	t.ids = maps.Clone(vocab)
	t.grow(int(largest) + 1)
	for token, id := range vocab {
		if t.known[id] {
			return fmt.Errorf("vocab[%q]: id must be used once (got %d, of %q too)", max(token, t.tokens[id]), id, min(token, t.tokens[id]))
		}
		t.tokens[id], t.known[id] = token, true
	}
	return nil
}

// idLimit bounds the ids of a vocabulary of n tokens: holes are allowed, a table
// of nothing but holes is not.
func idLimit(n int) int { return 4*n + 1<<16 }

// grow makes room for ids below n.
func (t *Tokenizer) grow(n int) {
	for len(t.tokens) < n {
		t.tokens, t.known, t.skip = append(t.tokens, ""), append(t.known, false), append(t.skip, false)
	}
}
