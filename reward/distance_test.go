package reward

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestDistancesByHand(t *testing.T) {
	for _, c := range []struct {
		name      string
		got, want float64
	}{
		{"levenshtein equal", levenshtein("cold", "cold"), 1},
		{"levenshtein of nothing", levenshtein("", ""), 1},
		{"levenshtein empty", levenshtein("", "cold"), 0},
		{"levenshtein", levenshtein("kitten", "sitting"), 1 - 3./7},
		{"levenshtein code points", levenshtein("né", "ne"), .5},
		{"levenshtein case", levenshtein("A", "a"), 0},
		{"rouge_l", rougeL("the cat was found under the bed", "the cat was under the bed"), 2 * (6. / 7) / (6./7 + 1)},
		{"rouge_l order", rougeL("c b a", "a b c"), 1. / 3},
		{"rouge_l case and signs", rougeL("The CAT!", "the cat"), 1},
		{"rouge_l of nothing", rougeL("", ""), 0},
		{"rouge_l other letters", rougeL("冷たい", "冷たい"), 0},
		{"bleu equal", bleu("the cat sat down", "the cat sat down"), 1},
		{"bleu short", bleu("cold", "cold"), 1},
		{"bleu none", bleu("hot", "cold"), 0},
		{"bleu", bleu("the cat", "the dog"), math.Sqrt(1. / 2 * 1 / 2)}, // 1 of 2, 0 of 1: smoothed 1/2
		{"bleu brevity", bleu("the cat", "the cat sat down"), math.Exp(1 - 4./2)},
		{"bleu signs", bleu("the cat.", "the cat ."), 1},
	} {
		if math.Abs(c.got-c.want) > 1e-12 {
			t.Errorf("%s: got %v, want %v", c.name, c.got, c.want)
		}
	}
}

// The bit-parallel algorithms equal the tables that define them.
func TestDistancesEqualTheirTables(t *testing.T) {
	list := rapid.SliceOfN(rapid.IntRange(0, 3), 0, 200)
	rapid.Check(t, func(t *rapid.T) {
		a, b := list.Draw(t, "a"), list.Draw(t, "b")
		edits, common := make([]int, len(b)+1), make([]int, len(b)+1)
		for j := range edits {
			edits[j] = j
		}
		for i, x := range a {
			beforeEdits, beforeCommon := edits[0], 0
			edits[0] = i + 1
			for j, y := range b {
				e, c := edits[j+1], common[j+1]
				if x == y {
					edits[j+1], common[j+1] = beforeEdits, beforeCommon+1
				} else {
					edits[j+1] = 1 + min(e, edits[j], beforeEdits)
					common[j+1] = max(c, common[j])
				}
				beforeEdits, beforeCommon = e, c
			}
		}
		if got := editDistance(a, b); got != edits[len(b)] {
			t.Fatalf("distance: got %d, want %d", got, edits[len(b)])
		}
		if got := commonSubsequence(a, b); got != common[len(b)] {
			t.Fatalf("common subsequence: got %d, want %d", got, common[len(b)])
		}
	})
}

func TestTargetLengthByHand(t *testing.T) {
	m := mustModel(t, "length(target=4)", nil)
	for response, want := range map[string]float64{"a b c d": 1, "a b": .5, "a, b; c d e f g h": .5, "!": 0} {
		if got := m.Score(t.Context(), []Sample{{Response: response, Reference: "x"}})[0].Reward; got != want {
			t.Errorf("%q: got %v, want %v", response, got, want)
		}
	}
}

func BenchmarkLongest(b *testing.B) {
	one, two := make([]rune, maxUnits), make([]rune, maxUnits)
	for i := range one {
		one[i], two[i] = rune('a'+i%26), rune('a'+i*i%26)
	}
	b.Run("levenshtein", func(b *testing.B) {
		for b.Loop() {
			editDistance(one, two)
		}
	})
	b.Run("rouge_l", func(b *testing.B) {
		for b.Loop() {
			commonSubsequence(one, two)
		}
	})
}

// Texts that are compared place by place have the common n-grams that counting gives.
func TestCommonGramsBothWays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SliceOfN(rapid.RuneFrom([]rune("abc")), 0, 60)
		c, p := text.Draw(t, "c"), text.Draw(t, "p")
		got := commonRuns(c, p)
		for n := 1; n <= chrfOrder; n++ {
			if want := commonGramsOf(c, p, n); got[n-1] != want {
				t.Fatalf("n = %d: got %d, want %d", n, got[n-1], want)
			}
		}
	})
}
