package tokenizer

import (
	"container/heap"
	"errors"
	"fmt"
	"slices"
)

// TrainBPE learns a byte-level BPE tokenizer of vocabSize tokens from texts
// (Sennrich et al., arXiv 1508.07909; GPT-2's pre-tokenizer). The ids are, in
// order: the special tokens, the 256 bytes in the order of their characters in
// the byte alphabet, then one token for each merge. The commonest pair is merged
// first; of equally common ones that with the smallest ids. Fewer tokens come
// out if the texts have no pairs left. The result does not depend on the order
// of texts.
func TrainBPE(texts []string, vocabSize int, special []string) (*Tokenizer, error) {
	tr, err := newTrainer(vocabSize, special)
	if err != nil {
		return nil, err
	}
	tr.count(texts)
	tr.start()
	for len(tr.tokens) < vocabSize && tr.mergeBest() {
	}
	data, err := tr.json(len(special))
	if err != nil {
		return nil, fmt.Errorf("tokenizer: %w", err)
	}
	return Parse(data)
}

// trainer is the state of TrainBPE.
type trainer struct {
	tokens []string         // [vocabulary so far] spelt in the byte alphabet
	ids    map[string]int32 // token to id
	bytes  [256]int32       // id of each byte
	merges [][2]int32

	words  [][]int32           // [distinct words] symbols
	counts []int64             // [distinct words] how often the word occurs
	texts  map[string]int64    // distinct words before start
	pairs  map[[2]int32]*tPair // pairs that occur, or did
	queue  pairQueue
}

// tPair is a pair of neighbouring symbols.
type tPair struct {
	pair  [2]int32
	count int64          // occurrences, weighted by the words' counts
	words map[int32]bool // words that contain it, or did
	at    int            // place in the queue, -1 outside
}

func newTrainer(vocabSize int, special []string) (*trainer, error) {
	if least := 256 + len(special); vocabSize < least {
		return nil, fmt.Errorf("tokenizer: vocabulary must have room for 256 bytes and the special tokens, %d in all (got %d)", least, vocabSize)
	}
	tr := &trainer{ids: map[string]int32{}, texts: map[string]int64{}, pairs: map[[2]int32]*tPair{}}
	for _, s := range special {
		if _, twice := tr.ids[s]; twice || s == "" {
			return nil, fmt.Errorf("tokenizer: special tokens must be distinct and not empty (got %q)", special)
		}
		tr.token(s)
	}
	alphabet := byteRune
	slices.Sort(alphabet[:])
	for _, r := range alphabet {
		if _, taken := tr.ids[string(r)]; taken {
			return nil, errors.New("tokenizer: special tokens must be longer than one byte")
		}
		tr.bytes[runeByte[r]] = tr.token(string(r))
	}
	return tr, nil
}

// token returns the id of a token, a new one if it has none.
func (tr *trainer) token(s string) int32 {
	id, ok := tr.ids[s]
	if !ok {
		id = int32(len(tr.tokens))
		tr.ids[s] = id
		tr.tokens = append(tr.tokens, s)
	}
	return id
}

// count adds the words of the texts.
func (tr *trainer) count(texts []string) {
	scan := scannerOf(PatternGPT2)
	for _, text := range texts {
		text = validText(text)
		for i := 0; i < len(text); {
			j := scan(text, i)
			tr.texts[text[i:j]]++
			i = j
		}
	}
}

// start spells the words as bytes and counts their pairs.
func (tr *trainer) start() {
	words := make([]string, 0, len(tr.texts))
	for w := range tr.texts {
		words = append(words, w)
	}
	slices.Sort(words) // no order of a map in what follows
	for w, word := range words {
		symbols := make([]int32, len(word))
		for i := range symbols {
			symbols[i] = tr.bytes[word[i]]
		}
		tr.words = append(tr.words, symbols)
		tr.counts = append(tr.counts, tr.texts[word])
		for i := 1; i < len(symbols); i++ {
			tr.add(symbols[i-1], symbols[i], int32(w), 1)
		}
	}
}

// add counts n more occurrences (or fewer) of a pair in a word.
func (tr *trainer) add(left, right, word int32, n int64) {
	key := [2]int32{left, right}
	p := tr.pairs[key]
	if p == nil {
		p = &tPair{pair: key, words: map[int32]bool{}, at: -1}
		tr.pairs[key] = p
	}
	p.count += n * tr.counts[word]
	if n > 0 {
		p.words[word] = true
	}
	if p.at < 0 {
		heap.Push(&tr.queue, p)
	} else {
		heap.Fix(&tr.queue, p.at)
	}
}

// mergeBest merges the commonest pair in all words; false if none is left.
func (tr *trainer) mergeBest() bool {
	if len(tr.queue) == 0 || tr.queue[0].count < 1 {
		return false
	}
	best := tr.queue[0]
	id := tr.token(tr.tokens[best.pair[0]] + tr.tokens[best.pair[1]])
	tr.merges = append(tr.merges, best.pair)
	words := make([]int32, 0, len(best.words))
	for w := range best.words {
		words = append(words, w)
	}
	slices.Sort(words)
	for _, w := range words {
		tr.mergeWord(w, best.pair, id)
	}
	heap.Remove(&tr.queue, best.at)
	delete(tr.pairs, best.pair)
	return true
}

// mergeWord joins every occurrence of a pair in one word, from the left, and
// recounts the pairs beside them.
func (tr *trainer) mergeWord(w int32, pair [2]int32, id int32) {
	s := tr.words[w]
	for i := 0; i+1 < len(s); i++ {
		if s[i] != pair[0] || s[i+1] != pair[1] {
			continue
		}
		if i > 0 {
			tr.add(s[i-1], s[i], w, -1)
			tr.add(s[i-1], id, w, 1)
		}
		if i+2 < len(s) {
			tr.add(s[i+1], s[i+2], w, -1)
			tr.add(id, s[i+2], w, 1)
		}
		s[i] = id
		s = slices.Delete(s, i+1, i+2)
	}
	tr.words[w] = s
}

// pairQueue is a heap: the commonest pair first, then the smallest ids.
type pairQueue []*tPair

func (q pairQueue) Len() int { return len(q) }

func (q pairQueue) Less(i, j int) bool {
	a, b := q[i], q[j]
	if a.count != b.count {
		return a.count > b.count
	}
	return a.pair[0] < b.pair[0] || a.pair[0] == b.pair[0] && a.pair[1] < b.pair[1]
}

func (q pairQueue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].at, q[j].at = i, j
}

func (q *pairQueue) Push(x any) {
	p := x.(*tPair)
	p.at = len(*q)
	*q = append(*q, p)
}

func (q *pairQueue) Pop() any {
	last := len(*q) - 1
	p := (*q)[last]
	*q, p.at = (*q)[:last], -1
	return p
}
