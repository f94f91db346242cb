package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
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
	if t.norm, err = parseNormalizer("normalizer", f.Normalizer); err != nil {
		return nil, err
	}
	if t.pre, err = parsePreTokenizer("pre_tokenizer", f.PreTokenizer); err != nil {
		return nil, err
	}
	if t.decoder, err = parseDecoder("decoder", f.Decoder); err != nil {
		return nil, err
	}
	if t.post, err = parsePost("post_processor", f.PostProcessor); err != nil {
		return nil, err
	}
	return t, t.parseModel(f)
}

// parseModel reads the model and the added tokens, which number the ids.
func (t *Tokenizer) parseModel(f file) error {
	p, err := readPart("model", f.Model)
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
	t.ids = make(map[string]int32, len(vocab))
	for token, id := range vocab {
		t.ids[token] = id
	}
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

// jsonToken is an entry of added_tokens. Every field is required.
type jsonToken struct {
	ID         *int64  `json:"id"`
	Content    *string `json:"content"`
	SingleWord *bool   `json:"single_word"`
	LStrip     *bool   `json:"lstrip"`
	RStrip     *bool   `json:"rstrip"`
	Normalized *bool   `json:"normalized"`
	Special    *bool   `json:"special"`
}

// parseAdded reads added_tokens. A token that the model knows keeps the model's
// id; the others are numbered behind the vocabulary of n tokens, in order.
func (t *Tokenizer) parseAdded(raw json.RawMessage, n int) error {
	t.added = &addedTokens{}
	var list []json.RawMessage
	if err := strict(orNull(raw), &list); err != nil {
		return fmt.Errorf("added_tokens: %w", err)
	}
	next := int32(n)
	for i, raw := range list {
		where := fmt.Sprintf("added_tokens[%d]", i)
		a, err := parseAddedToken(where, raw)
		if err != nil {
			return err
		}
		if a.content == "" {
			continue // the library ignores it
		}
		id, ok := t.ids[a.content]
		if !ok {
			id = next
			next++
		}
		if a.id != id {
			return fmt.Errorf("%s: id of %q must be %d, that of the vocabulary or the next one behind it (got %d)", where, a.content, id, a.id)
		}
		if err := t.addToken(where, a); err != nil {
			return err
		}
	}
	return nil
}

// parseAddedToken reads one entry of added_tokens.
func parseAddedToken(where string, raw json.RawMessage) (*addedToken, error) {
	var j jsonToken
	if err := strict(raw, &j); err != nil {
		return nil, fmt.Errorf("%s: %w", where, err)
	}
	if err := required(where, map[string]bool{"id": j.ID == nil, "content": j.Content == nil, "single_word": j.SingleWord == nil,
		"lstrip": j.LStrip == nil, "rstrip": j.RStrip == nil, "normalized": j.Normalized == nil, "special": j.Special == nil}); err != nil {
		return nil, err
	}
	if *j.ID < 0 || *j.ID > math.MaxInt32 {
		return nil, fmt.Errorf("%s: id must lie in [0, %d] (got %d)", where, math.MaxInt32, *j.ID)
	}
	return &addedToken{int32(*j.ID), *j.Content, *j.SingleWord, *j.LStrip, *j.RStrip, *j.Normalized, *j.Special}, nil
}

// addToken enters one added token into the tables.
func (t *Tokenizer) addToken(where string, a *addedToken) error {
	t.grow(int(a.id) + 1)
	if t.known[a.id] && t.tokens[a.id] != a.content {
		return fmt.Errorf("%s: id must be free (got %d, of %q)", where, a.id, t.tokens[a.id])
	}
	text, set := a.content, &t.added.plain
	if a.normalized {
		set = &t.added.normalized
		if t.norm != nil {
			text = t.norm.normalize(piece{text: text, id: -1}).text
		}
	}
	if !set.add(text, a) {
		return fmt.Errorf("%s: token must be new and not empty once normalised (got %q)", where, text)
	}
	// Decoders see the normalised spelling, and so does the test for special
	// tokens: one that is normalised to something else is never skipped.
	t.ids[a.content] = a.id
	t.tokens[a.id], t.known[a.id] = text, true
	t.skip[a.id] = a.special && text == a.content
	return nil
}

// part is one typed object of the file, with its place in it.
type part struct {
	where  string
	raw    json.RawMessage
	kind   string // its field "type"
	absent bool   // null or not there
}

// readPart reads the type of an object.
func readPart(where string, raw json.RawMessage) (part, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return part{where: where, absent: true}, nil
	}
	var j struct {
		Type *string `json:"type"`
	}
	if err := json.Unmarshal(raw, &j); err != nil {
		return part{}, fmt.Errorf("%s: %w", where, jsonError(err))
	}
	if j.Type == nil {
		return part{where: where, raw: raw}, nil
	}
	return part{where: where, raw: raw, kind: *j.Type}, nil
}

// read decodes the fields of a part; a field that v does not have is an error.
func (p part) read(v any) error {
	if err := strict(p.raw, v); err != nil {
		return fmt.Errorf("%s: %w", p.where, err)
	}
	return nil
}

// unknown is the error for a type that this package does not have.
func (p part) unknown(known ...string) error {
	return fmt.Errorf("%s: type must be one of %s (got %q)", p.where, strings.Join(known, ", "), p.kind)
}

// required reports the first missing field, in alphabetical order.
func required(where string, missing map[string]bool) error {
	first := ""
	for name, is := range missing {
		if is && (first == "" || name < first) {
			first = name
		}
	}
	if first != "" {
		return fmt.Errorf("%s: field %q must be there", where, first)
	}
	return nil
}

// strict decodes one JSON value with nothing behind it and no unknown fields.
func strict(raw []byte, v any) error {
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return jsonError(err)
	}
	if d.More() {
		return errors.New("must be one JSON value")
	}
	return nil
}

// jsonError words an error of encoding/json in the style of this package.
func jsonError(err error) error {
	var typ *json.UnmarshalTypeError
	if errors.As(err, &typ) {
		if typ.Field != "" {
			return fmt.Errorf("field %q must be %s (got %s)", typ.Field, kindName(typ.Type.Kind().String()), typ.Value)
		}
		return fmt.Errorf("must be %s (got %s)", kindName(typ.Type.Kind().String()), typ.Value)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("unexpected end of JSON input")
	}
	return errors.New(strings.TrimPrefix(err.Error(), "json: "))
}

// kindName words a Go kind as JSON, with its article.
func kindName(kind string) string {
	switch {
	case kind == "struct" || kind == "map":
		return "an object"
	case kind == "slice" || kind == "array":
		return "a list"
	case strings.HasPrefix(kind, "int") || strings.HasPrefix(kind, "uint"):
		return "a whole number"
	}
	return "a " + kind
}

func orNull(raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 {
		return json.RawMessage("null")
	}
	return raw
}
