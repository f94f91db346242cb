package tokenizer

import "unicode/utf8"

// wordPiece cuts a word greedily into the longest tokens, from the left; pieces
// behind the first are marked by a prefix (Schuster and Nakajima 2012). A word
// that does not come out, or is too long, is one unknown token.
type wordPiece struct {
	first    map[string]int32 // tokens by their text
	rest     map[string]int32 // tokens that begin with the prefix, without it
	longest  int              // bytes of the longest key of first and rest
	unk      int32
	maxRunes int // characters of a word
	cache    wordCache
}

// newWordPiece sorts the vocabulary by position in a word.
func newWordPiece(vocab map[string]int32, prefix string, unk int32, maxRunes int) *wordPiece {
	m := &wordPiece{first: vocab, rest: map[string]int32{}, unk: unk, maxRunes: maxRunes, cache: newWordCache()}
	for token, id := range vocab {
		m.longest = max(m.longest, len(token))
		if len(token) >= len(prefix) && token[:len(prefix)] == prefix {
			m.rest[token[len(prefix):]] = id
		}
	}
	return m
}

// encode implements model.
func (m *wordPiece) encode(dst []int32, word string, _ *scratch) []int32 {
	h := hashWord(word)
	if ids, ok := m.cache.get(h, word); ok {
		return append(dst, ids...)
	}
	n := len(dst)
	dst = m.encodeWord(dst, word)
	m.cache.put(h, word, dst[n:])
	return dst
}

// encodeWord is encode without the cache.
func (m *wordPiece) encodeWord(dst []int32, word string) []int32 {
	if utf8.RuneCountInString(word) > m.maxRunes {
		return append(dst, m.unk)
	}
	n := len(dst)
	vocab := m.first
	for word != "" {
		id, size := m.match(vocab, word)
		if size == 0 {
			return append(dst[:n], m.unk)
		}
		dst = append(dst, id)
		word, vocab = word[size:], m.rest
	}
	return dst
}

// match returns the longest token that word begins with, length 0 if none.
func (m *wordPiece) match(vocab map[string]int32, word string) (int32, int) {
	for size := min(len(word), m.longest); size > 0; size-- {
		if size < len(word) && !utf8.RuneStart(word[size]) {
			continue
		}
		if id, ok := vocab[word[:size]]; ok {
			return id, size
		}
	}
	return 0, 0
}
