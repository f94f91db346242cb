package reward

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// chrF by hand. "abc" for "abd": 1-grams match 2 of 3, 2-grams 1 of 2, 3-grams 0
// of 1, so precision = recall = (2/3+1/2+0)/3 = 7/18 and F is the same. "ab" for
// "abcd": orders 1, 2: precision 1, recall (2/4+1/3)/2 = 5/12, F2 = 5*P*R/(4P+R).
func TestChrFByHand(t *testing.T) {
	for _, c := range []struct {
		response, reference string
		want                float64
	}{
		{"abc", "abd", 7. / 18},
		{"ab", "abcd", 5 * (5. / 12) / (4 + 5./12)},
		{"abcd", "ab", 5 * (5. / 12) / (4*5./12 + 1)},
		{"a b c", "ab c", 1},
		{"aaa", "a", 5 * (1. / 3) / (4./3 + 1)}, // one match only: precision 1/3, recall 1
		{"", "a", 0},
		{"a", "", 0},
		{"xyz", "abc", 0},
	} {
		if got := ChrF(c.response, c.reference); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%q for %q: got %v, want %v", c.response, c.reference, got, c.want)
		}
	}
}

func TestChrFProperties(t *testing.T) {
	text := rapid.StringMatching(`[a-d ]{1,20}`)
	rapid.Check(t, func(t *rapid.T) {
		c, p := text.Draw(t, "c"), text.Draw(t, "p")
		f := ChrF(c, p)
		if f < 0 || f > 1 {
			t.Fatalf("must be 0..1 (got %v)", f)
		}
		if got := ChrF(strings.ReplaceAll(c, " ", "   "), p); got != f {
			t.Fatalf("blanks must not count (got %v and %v)", f, got)
		}
		if strings.TrimSpace(p) != "" && ChrF(p, p) < 1-1e-12 {
			t.Fatalf("a text must earn 1 for itself (got %v)", ChrF(p, p))
		}
	})
}

func TestShapingByHand(t *testing.T) {
	for _, c := range []struct {
		name      string
		got, want float64
	}{
		{"length equal", length("one, two", "three four"), 1},
		{"length half", length("one", "three four"), .5},
		{"length double", length("a b c d", "three four"), .5},
		{"length none", length("...", "three"), 0},
		{"no repetition", repetition("the dog and the cat"), 0},
		{"repetition", repetition("sad sad sad sad"), -2. / 3}, // three pairs, one distinct
		{"short", repetition("sad"), 0},
		{"copied word", copyPenalty("red and blue is", "red", "purple"), -1},
		{"wanted copy", copyPenalty("Copy: 'a b c d'", "a b c d", "a b c d"), 0},
		{"half copied", copyPenalty("as sad: 'i love my new job'", "i love my old job", "i lost my job"), -1. / 3}, // i love my | love my old | my old job
		{"own words", copyPenalty("as sad: 'i love my job'", "he lost it", "i lost my job"), 0},
		{"no word", copyPenalty("a", "!", "b"), 0},
	} {
		if math.Abs(c.got-c.want) > 1e-12 {
			t.Errorf("%s: got %v, want %v", c.name, c.got, c.want)
		}
	}
}
