package eval

import (
	"pgsrm/stats"
	"pgsrm/task"
)

// Pass is the chance that one of K sampled answers to a prompt is right, mean over prompts.
type Pass struct {
	K          int      `json:"k"`
	ExactMatch float64  `json:"exact_match"`
	Normalized *float64 `json:"exact_match_normalized,omitempty"` // nil without a matcher
}

// PassAtK estimates pass@k (see stats.PassAtK) from n sampled answers to each prompt, those
// of the first prompt first, for k = 1, 2, 4, ... and n. match says what is right, as in
// ExactMatch.
func PassAtK(answers []Answer, n int, match *task.Matcher) []Pass {
	var out []Pass
	for k := 1; ; k = min(2*k, n) {
		p := Pass{K: k, ExactMatch: passAt(k, answers, n, match.Strict)}
		if match != nil {
			normalized := passAt(k, answers, n, match.Normalized)
			p.Normalized = &normalized
		}
		out = append(out, p)
		if k == n {
			return out
		}
	}
}

func passAt(k int, answers []Answer, n int, right rightness) float64 {
	var sum, prompts float64
	for i := 0; i < len(answers); i += n {
		c := 0
		for _, a := range answers[i : i+n] {
			c += int(right.of(a))
		}
		sum, prompts = sum+stats.PassAtK(n, c, k), prompts+1
	}
	return sum / prompts
}
