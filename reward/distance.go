package reward

import (
	"regexp"
	"strings"
)

// maxUnits is how many code points (levenshtein) or words (rouge_l) of a text are compared;
// of longer ones the beginning. Two of that length take less than a tenth of a second.
const maxUnits = 20_000

// levenshtein is 1 - d/n with d the least number of code points to insert, delete or
// replace and n those of the longer text, as rapidfuzz's and python-Levenshtein's
// normalized_similarity of Levenshtein distance. Two empty texts have 1.
func levenshtein(response, reference string) float64 {
	c, p := []rune(response), []rune(reference)
	c, p = c[:min(len(c), maxUnits)], p[:min(len(p), maxUnits)]
	longer := max(len(c), len(p))
	if longer == 0 {
		return 1
	}
	return 1 - float64(editDistance(c, p))/float64(longer)
}

// rougeL is the F1 of the longest common subsequence of words (Lin 2004), as Google's
// rouge-score has it without stemming: words are runs of a-z and 0-9 after lower-casing,
// so that texts in other letters have none and 0.
func rougeL(response, reference string) float64 {
	c, p := rougeWords(response), rougeWords(reference)
	c, p = c[:min(len(c), maxUnits)], p[:min(len(p), maxUnits)]
	n := float64(commonSubsequence(c, p))
	if n == 0 {
		return 0
	}
	precision, recall := n/float64(len(c)), n/float64(len(p))
	return 2 * precision * recall / (precision + recall)
}

var rougeWord = regexp.MustCompile("[a-z0-9]+")

// rougeWords cuts a text; İ in lower case is i and a dot above, as in Python.
func rougeWords(text string) []string {
	return rougeWord.FindAllString(strings.ToLower(strings.ReplaceAll(text, "İ", "i\u0307")), -1)
}

// editDistance is the Levenshtein distance by the bit-parallel algorithm of Myers 1999 in
// the form of Hyyrö 2003: the rows of the table in blocks of 64, one block after the other
// over all columns, so that memory is linear.
func editDistance[T comparable](rows, columns []T) int {
	if len(rows) == 0 || len(columns) == 0 {
		return max(len(rows), len(columns))
	}
	row, column, symbols := numbered(rows, columns)
	plus := make([]bool, len(column)) // whether the row above the block grows by 1 at a column
	minus := make([]bool, len(column))
	for j := range plus {
		plus[j] = true
	}
	distance := len(rows)
	match := make([]uint64, symbols)
	for from := 0; from < len(row); from += 64 {
		block := row[from:min(from+64, len(row))]
		for i, r := range block {
			match[r] |= 1 << i
		}
		last := uint64(1) << (len(block) - 1)
		pv, mv := ^uint64(0), uint64(0) // vertical differences +1 and -1
		for j, c := range column {
			eq := match[c]
			xv := eq | mv
			if minus[j] {
				eq |= 1
			}
			xh := ((eq & pv) + pv ^ pv) | eq
			ph, mh := mv|^(xh|pv), pv&xh
			up, down := ph&last != 0, mh&last != 0
			ph, mh = ph<<1, mh<<1
			if minus[j] {
				mh |= 1
			} else if plus[j] {
				ph |= 1
			}
			pv, mv = mh|^(xv|ph), ph&xv
			plus[j], minus[j] = up, down
		}
		for _, r := range block {
			match[r] = 0
		}
	}
	for j := range column { // along the last row
		if plus[j] {
			distance++
		} else if minus[j] {
			distance--
		}
	}
	return distance
}

// commonSubsequence is the length of the longest common subsequence, bit-parallel
// (Hyyrö 2004), in blocks as above: a bit that is 0 is a row where the length grows.
func commonSubsequence[T comparable](rows, columns []T) int {
	row, column, symbols := numbered(rows, columns)
	carry := make([]bool, len(column)) // of the addition in the block above
	match := make([]uint64, symbols)
	length := 0
	for from := 0; from < len(row); from += 64 {
		block := row[from:min(from+64, len(row))]
		for i, r := range block {
			match[r] |= 1 << i
		}
		s := ^uint64(0)
		for j, c := range column {
			u := s & match[c]
			sum := s + u
			out := sum < s
			if carry[j] {
				sum++
				out = out || sum == 0
			}
			carry[j] = out
			s = sum | (s &^ u)
		}
		for i, r := range block {
			match[r] = 0
			if s>>i&1 == 0 {
				length++
			}
		}
	}
	return length
}

// numbered gives each symbol of two sequences a number below symbols.
func numbered[T comparable](a, b []T) (numbersA, numbersB []int32, symbols int) {
	known := map[T]int32{}
	number := func(list []T) []int32 {
		out := make([]int32, len(list))
		for i, x := range list {
			n, ok := known[x]
			if !ok {
				n = int32(len(known))
				known[x] = n
			}
			out[i] = n
		}
		return out
	}
	numbersA, numbersB = number(a), number(b)
	return numbersA, numbersB, len(known)
}
