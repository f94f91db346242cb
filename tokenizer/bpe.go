package tokenizer

import "unicode/utf8"

// bpe is byte-pair encoding (Sennrich et al., arXiv 1508.07909): a word starts
// as its characters, and the pair with the lowest rank is joined, leftmost
// first, until no pair of the word has a merge.
type bpe struct {
	vocab  map[string]int32
	merges pairTable
	bytes  *[256]int32 // id of each byte, -1 without one; nil: words are characters
	raw    map[string]int32
	unk    int32 // -1: characters without a token are left out

	prefix       string // put before every character but the first of a word
	suffix       string // put after the last character of a word
	fuseUnk      bool   // one unknown token for a run of unknown characters
	byteFallback *[256]int32
	ignoreMerges bool // a word that is a token needs no merges

	cache wordCache
}

// encode implements model.
func (m *bpe) encode(dst []int32, word string, sc *scratch) []int32 {
	if len(word) == 1 && m.bytes != nil && m.bytes[word[0]] >= 0 {
		return append(dst, m.bytes[word[0]])
	}
	h := hashWord(word)
	if ids, ok := m.cache.get(h, word); ok {
		return append(dst, ids...)
	}
	n := len(dst)
	dst = m.encodeWord(dst, word, sc)
	m.cache.put(h, word, dst[n:])
	return dst
}

// encodeWord is encode without the cache.
func (m *bpe) encodeWord(dst []int32, word string, sc *scratch) []int32 {
	if m.ignoreMerges {
		vocab := m.vocab
		if m.bytes != nil {
			vocab = m.raw
		}
		if id, ok := vocab[word]; ok {
			return append(dst, id)
		}
	}
	n := len(dst)
	if m.bytes != nil {
		dst = m.startBytes(dst, word)
	} else {
		dst = m.startRunes(dst, word)
	}
	k := sc.merge.run(dst[n:], &m.merges)
	return dst[:n+k]
}

// startBytes appends the id of each byte of word.
func (m *bpe) startBytes(dst []int32, word string) []int32 {
	for i := range len(word) {
		if id := m.bytes[word[i]]; id >= 0 {
			dst = append(dst, id)
		}
	}
	return dst
}

// startRunes appends the id of each character of word; a character without one
// becomes its bytes, the unknown token, or nothing.
func (m *bpe) startRunes(dst []int32, word string) []int32 {
	pending := false // an unknown token is due
	for i, r := range word {
		n := utf8.RuneLen(r)
		id, ok := m.rune(word[i:i+n], i == 0, i+n == len(word))
		switch {
		case ok:
			if pending {
				dst, pending = append(dst, m.unk), false
			}
			dst = append(dst, id)
		case m.byteFallback != nil && m.fallback(&dst, word[i:i+n]):
		case m.unk >= 0:
			if pending && !m.fuseUnk {
				dst = append(dst, m.unk)
			}
			pending = true
		}
	}
	if pending {
		dst = append(dst, m.unk)
	}
	return dst
}

// rune returns the id of one character with its prefix and suffix.
func (m *bpe) rune(c string, first, last bool) (int32, bool) {
	if m.prefix != "" && !first {
		c = m.prefix + c
	}
	if m.suffix != "" && last {
		c += m.suffix
	}
	id, ok := m.vocab[c]
	return id, ok
}

// fallback appends the byte tokens of a character, if all are in the vocabulary.
func (m *bpe) fallback(dst *[]int32, c string) bool {
	for i := range len(c) {
		if m.byteFallback[c[i]] < 0 {
			return false
		}
	}
	for i := range len(c) {
		*dst = append(*dst, m.byteFallback[c[i]])
	}
	return true
}

// fallbackIDs returns the ids of the tokens <0x00> ... <0xFF>, -1 for a missing one.
func fallbackIDs(vocab map[string]int32) *[256]int32 {
	const hex = "0123456789ABCDEF"
	var ids [256]int32
	for b := range ids {
		id, ok := vocab["<0x"+string([]byte{hex[b>>4], hex[b&15]})+">"]
		if ids[b] = id; !ok {
			ids[b] = -1
		}
	}
	return &ids
}

// useBytes lets the model take words as bytes where its vocabulary is spelt in
// the byte alphabet: the ids are the same and no mapped text is made. It needs a
// vocabulary in which no byte can be unknown, fall back or change by position.
func (m *bpe) useBytes() bool {
	var ids [256]int32
	for b := range ids {
		id, ok := m.vocab[string(byteRune[b])]
		if !ok {
			return false
		}
		ids[b] = id
	}
	if m.prefix != "" || m.suffix != "" {
		return false
	}
	m.bytes, m.raw = &ids, nil
	if m.ignoreMerges {
		m.raw = rawVocab(m.vocab)
	}
	return true
}

// rawVocab returns the tokens that are spelt in the byte alphabet, as bytes.
func rawVocab(vocab map[string]int32) map[string]int32 {
	raw := make(map[string]int32, len(vocab))
	var b []byte
	for token, id := range vocab {
		var ok bool
		if b, ok = appendRaw(b[:0], token); ok {
			raw[string(b)] = id
		}
	}
	return raw
}
