package study

import (
	"math"
	"strings"
)

// distinct is the share of distinct words and word pairs among those of all texts (Li et
// al. 2016), the mean over the prompts.
func distinct(texts [][]string) (one, two float64) {
	for _, t := range texts {
		one += distinctShare(t, 1) / float64(len(texts))
		two += distinctShare(t, 2) / float64(len(texts))
	}
	return one, two
}

func distinctShare(texts []string, n int) float64 {
	counts, total := map[string]int{}, 0
	for _, t := range texts {
		for g, c := range grams(strings.Fields(t), n) {
			counts[g] += c
			total += c
		}
	}
	if total == 0 {
		return 0
	}
	return float64(len(counts)) / float64(total)
}

// grams counts the runs of n words.
func grams(words []string, n int) map[string]int {
	out := map[string]int{}
	for i := 0; i+n <= len(words); i++ {
		out[strings.Join(words[i:i+n], " ")]++
	}
	return out
}

// bleuOrder is the longest run of words of BLEU.
const bleuOrder = 4

// meanSelfBLEU is the mean BLEU of each answer to a prompt against the other answers to it
// (Zhu et al. 2018): 1 where all are the same, near 0 where they share no word. [prompts][samples]
func meanSelfBLEU(texts [][]string) float64 {
	sum, n := 0.0, 0
	for _, answers := range texts {
		for i, a := range answers {
			var others [][]string
			for k, b := range answers {
				if k != i {
					others = append(others, strings.Fields(b))
				}
			}
			sum += bleu(strings.Fields(a), others)
			n++
		}
	}
	return sum / float64(n)
}

// bleu is sentence BLEU (Papineni et al. 2002) over the orders 1 to the smaller of 4 and the
// number of words, a precision of order 2 and on smoothed by one in both counts (Lin and Och
// 2004), with the brevity penalty against the reference nearest in length. Two empty texts are alike.
func bleu(words []string, references [][]string) float64 {
	if len(words) == 0 {
		for _, r := range references {
			if len(r) == 0 {
				return 1
			}
		}
		return 0
	}
	logs, orders := 0.0, min(bleuOrder, len(words))
	for n := 1; n <= orders; n++ {
		most := map[string]int{}
		for _, r := range references {
			for g, c := range grams(r, n) {
				most[g] = max(most[g], c)
			}
		}
		hits, total := 0, 0
		for g, c := range grams(words, n) {
			hits, total = hits+min(c, most[g]), total+c
		}
		if n > 1 {
			hits, total = hits+1, total+1
		}
		if hits == 0 {
			return 0
		}
		logs += math.Log(float64(hits)/float64(total)) / float64(orders)
	}
	nearest := len(references[0])
	for _, r := range references {
		d, best := len(r)-len(words), nearest-len(words)
		if d*d < best*best || d*d == best*best && len(r) < nearest {
			nearest = len(r)
		}
	}
	return math.Exp(min(0, 1-float64(nearest)/float64(len(words))) + logs)
}
