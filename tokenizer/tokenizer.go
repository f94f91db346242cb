package tokenizer

import "sync"

// Tokenizer is one loaded tokenizer. It is read-only after loading and safe for
// concurrent use.
type Tokenizer struct {
	json   []byte           // the file, verbatim
	ids    map[string]int32 // token to id, added tokens included
	tokens []string         // [Size] id to token as decoders see it
	known  []bool           // [Size] false where the vocabulary has a hole
	skip   []bool           // [Size] true where Decode leaves a special token out

	added   *addedTokens
	norm    normalizer   // nil: none
	pre     preTokenizer // nil: none
	model   model
	post    []int32 // post-processor: ids, and sequenceA for the text
	decoder decoder // nil: tokens joined by spaces

	pool sync.Pool // of *scratch
}

// model turns one word into ids, appended to dst.
type model interface {
	encode(dst []int32, word string, sc *scratch) []int32
}

// scratch is the working memory of one call, reused between calls.
type scratch struct {
	pieces []piece // the words of a piece
	merge  mergeState
	steps  []step // of unigram
}

// Encode returns the ids of text alone: no post-processor, and special tokens
// written in the text are treated as plain text. It equals `encode(text,
// add_special_tokens=False)` of a tokenizer with encode_special_tokens set.
// Broken UTF-8 is read as U+FFFD, one for each maximal broken part.
func (t *Tokenizer) Encode(text string) []int32 {
	return t.encode(nil, text, false)
}

// EncodeSpecial returns the ids of text with added and special tokens recognised
// and the post-processor applied ([CLS] ... [SEP], <s> ...). It equals
// `encode(text).ids` without truncation and padding.
func (t *Tokenizer) EncodeSpecial(text string) []int32 {
	if t.post == nil {
		return t.encode(nil, text, true)
	}
	var ids []int32
	for _, id := range t.post {
		if id == sequenceA {
			ids = t.encode(ids, text, true)
		} else {
			ids = append(ids, id)
		}
	}
	return ids
}

// encode appends the ids of text to dst; special says whether special tokens in
// the text are recognised.
func (t *Tokenizer) encode(dst []int32, text string, special bool) []int32 {
	sc, _ := t.pool.Get().(*scratch)
	if sc == nil {
		sc = new(scratch)
	}
	text = validText(text)
	t.added.cut(text, t.norm, special, func(p piece) {
		if p.id >= 0 {
			dst = append(dst, p.id)
			return
		}
		dst = t.encodePlain(dst, p, sc)
	})
	t.pool.Put(sc)
	return dst
}

// encodePlain appends the ids of a piece without added tokens.
func (t *Tokenizer) encodePlain(dst []int32, p piece, sc *scratch) []int32 {
	if t.pre == nil {
		return t.model.encode(dst, p.text, sc)
	}
	words := t.pre.split(sc.pieces[:0], p)
	for _, w := range words {
		dst = t.model.encode(dst, w.text, sc)
	}
	sc.pieces = words
	return dst
}

// Decode returns the text of ids, without special tokens if skipSpecial is set.
// Ids outside the vocabulary are left out. It equals `decode(ids,
// skip_special_tokens=skipSpecial)`.
func (t *Tokenizer) Decode(ids []int32, skipSpecial bool) string {
	words := make([]string, 0, len(ids))
	for _, id := range ids {
		if id < 0 || int(id) >= len(t.tokens) || !t.known[id] || skipSpecial && t.skip[id] {
			continue
		}
		words = append(words, t.tokens[id])
	}
	return decodeWords(t.decoder, words)
}

// Size returns the number of ids, added tokens included: the largest id plus one.
func (t *Tokenizer) Size() int { return len(t.tokens) }

// ID returns the id of a token, written as in the vocabulary.
func (t *Tokenizer) ID(token string) (int32, bool) {
	id, ok := t.ids[token]
	return id, ok
}

// Token returns the token of an id, written as in the vocabulary.
func (t *Tokenizer) Token(id int32) (string, bool) {
	if id < 0 || int(id) >= len(t.tokens) || !t.known[id] {
		return "", false
	}
	return t.tokens[id], true
}

// IsSpecial reports whether id is a special token of the file.
func (t *Tokenizer) IsSpecial(id int32) bool {
	return id >= 0 && int(id) < len(t.skip) && t.skip[id]
}

// JSON returns the bytes of the tokenizer.json it was made from. The caller must
// not change them.
func (t *Tokenizer) JSON() []byte { return t.json }
