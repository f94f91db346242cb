package tokenizer

import (
	"encoding/json"
	"fmt"
	"math"
)

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
// id; the others are numbered after the vocabulary of n tokens, in order.
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
			return fmt.Errorf("%s: id of %q must be %d, that of the vocabulary or the next one after it (got %d)", where, a.content, id, a.id)
		}
		if err := t.addToken(where, a); err != nil {
			return err
		}
	}
	t.added.plain.finish()
	t.added.normalized.finish()
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
	if len(a.content) > maxToken {
		return fmt.Errorf("%s: content must have at most %d bytes (got %d)", where, maxToken, len(a.content))
	}
	text, set := a.content, &t.added.plain
	if a.normalized {
		set = &t.added.normalized
		if t.norm != nil {
			text = t.norm.normalize(piece{text: text, id: -1}).text
		}
	}
	if len(text) > maxToken {
		return fmt.Errorf("%s: token must have at most %d bytes once normalised (got %d)", where, maxToken, len(text))
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
