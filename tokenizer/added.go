package tokenizer

import (
	"unicode/utf8"

	"pgsrm/tokenizer/internal/chars"
)

// piece is a part of the text on its way to the model.
type piece struct {
	text string
	zero int   // how many leading bytes stand for the very start of the input
	id   int32 // an added token, or -1 for text
}

// sub returns the bytes [a, b) of a piece of text.
func (p piece) sub(a, b int) piece {
	return piece{text: p.text[a:b], zero: max(0, min(p.zero, b)-a), id: -1}
}

// addedToken is an entry of added_tokens.
type addedToken struct {
	id         int32
	content    string
	singleWord bool // only where no word character touches it
	lstrip     bool // takes the white space on its left
	rstrip     bool // takes the white space on its right
	normalized bool // looked for in the normalised text
	special    bool
}

// addedTokens finds added tokens in text: first those that want the text as it
// is, then, after normalising what is left, the others.
type addedTokens struct {
	plain      tokenSet
	normalized tokenSet
}

// tokenSet finds the leftmost-longest tokens of a set.
type tokenSet struct {
	list []*addedToken
	at   map[string]int32 // place in list, by the text to look for
	trie *trie            // of at
}

// add puts a token into the set under the text to look for.
func (s *tokenSet) add(text string, a *addedToken) bool {
	if _, twice := s.at[text]; twice || text == "" {
		return false
	}
	if s.at == nil {
		s.at = map[string]int32{}
	}
	s.at[text] = int32(len(s.list))
	s.list = append(s.list, a)
	return true
}

// finish makes the set ready to be searched.
func (s *tokenSet) finish() {
	if len(s.list) > 0 {
		s.trie = newTrie(s.at)
	}
}

// cut hands the parts of text to emit, in order: added tokens, and normalised
// text between them. Special tokens are text unless special is set.
func (ts *addedTokens) cut(text string, norm normalizer, special bool, emit func(piece)) {
	if text == "" {
		return
	}
	_, first := utf8.DecodeRuneInString(text)
	ts.plain.cut(piece{text: text, zero: first, id: -1}, special, func(p piece) {
		if p.id < 0 && norm != nil {
			p = norm.normalize(p)
		}
		if p.id >= 0 || p.text == "" {
			if p.id >= 0 {
				emit(p)
			}
			return
		}
		ts.normalized.cut(p, special, emit)
	})
}

// cut hands the parts of p to emit, in order.
func (s *tokenSet) cut(p piece, special bool, emit func(piece)) {
	text, from := p.text, 0 // text[:from] is handed out
	white := 0              // end of the white space after a token that takes it
	for i := 0; i < len(text) && s.trie != nil; {
		if s.trie.root[text[i]] < 0 {
			i++
			continue
		}
		k, n := s.trie.longest(text[i:])
		if n == 0 {
			i++
			continue
		}
		a, start, stop := s.list[k], i, i+n
		i = stop
		if a.special && !special || a.singleWord && !aloneAt(text, start, stop) {
			continue
		}
		if a.lstrip && from < start {
			start -= chars.Load().TrimSpace(text[from:start], false)
		}
		if a.rstrip {
			if white <= stop { // else in the white space measured last
				white = stop + chars.Load().TrimSpace(text[stop:], true)
			}
			stop = white
		}
		if from < start {
			emit(p.sub(from, start))
		}
		emit(piece{text: text[min(start, stop):stop], id: a.id})
		from = stop
	}
	if from < len(text) {
		emit(p.sub(from, len(text)))
	}
}

// aloneAt reports whether no word character touches text[start:stop].
func aloneAt(text string, start, stop int) bool {
	before, _ := utf8.DecodeLastRuneInString(text[:start])
	after, _ := utf8.DecodeRuneInString(text[stop:])
	word := func(r rune) bool { return chars.Load().Has(r, chars.Word) }
	return !(start > 0 && word(before)) && !(stop < len(text) && word(after))
}
