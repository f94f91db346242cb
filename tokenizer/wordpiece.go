package tokenizer

import (
	"strings"
	"unicode/utf8"
)

// wordPiece cuts a word greedily into the longest tokens, from the left; pieces
// after the first are marked by a prefix (Schuster and Nakajima 2012). A word
// that does not come out, or is too long, is one unknown token.
type wordPiece struct {
	first    *trie // tokens by their text
	rest     *trie // tokens that begin with the prefix, without it
	unk      int32
	maxRunes int // characters of a word
	cache    wordCache
}

// newWordPiece sorts the vocabulary by position in a word.
func newWordPiece(vocab map[string]int32, prefix string, unk int32, maxRunes int) *wordPiece {
	rest := map[string]int32{}
	for token, id := range vocab {
		if piece, ok := strings.CutPrefix(token, prefix); ok {
			rest[piece] = id
		}
	}
	return &wordPiece{first: newTrie(vocab), rest: newTrie(rest), unk: unk, maxRunes: maxRunes, cache: newWordCache()}
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
		id, size := vocab.longest(word)
		if size == 0 {
			return append(dst[:n], m.unk)
		}
		dst = append(dst, id)
		word, vocab = word[size:], m.rest
	}
	return dst
}
