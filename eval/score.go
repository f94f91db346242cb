package eval

import (
	"math"

	"pgsrm/task"
)

// Measured are answers with what they measure.
type Measured struct {
	Result
	Answers []Answer
	Scores  []Score // [len(Answers)]
}

// Score is what one answer measures by itself.
type Score struct {
	Exact      float64 // 1 if it is right, else 0
	Normalized float64 // likewise by task.Matcher.Normalized; NaN without a matcher
	Cosine     float64 // NaN where the embedder failed
	ChrF       float64
	Words      float64
}

// rightness says whether a response is right: a method of task.Matcher.
type rightness func(response, reference string, accepted []string) bool

// of is 1 for a right answer, else 0.
func (right rightness) of(a Answer) float64 {
	if right(a.Response, a.reference(), a.Item.Accepted) {
		return 1
	}
	return 0
}

// scores measures each answer; read are the answers in the responses.
func scores(answers, read []Answer, cosines []float64, match *task.Matcher) []Score {
	out := make([]Score, len(answers))
	for i, a := range answers {
		out[i] = Score{
			Exact: rightness(match.Strict).of(a), Normalized: math.NaN(),
			Cosine: cosines[i], ChrF: read[i].chrF(), Words: a.words(),
		}
		if match != nil {
			out[i].Normalized = rightness(match.Normalized).of(a)
		}
	}
	return out
}
