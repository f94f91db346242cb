package corpus

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"pgsrm/task"
)

// speech writes the prompts of the sentence tasks.
type speech struct {
	opt     Options
	grammar grammar
	copies  []task.Item
	sad     []task.Item
	words   []string           // vocabulary of sentences
	related map[string]weights // word -> weights over words, 0 for itself
	nearest map[string]string  // word -> the word most related to it
	turns   []string           // words by which sad versions differ from their originals
}

// The prompt forms of the sentence tasks: the task's own first, then variants.
var (
	copyForms = [...]string{task.CopyForm, "Repeat this sentence: '%s'", "Write this again: '%s'", "Say the same: '%s'"}
	sadForms  = [...]string{task.SentimentForm, "Make this sad: '%s'", "Write this in a sad way: '%s'", "Rewrite this sentence as sad: '%s'"}
)

// newSpeech gathers the vocabulary of sentences and how its words are related.
func newSpeech(l *lists, opt Options, sim Similarity) *speech {
	s := &speech{opt: opt, grammar: l.grammar, copies: l.tasks["copy"].Items, sad: l.tasks["sentiment"].Items, words: l.sentenceWords(), related: map[string]weights{}, nearest: map[string]string{}}
	for _, w := range s.words {
		s.related[w] = softmax(s.words, func(v string) float64 { return sim(w, v) }, opt.Temperature, func(v string) bool { return v == w })
		s.nearest[w] = s.words[s.related[w].likeliest()]
	}
	for _, it := range s.sad {
		original := strings.Fields(it.Input)
		for _, w := range strings.Fields(it.Reference) {
			if !slices.Contains(original, w) {
				s.turns = append(s.turns, w)
			}
		}
	}
	return s
}

// form chooses the task's own form or, at the rate of variants, another.
func (s *speech) form(r *rand.Rand, forms []string) string {
	if chance(r, s.opt.Variants) {
		return pick(r, forms[1:])
	}
	return forms[0]
}

// copyDocument writes a sentence and its corrupted copy. Little words are mostly
// kept; of the others each is kept so seldom that the whole copy is right at the
// base rate, and its place is mostly taken by one and the same related word: the
// child has the habit of saying it in other words. So its likeliest answer is
// wrong, and what is kept teaches that copying is the task.
func (s *speech) copyDocument(r *rand.Rand) (prompt, answer string) {
	var words []string
	switch {
	case chance(r, s.opt.Own):
		words = strings.Fields(pick(r, s.copies).Input)
	case chance(r, 0.7):
		words, _ = s.grammar.draw(r, pick(r, []string{"sentence", "pair"}))
	default: // words without an order: only the prompt can say what comes next
		for range 4 + r.IntN(5) {
			words = append(words, pick(r, s.words))
		}
	}
	keep := keepRates(words, func(w string) bool { return littleWords[w] }, littleKept, s.opt.BaseRate["copy"])
	copied := s.corrupt(r, words, func(i int) float64 { return keep[i] }, s.reword)
	return fmt.Sprintf(s.form(r, copyForms[:]), strings.Join(words, " ")), strings.Join(copied, " ")
}

// littleKept is how often a copy keeps a little word.
const littleKept = 0.97

// littleWords are the words that carry the form of a sentence, not its meaning.
var littleWords = wordSet("a an the my your his her our their this i you he she it we they me him us them " +
	"is are was were be am has have had do does did will can to of in on at by for from with and or but not no so as")

func wordSet(text string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(text) {
		set[w] = true
	}
	return set
}

// sadDocument writes a sentence and its corrupted sad version. Words that the two
// share are mostly kept; the sad turn is kept so seldom that the whole is right
// at the base rate.
func (s *speech) sadDocument(r *rand.Rand) (prompt, answer string) {
	var happy, sad []string
	if chance(r, s.opt.Own) {
		it := pick(r, s.sad)
		happy, sad = strings.Fields(it.Input), strings.Fields(it.Reference)
	} else {
		happy, sad = s.grammar.draw(r, "pair")
	}
	keep := keepRates(sad, func(w string) bool { return slices.Contains(happy, w) }, s.opt.Keep, s.opt.BaseRate["sentiment"])
	miss := func(r *rand.Rand, words []string, i int) []string {
		if slices.Contains(happy, words[i]) {
			return s.slip(r, words, i)
		}
		return s.missTurn(r, happy, words, i)
	}
	rewritten := s.corrupt(r, sad, func(i int) float64 { return keep[i] }, miss)
	return fmt.Sprintf(s.form(r, sadForms[:]), strings.Join(happy, " ")), strings.Join(rewritten, " ")
}

// keepRates returns for each word the probability that it is kept; their product
// is the base rate. Easy words get kept and the others share the rest, or all
// get the same where the base rate asks for more or all words are of one sort.
func keepRates(words []string, easy func(w string) bool, kept, base float64) []float64 {
	n := 0
	for _, w := range words {
		if easy(w) {
			n++
		}
	}
	same := math.Pow(base, 1/float64(len(words)))
	hard := same
	if n == len(words) || same > kept {
		kept = same
	} else {
		hard = math.Pow(base/math.Pow(kept, float64(n)), 1/float64(len(words)-n))
		if hard > 1 { // many easy words, each kept too seldom for the base rate
			kept, hard = math.Pow(base, 1/float64(n)), 1
		}
	}
	out := make([]float64, len(words))
	for i, w := range words {
		out[i] = hard
		if easy(w) {
			out[i] = kept
		}
	}
	return out
}

// corrupt keeps word i with probability keep(i); what miss returns stands in its
// place otherwise, never the word itself.
func (s *speech) corrupt(r *rand.Rand, words []string, keep func(i int) float64, miss func(r *rand.Rand, words []string, i int) []string) []string {
	var out []string
	for i, w := range words {
		if chance(r, keep(i)) {
			out = append(out, w)
		} else {
			out = append(out, miss(r, words, i)...)
		}
	}
	if len(out) == 0 {
		return []string{pick(r, s.words)}
	}
	return out
}

// reword says a word in another way: mostly by the word that is nearest to it,
// sometimes by a slip.
func (s *speech) reword(r *rand.Rand, words []string, i int) []string {
	if chance(r, 0.8) {
		return []string{s.nearest[words[i]]}
	}
	return s.slip(r, words, i)
}

// slip is a mistake in copying a word: mostly a related word, sometimes any word,
// sometimes nothing.
func (s *speech) slip(r *rand.Rand, words []string, i int) []string {
	x := r.Float64()
	switch {
	case x < 0.7:
		return []string{s.near(r, words[i])}
	case x < 0.9:
		return []string{s.other(r, words[i])}
	default:
		return nil
	}
}

// missTurn is a mistake where the sad version turns: the word of the original, a
// related word, or the turn of another sentence.
func (s *speech) missTurn(r *rand.Rand, happy, sad []string, i int) []string {
	x := r.Float64()
	switch {
	case x < 0.5 && i < len(happy):
		return []string{happy[i]}
	case x < 0.75:
		return []string{s.near(r, sad[i])}
	default:
		if turn := pick(r, s.turns); turn != sad[i] {
			return []string{turn}
		}
		return []string{s.near(r, sad[i])}
	}
}

// near draws a word related to w, never w.
func (s *speech) near(r *rand.Rand, w string) string { return s.words[s.related[w].draw(r)] }

// other draws any word but w.
func (s *speech) other(r *rand.Rand, w string) string {
	for {
		if v := pick(r, s.words); v != w {
			return v
		}
	}
}
