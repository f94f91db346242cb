package reward

import (
	"slices"
	"strings"

	"pgsrm/task"
)

// textTerm is the value of a term that needs no vectors.
func (m *Model) textTerm(t Term, s Sample) float64 {
	switch t.Kind {
	case "contains":
		return truth(m.contains(t.Text, s))
	case "ended":
		if s.Cut {
			return 0
		}
		return 1
	case "brevity":
		return brevity(s.Response, s.Reference)
	case "overlap":
		return overlap(s.Input, s.Reference)
	case "chrf":
		return ChrF(task.Normalize(s.Response), task.Normalize(s.Reference))
	case "numeric":
		return truth(slices.ContainsFunc(append([]string{s.Reference}, s.Accepted...), func(a string) bool { return numeric(s.Response, a, t.Tol) }))
	case "levenshtein":
		return levenshtein(task.Normalize(s.Response), task.Normalize(s.Reference))
	case "rouge_l":
		return rougeL(s.Response, s.Reference)
	case "bleu":
		return bleu(task.Normalize(s.Response), task.Normalize(s.Reference))
	case "length":
		if t.Target > 0 {
			return targetLength(s.Response, t.Target)
		}
		return length(s.Response, s.Reference)
	case "repetition":
		return repetition(s.Response)
	default: // copy_penalty
		return copyPenalty(s.Prompt, s.Response, s.Reference)
	}
}

// length compares the numbers of words: the smaller over the larger, 1 for equal
// length, 0 where one of the two has no word.
func length(response, reference string) float64 {
	c, p := len(splitWords(response)), len(splitWords(reference))
	if c == 0 || p == 0 {
		return 0
	}
	return float64(min(c, p)) / float64(max(c, p))
}

// targetLength compares the number of words with a target in the same way.
func targetLength(response string, target float64) float64 {
	c := float64(len(splitWords(response)))
	return min(c, target) / max(c, target)
}

// brevity is the number of words of the reference over that of the response, at most 1;
// 0 for a response without a word.
func brevity(response, reference string) float64 {
	c, p := len(splitWords(response)), len(splitWords(reference))
	if c == 0 {
		return 0
	}
	return min(1, float64(p)/float64(c))
}

// repetition is minus the share of the response's word pairs that stood in it
// before: 0 without repetition, towards -1 for one phrase over and over.
func repetition(response string) float64 {
	pairs := wordGrams(response, 2)
	if len(pairs) == 0 {
		return 0
	}
	distinct := map[string]bool{}
	for _, g := range pairs {
		distinct[g] = true
	}
	return -float64(len(pairs)-len(distinct)) / float64(len(pairs))
}

// copyPenalty is minus the share of the response's word triples (fewer words:
// the whole response) that stand in the prompt but not in the reference.
func copyPenalty(prompt, response, reference string) float64 {
	n := min(3, len(splitWords(response)))
	grams := wordGrams(response, n)
	if len(grams) == 0 {
		return 0
	}
	inPrompt, inReference := gramSet(prompt, n), gramSet(reference, n)
	copied := 0
	for _, g := range grams {
		if inPrompt[g] && !inReference[g] {
			copied++
		}
	}
	return -float64(copied) / float64(len(grams))
}

// overlap is the share of the reference's words that stand in the input too: it says of a
// task, not of an answer, whether the input changed little is an answer.
func overlap(input, reference string) float64 {
	words := splitWords(reference)
	if len(words) == 0 {
		return 0
	}
	asked := make(map[string]bool, len(words))
	for _, w := range words {
		asked[w] = false
	}
	for _, w := range splitWords(input) {
		if _, ok := asked[w]; ok {
			asked[w] = true
		}
	}
	n := 0
	for _, w := range words {
		if asked[w] {
			n++
		}
	}
	return float64(n) / float64(len(words))
}

// wordGrams lists the runs of n words of a text, in order.
func wordGrams(text string, n int) []string {
	w := splitWords(text)
	if n < 1 || len(w) < n {
		return nil
	}
	out := make([]string, 0, len(w)-n+1)
	for i := 0; i+n <= len(w); i++ {
		out = append(out, strings.Join(w[i:i+n], " "))
	}
	return out
}

func gramSet(text string, n int) map[string]bool {
	out := map[string]bool{}
	for _, g := range wordGrams(text, n) {
		out[g] = true
	}
	return out
}
