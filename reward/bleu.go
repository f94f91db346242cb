package reward

import (
	"math"
	"regexp"
	"strings"
	"unicode"
)

// bleuOrder is the longest n-gram of BLEU.
const bleuOrder = 4

// bleu is BLEU of one sentence (Papineni et al. 2002), 0..1, as sacreBLEU's sentence_bleu
// has it by default: tokens of mteval-v13a, case counts, orders that the response is too
// short for left out, and the precision of the k-th order without a match 1/(2^k n).
func bleu(response, reference string) float64 {
	c, p := tokens13a(response), tokens13a(reference)
	if len(c) == 0 {
		return 0
	}
	var sum float64
	matched, orders, smooth := false, 0, 1.
	common := commonGrams(c, p)
	for n := 1; n <= min(bleuOrder, len(c)); n++ {
		total := float64(len(c) - n + 1)
		match := float64(common[n-1])
		if match > 0 {
			matched = true
		} else {
			smooth *= 2
			match = 1 / smooth
		}
		sum += math.Log(match / total)
		orders++
	}
	if !matched {
		return 0
	}
	short := 1.
	if len(c) < len(p) {
		short = math.Exp(1 - float64(len(p))/float64(len(c)))
	}
	return short * math.Exp(sum/float64(orders))
}

// The rules of mteval-v13a, in this order: entities are read; signs are tokens; a full stop or comma is one
// unless digits stand on both sides; a hyphen is one behind a digit.
var (
	marks13a = [][2]string{{"<skipped>", ""}, {"-\n", ""}, {"\n", " "}, {"&quot;", `"`}, {"&amp;", "&"}, {"&lt;", "<"}, {"&gt;", ">"}}
	rules13a = []struct {
		find *regexp.Regexp
		put  string
	}{
		{regexp.MustCompile("([{-~\\[-` -&(-+:-@/])"), " $1 "},
		{regexp.MustCompile(`([^0-9])([.,])`), "$1 $2 "},
		{regexp.MustCompile(`([.,])([^0-9])`), " $1 $2"},
		{regexp.MustCompile(`([0-9])(-)`), "$1 $2 "},
	}
)

func tokens13a(text string) []string {
	text = strings.TrimRightFunc(text, isBlank)
	for _, r := range marks13a {
		text = strings.ReplaceAll(text, r[0], r[1])
	}
	text = " " + text + " "
	for _, r := range rules13a {
		text = r.find.ReplaceAllString(text, r.put)
	}
	return strings.FieldsFunc(text, isBlank)
}

// isBlank is what Python's str.split cuts at.
func isBlank(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f }
