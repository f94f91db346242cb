package reward

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
)

// Search bounds the search for wrong answers that earn much.
type Search struct {
	Vocabulary []string // texts of the child's tokens; none: no search
	Tokens     int      // tried at each extension of an answer
	Seed       uint64   // chooses them
}

// Bounds of the search.
const (
	searchPrompts    = 20
	searchExtensions = 4 // tokens of an answer
	searchShown      = 5
)

// BestWrong is what the best wrong answers earn that were found for single prompts, and the
// first of them. An answer that has the reference or an accepted answer in it, or the
// number of a reference that is one, does not count as wrong.
type BestWrong struct {
	Tried
	Scored   int           `json:"scored"` // answers that were tried
	Examples []WrongAnswer `json:"examples"`
}

// WrongAnswer is one that was found.
type WrongAnswer struct {
	Prompt    string  `json:"prompt"`
	Reference string  `json:"reference"`
	Answer    string  `json:"answer"`
	Reward    float64 `json:"reward"`
}

// kindWrong is the kind of an answer that was searched for.
const kindWrong = "wrong"

// bestWrong extends an empty answer to each of some prompts token by token, by that of the
// tried ones with which it earns most while it stays wrong, as long as it earns more each
// time; nil where nothing is to be searched or found. The responses of samples are
// their references.
func bestWrong(ctx context.Context, m *Model, samples []Sample, o Search) *BestWrong {
	samples = spread(samples, searchPrompts)
	if len(o.Vocabulary) == 0 || o.Tokens < 1 || len(samples) == 0 {
		return nil
	}
	correct := m.Score(ctx, samples)
	found, best, ended := slices.Clone(samples), make([]float64, len(samples)), make([]bool, len(samples))
	for i := range found {
		found[i].Response = ""
	}
	out := &BestWrong{}
	for step := range uint64(searchExtensions) {
		tokens := chooseTokens(o, step)
		for i := range samples {
			if ended[i] {
				continue
			}
			out.Scored += len(tokens)
			text, paid := m.extend(ctx, found[i], tokens)
			if ended[i] = text == "" || paid <= best[i]; !ended[i] {
				found[i].Response, best[i] = text, paid
			}
		}
		if ctx.Err() != nil {
			return nil
		}
	}
	out.Tried = m.earn(ctx, found, correct).tried(kindWrong)
	for i, s := range found {
		if s.Response != "" {
			out.Examples = append(out.Examples, WrongAnswer{s.Prompt, trim(s.Reference), s.Response, best[i]})
		}
	}
	slices.SortStableFunc(out.Examples, func(a, b WrongAnswer) int { return cmp.Compare(b.Reward, a.Reward) })
	out.Examples = out.Examples[:min(searchShown, len(out.Examples))]
	if len(out.Examples) > 0 {
		out.Example = out.Examples[0].Answer
	}
	return out
}

// chooseTokens are the tokens of an extension: all, or as many as are to be tried.
func chooseTokens(o Search, step uint64) []string {
	if len(o.Vocabulary) <= o.Tokens {
		return o.Vocabulary
	}
	order := rand.New(rand.NewPCG(o.Seed, step)).Perm(len(o.Vocabulary))[:o.Tokens]
	out := make([]string, o.Tokens)
	for k, at := range order {
		out[k] = o.Vocabulary[at]
	}
	return out
}

// extend is the response of a sample with the token behind it with which it earns most
// while it is wrong, the first of equals; "" where none is wrong and has a reward.
func (m *Model) extend(ctx context.Context, s Sample, tokens []string) (text string, paid float64) {
	begin := s.Response
	for some := range slices.Chunk(tokens, constantLot) {
		lot := make([]Sample, len(some))
		for k, token := range some {
			lot[k] = s
			lot[k].Response = begin + token
		}
		for k, score := range m.Score(ctx, lot) {
			if score.Err == nil && !score.Right && (text == "" || score.Reward > paid) && m.wrong(lot[k]) {
				text, paid = lot[k].Response, score.Reward
			}
		}
	}
	return text, paid
}

// wrong tells that a response is not the right answer with something beside it.
func (m *Model) wrong(s Sample) bool {
	for _, right := range append([]string{s.Reference}, s.Accepted...) {
		if saysWords(s.Response, right) || isNumber(trim(right)) && numeric(s.Response, right, 0) {
			return false
		}
	}
	return true
}
