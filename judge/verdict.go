package judge

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"pgsrm/cache"
	"pgsrm/custom"
	"pgsrm/remote"
	"pgsrm/remote/completions"
)

// form is how a verdict is asked for and read.
type form struct {
	pairwise bool
	scale    int // the best grade, the worst being 1; of no meaning in pairwise mode
}

// orders is how many questions a sample makes.
func (f form) orders() int {
	if f.pairwise {
		return 2
	}
	return 1
}

// combine makes the reward of the verdicts on a sample. In pairwise mode the second is
// that on the other order, in which the reference is A.
func (f form) combine(verdicts []cache.Outcome[float64]) custom.Result {
	for _, v := range verdicts {
		if v.Err != nil {
			return custom.Result{Err: v.Err}
		}
	}
	if f.pairwise {
		return custom.Result{Reward: (verdicts[0].Value + 1 - verdicts[1].Value) / 2}
	}
	return custom.Result{Reward: verdicts[0].Value}
}

// instruction follows the texts, as the last thing that the model reads.
func (f form) instruction() string {
	if f.pairwise {
		return "Say in one sentence how answer A and answer B differ in what counts; which of them comes first means nothing. Then end with a line of exactly one of these forms:\nVerdict: A\nVerdict: B\nVerdict: tie"
	}
	return fmt.Sprintf("Say in one sentence what is good or bad about the answer to grade. Then end with a line of exactly this form, N being a whole number from 1, of no use, to %d, as good as can be:\nRating: N", f.scale)
}

// reminder asks for the verdict alone.
func (f form) reminder() string { return "Reply with your verdict alone, as " + f.want() }

// want is the reply that has the verdict alone.
func (f form) want() string {
	if f.pairwise {
		return `{"verdict": "A"}, {"verdict": "B"} or {"verdict": "tie"}`
	}
	return fmt.Sprintf(`{"rating": "N"}, N being a whole number from 1 to %d`, f.scale)
}

// alone is the form of that reply.
func (f form) alone() *completions.Form {
	if f.pairwise {
		return &completions.Form{Key: "verdict", OneOf: []string{"A", "B", "tie"}}
	}
	grades := make([]string, f.scale)
	for i := range grades {
		grades[i] = strconv.Itoa(i + 1)
	}
	return &completions.Form{Key: "rating", OneOf: grades}
}

// readAlone takes the verdict out of a reply that is to have nothing else: JSON, or a line
// as read knows it.
func (f form) readAlone(reply string) (x float64, ok bool) {
	var fields map[string]json.RawMessage
	if remote.Decode([]byte(completions.WithoutFence(strings.TrimSpace(reply))), &fields) != nil {
		return f.read(reply)
	}
	raw := fields[f.alone().Key]
	var text string
	if json.Unmarshal(raw, &text) != nil {
		text = string(raw) // a number
	}
	return f.value(bare(text))
}

// The lines with a verdict, without Markdown; what follows the colon.
var (
	ratingLine  = regexp.MustCompile(`(?i)^rating[\s*_]*:(.*)$`)
	verdictLine = regexp.MustCompile(`(?i)^verdict[\s*_]*:(.*)$`)
	outOf       = regexp.MustCompile(`^([0-9]{1,3})(?:\s*/\s*([0-9]{1,3}))?$`)
)

// read takes the verdict out of a reply: from the last line that begins as one does,
// whatever Markdown is around it. A grade is a whole number on the scale, perhaps with
// "/10"; it becomes a share, (grade-1)/(scale-1). Of two answers it is what A earns: 1, 0,
// or 1/2 for a tie. Anything else is no verdict.
func (f form) read(reply string) (x float64, ok bool) {
	begins := ratingLine
	if f.pairwise {
		begins = verdictLine
	}
	for line := range strings.Lines(reply) {
		if m := begins.FindStringSubmatch(bare(line)); m != nil {
			x, ok = f.value(bare(strings.TrimSuffix(bare(m[1]), ".")))
		}
	}
	return x, ok
}

// bare is a text without blanks and Markdown around it.
func bare(text string) string { return strings.Trim(text, " \t\r\n*_`#>[]") }

// value is a verdict as a number.
func (f form) value(text string) (x float64, ok bool) {
	if f.pairwise {
		switch strings.ToLower(text) {
		case "a":
			return 1, true
		case "b":
			return 0, true
		case "tie":
			return 0.5, true
		}
		return 0, false
	}
	m := outOf.FindStringSubmatch(text)
	if m == nil || m[2] != "" && m[2] != strconv.Itoa(f.scale) {
		return 0, false
	}
	grade, err := strconv.Atoi(m[1])
	if err != nil || grade < 1 || grade > f.scale {
		return 0, false
	}
	return float64(grade-1) / float64(f.scale-1), true
}
