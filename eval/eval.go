// Package eval measures answers: exact match, semantic score, chrF, distinct-n
// and length, over lists of answers; perplexity, over log-probabilities.
package eval

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"strings"

	"pgsrm/embed"
	"pgsrm/reward"
	"pgsrm/task"
)

// Answer is what a child said to one item.
type Answer struct {
	Item      task.Item
	Reference string // the parent's answer; empty means Item.Reference
	Response  string // the child's text, special tokens removed
	Finish    string // why it ended: "eos", "stop" or "length"; no measure looks at it
}

// reference is the text that the response is compared with.
func (a Answer) reference() string {
	if a.Reference != "" {
		return a.Reference
	}
	return a.Item.Reference
}

// Result is what `pgsrm eval --json` prints. Means are over the N answers.
type Result struct {
	ExactMatch float64  `json:"exact_match"`                      // share equal to the reference or an accepted answer
	Normalized *float64 `json:"exact_match_normalized,omitempty"` // likewise by task.Matcher.Normalized; nil without a matcher
	Semantic   float64  `json:"semantic"`                         // mean cosine with the reference, over the answers that did not fail
	ChrF       float64  `json:"chrf"`                             // mean sentence chrF, 0..1
	Distinct1  float64  `json:"distinct_1"`                       // distinct words / words
	Distinct2  float64  `json:"distinct_2"`                       // distinct word pairs / word pairs
	MeanLength float64  `json:"mean_length"`                      // words in an answer
	N          int      `json:"n"`                                // answers
	Failed     int      `json:"failed,omitempty"`                 // answers without a cosine because the embedder failed
}

// Measure computes all metrics. match says what counts as an answer: nil takes the
// whole response as it is. Distinct-n and length are those of the whole responses.
// It fails where there is no answer, or none for which the embedder worked.
func Measure(ctx context.Context, answers []Answer, e embed.Embedder, match *task.Matcher) (Result, error) {
	m, err := MeasureEach(ctx, answers, e, match)
	return m.Result, err
}

// MeasureEach is Measure, with what each answer measures by itself.
func MeasureEach(ctx context.Context, answers []Answer, e embed.Embedder, match *task.Matcher) (Measured, error) {
	if len(answers) == 0 {
		return Measured{}, errors.New("eval: must have at least one answer")
	}
	read := readAnswers(answers, match)
	cosines, err := cosinesOf(ctx, read, e)
	if err != nil {
		return Measured{}, err
	}
	semantic, failed := meanCosine(cosines)
	strict, normalized := ExactMatch(answers, match)
	return Measured{
		Result: Result{
			ExactMatch: strict, Normalized: normalized, Semantic: semantic, ChrF: ChrF(read),
			Distinct1: distinctN(answers, 1), Distinct2: distinctN(answers, 2),
			MeanLength: MeanLength(answers), N: len(answers), Failed: failed,
		},
		Answers: answers, Scores: scores(answers, read, cosines, match),
	}, nil
}

// ExactMatch is the share of answers that equal the reference or one of the
// item's accepted answers (see task.Matcher.Strict), and the share of those that do
// where quotes, Markdown, final punctuation and articles do not count (see
// task.Matcher.Normalized), nil where match is nil.
func ExactMatch(answers []Answer, match *task.Matcher) (strict float64, normalized *float64) {
	share := func(right rightness) float64 {
		return mean(answers, func(a Answer) float64 { return right.of(a) })
	}
	if match != nil {
		n := share(match.Normalized)
		normalized = &n
	}
	return share(match.Strict), normalized
}

// readAnswers are the answers in the responses and references, as a reward sees them.
func readAnswers(answers []Answer, match *task.Matcher) []Answer {
	if match == nil {
		return answers
	}
	out := make([]Answer, len(answers))
	for i, a := range answers {
		a.Reference = match.Text(match.Reference(a.reference()))
		a.Response = match.Text(match.Answer(a.Response))
		out[i] = a
	}
	return out
}

// ChrF is the mean of the answers' chrF with their references (see reward.ChrF),
// after task.Normalize.
func ChrF(answers []Answer) float64 {
	return mean(answers, func(a Answer) float64 {
		return a.chrF()
	})
}

func (a Answer) chrF() float64 {
	return reward.ChrF(task.Normalize(a.Response), task.Normalize(a.reference()))
}

// MeanLength is the mean number of words, split at white space.
func MeanLength(answers []Answer) float64 {
	return mean(answers, Answer.words)
}

func (a Answer) words() float64 { return float64(len(strings.Fields(a.Response))) }

// distinctN is the number of distinct word n-grams over the number of all, in
// all answers together (Li et al. 2016, "A diversity-promoting objective
// function"); 0 where no answer has n words.
func distinctN(answers []Answer, n int) float64 { return countGrams(answers, n).distinct(-1) }

// cosinesOf are those of the answers and their references. [len(answers)] An answer
// that is empty or has no meaning for the embedder counts 0; one whose embedding
// failed, or whose reference has no vector, is NaN. It is an error where all of them
// failed.
func cosinesOf(ctx context.Context, answers []Answer, e embed.Embedder) ([]float64, error) {
	texts := make([]string, 0, 2*len(answers))
	for _, a := range answers {
		texts = append(texts, strings.TrimSpace(a.Response), strings.TrimSpace(a.reference()))
	}
	results := e.Embed(ctx, texts)
	if len(results) != len(texts) {
		return nil, fmt.Errorf("eval: embedder must give %d results (got %d)", len(texts), len(results))
	}
	cosines := make([]float64, len(answers))
	failed := 0
	var first error
	for i := range answers {
		cos, err := cosine(texts[2*i], results[2*i], results[2*i+1])
		if err != nil {
			failed++
			cos = math.NaN()
			first = cmp.Or(first, err)
		}
		cosines[i] = cos
	}
	if failed == len(answers) {
		return nil, fmt.Errorf("eval: no answer could be embedded: %w", first)
	}
	return cosines, nil
}

// meanCosine is the mean of those that did not fail, and the number that did.
func meanCosine(cosines []float64) (score float64, failed int) {
	var sum float64
	for _, cos := range cosines {
		if math.IsNaN(cos) {
			failed++
		} else {
			sum += cos
		}
	}
	return sum / float64(len(cosines)-failed), failed
}

// cosine is that of a response and its reference.
func cosine(response string, c, p embed.Result) (float64, error) {
	switch {
	case p.Err != nil:
		return 0, p.Err
	case response == "" || errors.Is(c.Err, embed.ErrNoMeaning):
		return 0, nil
	case c.Err != nil:
		return 0, c.Err
	case len(c.Vector) != len(p.Vector):
		return 0, fmt.Errorf("eval: vectors must have one dimension (got %d and %d)", len(c.Vector), len(p.Vector))
	}
	return embed.Cosine(c.Vector, p.Vector), nil
}

// Perplexity is exp of minus the mean log-probability (natural log) of tokens;
// it is an error where there is none.
func Perplexity(logprobs []float64) (float64, error) {
	if len(logprobs) == 0 {
		return 0, errors.New("eval: perplexity needs at least one token")
	}
	var sum float64
	for _, l := range logprobs {
		sum += l
	}
	return math.Exp(-sum / float64(len(logprobs))), nil
}

func mean(answers []Answer, f func(Answer) float64) float64 {
	if len(answers) == 0 {
		return 0
	}
	var sum float64
	for _, a := range answers {
		sum += f(a)
	}
	return sum / float64(len(answers))
}
