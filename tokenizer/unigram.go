package tokenizer

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"unicode/utf8"
)

// unigram cuts a word into the tokens with the highest sum of scores (Kudo, arXiv
// 1804.10959), found from left to right; of equal sums the first one found stays.
type unigram struct {
	vocab  map[string]int32
	scores []float64 // [vocabulary]
	unk    int32
	unkLow float64 // score of an unknown character
	trie   *trie
	bytes  *[256]int32
	cache  wordCache
}

// unkPenalty lies between an unknown character and the worst token.
const unkPenalty = 10

// jsonUnigram has the fields of a Unigram model.
type jsonUnigram struct {
	Type         string   `json:"type"`
	Unk          *int     `json:"unk_id"`
	Vocab        []scored `json:"vocab"`
	ByteFallback *bool    `json:"byte_fallback"`
}

// scored is an entry [token, score].
type scored struct {
	token string
	score float64
}

// UnmarshalJSON reads a list of two.
func (s *scored) UnmarshalJSON(raw []byte) error {
	var pair []json.RawMessage
	if err := json.Unmarshal(raw, &pair); err == nil && len(pair) == 2 && string(pair[1]) != "null" &&
		pair[0][0] == '"' && json.Unmarshal(pair[0], &s.token) == nil && json.Unmarshal(pair[1], &s.score) == nil {
		return nil
	}
	return fmt.Errorf("vocab: entry must be a token and its score (got %.60s)", raw)
}

func parseUnigram(p part) (model, map[string]int32, error) {
	var j jsonUnigram
	if err := p.read(&j); err != nil {
		return nil, nil, err
	}
	if j.Vocab == nil {
		return nil, nil, fmt.Errorf("vocab: must be a list")
	}
	if j.Unk == nil || *j.Unk < 0 || *j.Unk >= len(j.Vocab) {
		return nil, nil, fmt.Errorf("%s: unk_id must be an id of the vocabulary, unknown characters need it", p.where)
	}
	m := &unigram{vocab: make(map[string]int32, len(j.Vocab)), unk: int32(*j.Unk), unkLow: math.Inf(1), cache: newWordCache()}
	for id, s := range j.Vocab {
		if err := checkToken(s.token); err != nil {
			return nil, nil, err
		}
		if _, twice := m.vocab[s.token]; twice {
			return nil, nil, fmt.Errorf("vocab[%d]: token must be there once (got %q)", id, s.token)
		}
		m.vocab[s.token] = int32(id)
		m.scores = append(m.scores, s.score)
		m.unkLow = min(m.unkLow, s.score)
	}
	m.unkLow -= unkPenalty
	m.trie = newTrie(m.vocab)
	if isTrue(j.ByteFallback) {
		m.bytes = fallbackIDs(m.vocab)
	}
	return m, m.vocab, nil
}

// step is the best way to reach a byte of the word.
type step struct {
	score float64
	from  int32 // where its last token begins, -1: not reached
	id    int32
}

// encode implements model.
func (m *unigram) encode(dst []int32, word string, sc *scratch) []int32 {
	h := hashWord(word)
	if ids, ok := m.cache.get(h, word); ok {
		return append(dst, ids...)
	}
	n := len(dst)
	dst = m.emit(dst, word, m.search(word, sc))
	m.cache.put(h, word, dst[n:])
	return dst
}

// search fills in the best way to every byte of word.
func (m *unigram) search(word string, sc *scratch) []step {
	steps := append(sc.steps[:0], make([]step, len(word)+1)...)
	for i := range steps {
		steps[i].from = -1
	}
	for at := 0; at < len(word); {
		here := steps[at].score
		_, size := utf8.DecodeRuneInString(word[at:])
		single := false // a token of this one character
		row := int32(0)
		for end := at; end < len(word); {
			if row = m.trie.child(row, word[end]); row < 0 {
				break
			}
			end++
			if id := m.trie.rows[row].id; id >= 0 {
				steps[end].improve(here+m.scores[id], at, id)
				single = single || end == at+size
			}
		}
		if !single {
			steps[at+size].improve(here+m.unkLow, at, m.unk)
		}
		at += size
	}
	sc.steps = steps
	return steps
}

// improve takes a way if it is better than the one known.
func (s *step) improve(score float64, from int, id int32) {
	if s.from < 0 || score > s.score {
		*s = step{score, int32(from), id}
	}
}

// emit appends the ids of the best way; a run of unknown characters is one token.
func (m *unigram) emit(dst []int32, word string, steps []step) []int32 {
	n := len(dst)
	for end := len(word); end > 0; {
		s := steps[end]
		from := int(s.from)
		for s.id == m.unk && from > 0 && steps[from].id == m.unk {
			from = int(steps[from].from)
		}
		dst = m.appendReversed(dst, word[from:end])
		end = from
	}
	slices.Reverse(dst[n:])
	return dst
}

// appendReversed appends the ids of a token of the best way, the last one first:
// unknown text is its bytes, if all have tokens, or the unknown token.
func (m *unigram) appendReversed(dst []int32, s string) []int32 {
	if id, ok := m.vocab[s]; ok {
		return append(dst, id)
	}
	if m.bytes == nil {
		return append(dst, m.unk)
	}
	n := len(dst)
	for i := len(s) - 1; i >= 0; i-- {
		if m.bytes[s[i]] < 0 {
			return append(dst[:n], m.unk)
		}
		dst = append(dst, m.bytes[s[i]])
	}
	return dst
}
