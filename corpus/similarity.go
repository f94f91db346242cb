package corpus

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"sort"

	"pgsrm/embed"
)

// Similarity says how near two words are in meaning, such as the cosine of their
// vectors. It must be symmetric, finite and safe for concurrent use.
type Similarity func(a, b string) float64

// Cosine embeds every word of the corpus once and returns their cosine. Two
// words, one of which the embedder could not embed, are an error here.
func Cosine(ctx context.Context, e embed.Embedder) (Similarity, error) {
	words, err := Words()
	if err != nil {
		return nil, err
	}
	vectors := make(map[string][]float32, len(words))
	for i, r := range e.Embed(ctx, words) {
		if r.Err != nil {
			return nil, fmt.Errorf("corpus: embedding %q: %w", words[i], r.Err)
		}
		vectors[words[i]] = r.Vector
	}
	return func(a, b string) float64 { return cosine(vectors[a], vectors[b]) }, nil
}

// cosine returns the cosine of two vectors, 0 where one is zero.
func cosine(a, b []float32) float64 {
	var ab, aa, bb float64
	for i := range min(len(a), len(b)) {
		x, y := float64(a[i]), float64(b[i])
		ab, aa, bb = ab+x*y, aa+x*x, bb+y*y
	}
	if aa == 0 || bb == 0 {
		return 0
	}
	return ab / math.Sqrt(aa*bb)
}

// weights draws indices with given weights: the running sums of the weights.
type weights []float64

// newWeights returns the running sums of w.
func newWeights(w []float64) weights {
	out := make(weights, len(w))
	sum := 0.0
	for i, x := range w {
		sum += x
		out[i] = sum
	}
	return out
}

// draw returns an index with probability proportional to its weight; an index of
// weight 0 never.
func (w weights) draw(r *rand.Rand) int {
	x := r.Float64() * w[len(w)-1]
	return min(sort.Search(len(w), func(i int) bool { return w[i] > x }), len(w)-1)
}

// likeliest returns the index of the largest weight, the first of equals.
func (w weights) likeliest() int {
	best, most, last := 0, -1.0, 0.0
	for i, sum := range w {
		if sum-last > most {
			best, most = i, sum-last
		}
		last = sum
	}
	return best
}

// softmax returns weights proportional to exp(score/temperature), 0 for the words
// that are out.
func softmax(words []string, score func(word string) float64, temperature float64, out func(word string) bool) weights {
	w := make([]float64, len(words))
	most := math.Inf(-1)
	for i, word := range words {
		w[i] = math.Inf(-1)
		if !out(word) {
			w[i] = score(word) / temperature
		}
		most = max(most, w[i])
	}
	for i := range w {
		w[i] = math.Exp(w[i] - most)
	}
	return newWeights(w)
}

// pick returns an element of a list with more than none.
func pick[E any](r *rand.Rand, list []E) E { return list[r.IntN(len(list))] }

// chance is true with probability p.
func chance(r *rand.Rand, p float64) bool { return r.Float64() < p }
