package reward

// chrF of Popović 2015 ("chrF: character n-gram F-score for automatic MT
// evaluation"), with the defaults of sacreBLEU: n-grams of 1 to 6 characters,
// white space removed, recall weighted beta = 2.
const (
	chrfOrder = 6
	chrfBeta  = 2
)

// ChrF is the character n-gram F-score of a response, 0..1 (sacreBLEU prints 100
// times that). Precision and recall are averaged over the orders for which both
// texts are long enough. Case counts; two texts without a common order score 0.
func ChrF(response, reference string) float64 {
	c, p := letters(response), letters(reference)
	var precision, recall float64
	orders := 0
	common := commonGrams(c, p)
	for n := 1; n <= chrfOrder && n <= len(c) && n <= len(p); n++ {
		match := float64(common[n-1])
		precision += match / float64(len(c)-n+1)
		recall += match / float64(len(p)-n+1)
		orders++
	}
	if precision+recall == 0 {
		return 0
	}
	precision, recall = precision/float64(orders), recall/float64(orders)
	const b2 = chrfBeta * chrfBeta
	return (1 + b2) * precision * recall / (b2*precision + recall)
}

// letters are the characters of a text without white space.
func letters(s string) []rune {
	out := make([]rune, 0, len(s))
	for _, r := range s {
		if !isBlank(r) {
			out = append(out, r)
		}
	}
	return out
}

// commonGrams counts, for n = 1 to chrfOrder, the n-grams of c that p has too, each as often
// as in the text that has it less often.
func commonGrams[T comparable](c, p []T) (common [chrfOrder]int) {
	if len(c)*len(p) <= shortTexts {
		return commonRuns(c, p)
	}
	for n := 1; n <= chrfOrder; n++ {
		if common[n-1] = commonGramsOf(c, p, n); common[n-1] == 0 {
			break
		}
	}
	return common
}

// shortTexts is up to which product of lengths texts are compared place by place, which
// makes nothing on the heap.
const shortTexts = 1 << 13

// commonRuns is commonGrams by the length of the common run that begins at each place of c
// and of p: n-grams are equal where it is n or more.
func commonRuns[T comparable](c, p []T) (common [chrfOrder]int) {
	var room [shortTexts]uint8
	runs := room[:len(c)*len(p)] // [len(c)][len(p)], at most chrfOrder
	var longest [shortTexts]uint8
	for i := len(c) - 1; i >= 0; i-- {
		row := runs[i*len(p) : (i+1)*len(p)]
		for j, x := range p {
			if x != c[i] {
				continue
			}
			row[j] = 1
			if i+1 < len(c) && j+1 < len(p) {
				row[j] = min(chrfOrder, 1+runs[(i+1)*len(p)+j+1])
			}
			longest[i] = max(longest[i], row[j])
		}
	}
	var taken [shortTexts]uint8 // [len(p)] the n of which the n-gram there has its match
	for n := uint8(1); n <= chrfOrder; n++ {
		for i := range c {
			if longest[i] < n {
				continue
			}
			for j, run := range runs[i*len(p) : (i+1)*len(p)] {
				if run >= n && taken[j] < n {
					taken[j] = n
					common[n-1]++
					break
				}
			}
		}
		if common[n-1] == 0 {
			break
		}
	}
	return common
}

// commonGramsOf is commonGrams for one n, of texts of any length.
func commonGramsOf[T comparable](c, p []T, n int) int {
	count := map[[chrfOrder]T]int{}
	for i := 0; i+n <= len(p); i++ {
		count[gram(p[i:i+n])]++
	}
	common := 0
	for i := 0; i+n <= len(c); i++ {
		if g := gram(c[i : i+n]); count[g] > 0 {
			count[g]--
			common++
		}
	}
	return common
}

// gram is an n-gram as a map key, of at most chrfOrder tokens; all n-grams of one count have
// equal length.
func gram[T comparable](tokens []T) (g [chrfOrder]T) {
	copy(g[:], tokens)
	return g
}
