package eval

import (
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"gonum.org/v1/gonum/stat/distuv"

	"pgsrm/stats"
	"pgsrm/task"
)

// Difference compares one measure of two children on the same prompts.
type Difference struct {
	Metric     string      `json:"metric"`     // its name in Result
	A          float64     `json:"a"`          // of the first child
	B          float64     `json:"b"`          // of the second
	Difference float64     `json:"difference"` // B - A
	CI95       *[2]float64 `json:"ci95"`       // null with fewer than two prompts
	Prompts    *Prompts    `json:"prompts,omitempty"`
}

// Prompts counts the prompts at which the second child is better, as good, or worse.
type Prompts struct {
	Better int `json:"better"`
	Same   int `json:"same"`
	Worse  int `json:"worse"`
}

// resamples is the number of bootstrap samples of an interval.
const resamples = 10_000

// Compare compares two children, b with a, whose answers are to the same items in the
// same order. Intervals of means are percentiles of the paired bootstrap (Efron 1979):
// the prompts are drawn with replacement, both children's answers to a prompt together.
// For distinct-n, which counts repetitions and so must not repeat answers, they are
// those of the paired jackknife. The seed is that of the draws.
func Compare(a, b Measured, seed uint64) ([]Difference, error) {
	if len(a.Answers) != len(b.Answers) {
		return nil, fmt.Errorf("eval: children must have answered the same prompts (%d and %d)", len(a.Answers), len(b.Answers))
	}
	for i := range a.Answers {
		if x, y := a.Answers[i].Item.ID, b.Answers[i].Item.ID; x != y {
			return nil, fmt.Errorf("eval: children must have answered the same prompts (%q and %q)", x, y)
		}
	}
	draws := drawPrompts(len(a.Answers), seed)
	var out []Difference
	for _, m := range []struct {
		name   string
		value  func(Score) float64
		better bool // more is better
	}{
		{"exact_match", func(s Score) float64 { return s.Exact }, true},
		{"exact_match_normalized", func(s Score) float64 { return s.Normalized }, true},
		{"semantic", func(s Score) float64 { return s.Cosine }, true},
		{"chrf", func(s Score) float64 { return s.ChrF }, true},
		{"mean_length", func(s Score) float64 { return s.Words }, false},
	} {
		if d, ok := compareMeans(a.Scores, b.Scores, m.value, draws); ok {
			d.Metric = m.name
			if !m.better {
				d.Prompts = nil
			}
			out = append(out, d)
		}
	}
	for n, name := range []string{"distinct_1", "distinct_2"} {
		out = append(out, compareDistinct(name, a.Answers, b.Answers, n+1))
	}
	return out, nil
}

// drawPrompts are the prompts of the bootstrap samples. [resamples][n]
func drawPrompts(n int, seed uint64) iter.Seq[[]int32] {
	return func(yield func([]int32) bool) {
		rng := rand.New(rand.NewPCG(seed, 0x626f6f74)) // the same for every measure
		draw := make([]int32, n)
		for range resamples {
			for i := range draw {
				draw[i] = rng.Int32N(int32(n))
			}
			if !yield(draw) {
				return
			}
		}
	}
}

// compareMeans compares the means of a value; prompts where it is NaN for one of the
// children count for neither. ok is false where none is left.
func compareMeans(a, b []Score, value func(Score) float64, draws iter.Seq[[]int32]) (d Difference, ok bool) {
	diffs := make([]float64, len(a)) // NaN where there is none
	var n float64
	d.Prompts = new(Prompts)
	for i := range a {
		x, y := value(a[i]), value(b[i])
		diffs[i] = y - x
		switch {
		case math.IsNaN(y - x):
			continue
		case y > x:
			d.Prompts.Better++
		case y < x:
			d.Prompts.Worse++
		default:
			d.Prompts.Same++
		}
		n, d.A, d.B = n+1, d.A+x, d.B+y
	}
	if n == 0 {
		return d, false
	}
	d.A, d.B = d.A/n, d.B/n
	d.Difference = d.B - d.A
	if n > 1 {
		d.CI95 = percentiles(diffs, draws)
	}
	return d, true
}

// percentiles are the 2.5% and the 97.5% quantile of the mean over the draws.
func percentiles(diffs []float64, draws iter.Seq[[]int32]) *[2]float64 {
	var means []float64
	for draw := range draws {
		var sum, n float64
		for _, i := range draw {
			if x := diffs[i]; x == x {
				sum, n = sum+x, n+1
			}
		}
		if n > 0 {
			means = append(means, sum/n)
		}
	}
	slices.Sort(means)
	return &[2]float64{stats.Quantile(means, 0.025), stats.Quantile(means, 0.975)}
}

// compareDistinct compares distinct-n. The interval is the difference -+ t s, s the
// standard error of the jackknife (Quenouille, Tukey 1958):
//
//	s^2 = (N-1)/N sum (d_i - mean d)^2,  d_i the difference without prompt i.
func compareDistinct(name string, a, b []Answer, n int) Difference {
	x, y := countGrams(a, n), countGrams(b, n)
	d := Difference{Metric: name, A: x.distinct(-1), B: y.distinct(-1)}
	d.Difference = d.B - d.A
	N := float64(len(a))
	if N < 2 {
		return d
	}
	without := make([]float64, len(a))
	mean := 0.0
	for i := range without {
		without[i] = y.distinct(i) - x.distinct(i)
		mean += without[i] / N
	}
	squares := 0.0
	for _, v := range without {
		squares += (v - mean) * (v - mean)
	}
	half := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: N - 1}.Quantile(0.975) * math.Sqrt((N-1)/N*squares)
	d.CI95 = &[2]float64{max(-1, d.Difference-half), min(1, d.Difference+half)}
	return d
}

// grams counts the word n-grams of answers.
type grams struct {
	all   map[string]int
	of    []map[string]int // of each answer
	total int
}

func countGrams(answers []Answer, n int) grams {
	g := grams{all: map[string]int{}, of: make([]map[string]int, len(answers))}
	for i, a := range answers {
		g.of[i] = map[string]int{}
		w := strings.Fields(task.Normalize(a.Response))
		for k := 0; k+n <= len(w); k++ {
			gram := strings.Join(w[k:k+n], " ")
			g.all[gram]++
			g.of[i][gram]++
			g.total++
		}
	}
	return g
}

// distinct is distinct-n of all answers but the one at without (-1 = none is left out).
func (g grams) distinct(without int) float64 {
	distinct, total := len(g.all), g.total
	if without >= 0 {
		for gram, count := range g.of[without] {
			total -= count
			if g.all[gram] == count {
				distinct--
			}
		}
	}
	if total == 0 {
		return 0
	}
	return float64(distinct) / float64(total)
}
