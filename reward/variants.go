package reward

import (
	"cmp"
	"context"
	"math/big"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"pgsrm/embed"
	"pgsrm/stats"
	"pgsrm/task"
)

// Tried is what answers of one kind earn that are not right, beside the references of the
// same prompts.
type Tried struct {
	Kind           string      `json:"kind"`             // see docs/probe.md
	Example        string      `json:"example"`          // one of the answers
	Prompts        int         `json:"prompts"`          // that have such an answer
	Right          int         `json:"right"`            // prompts left out, for it is right there
	Reward         float64     `json:"reward"`           // mean over the prompts
	ShareOfCorrect float64     `json:"share_of_correct"` // of the mean reward of their references
	CI95           *[2]float64 `json:"share_ci95"`       // see stats.RatioOfMeans; null below two prompts
}

// Name says in words what the answers are.
func (t Tried) Name() string {
	return map[string]string{
		kindConstant: "the best constant answer", kindUnchanged: "the input unchanged", kindPadded: "padded, cut by the limit", kindQuoted: "the right answer in quotes",
		kindTruncated: "its first half", kindNegated: "negated", kindEchoed: "behind the prompt again", kindOther: "that of another prompt",
		kindNearest: "the best one of other prompts", kindWrong: "best of the search",
	}[t.Kind]
}

// tried sums up what answers of a kind earned.
func (e earnings) tried(kind string) Tried {
	t := Tried{Kind: kind, Example: e.example, Prompts: e.n, Right: e.right}
	if e.n > 0 {
		t.Reward, t.ShareOfCorrect = e.shares()
		t.CI95 = stats.RatioOfMeans(e.paid, e.of).CI95
	}
	return t
}

// Kinds of answers that the probe tries, beside the constant one.
const (
	kindConstant  = "constant"
	kindUnchanged = "unchanged"
	kindPadded    = "padded"
	kindQuoted    = "quoted"
	kindTruncated = "truncated"
	kindNegated   = "negated"
	kindEchoed    = "echoed"
	kindOther     = "other"
	kindNearest   = "nearest"
)

// variants make an answer of a reference; "" where they cannot.
var variants = []struct {
	kind string
	make func(s Sample) string
}{
	{kindQuoted, func(s Sample) string { return `"` + s.Reference + `"` }},
	{kindTruncated, func(s Sample) string { return truncated(s.Reference) }},
	{kindNegated, func(s Sample) string { return negated(s.Reference) }},
	{kindEchoed, func(s Sample) string { return strings.TrimSpace(s.Prompt) + " " + s.Reference }},
}

// tryVariants scores each kind of answer at up to probePadded prompts. The responses of
// samples are their references.
func (m *Model) tryVariants(ctx context.Context, samples []Sample) []Tried {
	samples = spread(samples, probePadded)
	correct := m.Score(ctx, samples)
	var out []Tried
	for _, v := range variants {
		var answers []Sample
		var scores []Score
		for i, s := range samples {
			s.Reference = trim(s.Reference)
			if text := v.make(s); text != "" {
				s.Response = text
				answers, scores = append(answers, s), append(scores, correct[i])
			}
		}
		out = append(out, m.earn(ctx, answers, scores).tried(v.kind))
	}
	return append(out, m.earn(ctx, ofOthers(samples), correct).tried(kindOther))
}

// ofOthers answers each prompt with the reference of another one, half of the list away.
func ofOthers(samples []Sample) []Sample {
	out := slices.Clone(samples)
	for i := range out {
		out[i].Response = samples[(i+len(samples)/2)%len(samples)].Reference
	}
	return out
}

// nearestAnswers answers each prompt with that of up to probeNearest parent answers that
// earns most there without being right.
func (m *Model) nearestAnswers(ctx context.Context, samples []Sample, answers []string) Tried {
	samples, answers = spread(samples, probePadded), spread(answers, probeNearest)
	correct := m.Score(ctx, samples)
	best := slices.Clone(samples)
	for i := range samples {
		scores := m.Score(ctx, constants(samples[i:i+1], answers))
		most := -1
		for k, s := range scores {
			if s.Err == nil && !s.Right && (most < 0 || s.Reward > scores[most].Reward) {
				most = k
			}
		}
		if most >= 0 {
			best[i].Response = answers[most]
		}
	}
	return m.earn(ctx, best, correct).tried(kindNearest)
}

// probeNearest bounds the parent answers that are tried at each prompt.
const probeNearest = 200

// truncated is the first half of the words of a text, of one word that of its letters; ""
// for one letter.
func truncated(text string) string {
	if words := strings.Fields(text); len(words) > 1 {
		return strings.Join(words[:(len(words)+1)/2], " ")
	}
	letters := []rune(text)
	return string(letters[:len(letters)/2])
}

// auxiliaries are the verbs behind which English puts its not.
var auxiliaries = strings.Fields("am is are was were be been can could will would shall should may might must do does did has have had")

// negated says the opposite in the words of a text, as far as a rule can: it takes out a
// not or never, puts a not behind the first auxiliary verb, or else before all. A number
// gets the other sign.
func negated(text string) string {
	if isNumber(text) {
		if rest, ok := strings.CutPrefix(text, "-"); ok {
			return rest
		}
		return "-" + text
	}
	words := strings.Fields(text)
	for i, w := range words {
		if w := strings.ToLower(w); (w == "not" || w == "never") && len(words) > 1 {
			return strings.Join(slices.Delete(words, i, i+1), " ")
		}
	}
	for i, w := range words {
		if slices.Contains(auxiliaries, strings.ToLower(w)) && i < len(words)-1 {
			return strings.Join(slices.Insert(words, i+1, "not"), " ")
		}
	}
	return "not " + text
}

// isNumber tells whether a text is a number and nothing else but signs of units.
func isNumber(text string) bool {
	return lastNumber(text).value != nil && !strings.ContainsFunc(text, unicode.IsLetter)
}

// NearNumbers is what wrong numbers earn where answers are numbers, and how near the
// embedder finds them: those that are one more and one less, double, and ten times as much.
type NearNumbers struct {
	Share          float64     `json:"share"`   // of the prompts, those whose reference is a number
	Prompts        int         `json:"prompts"` // of which wrong numbers were tried: whole ones
	Cosine         float64     `json:"cosine"`  // mean, of reference and wrong number
	CosineCI95     *[2]float64 `json:"cosine_ci95"`
	Between        float64     `json:"between"` // mean cosine of two parent answers, to compare with
	Reward         float64     `json:"reward"`
	ShareOfCorrect float64     `json:"share_of_correct"`
	CI95           *[2]float64 `json:"share_ci95"`
	Example        [2]string   `json:"example"` // a reference and the wrong number that earns most for it
}

// wrongNumbers are whole numbers near a whole one; none of another text.
func wrongNumbers(text string) []string {
	n := lastNumber(text)
	if !isNumber(text) || !n.value.IsInt() {
		return nil
	}
	whole := n.value.Num()
	var out []string
	for _, x := range []*big.Int{
		new(big.Int).Add(whole, big.NewInt(1)), new(big.Int).Sub(whole, big.NewInt(1)),
		new(big.Int).Mul(whole, big.NewInt(2)), new(big.Int).Mul(whole, big.NewInt(10)),
	} {
		if s := x.String(); x.Cmp(whole) != 0 && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// nearNumbers tries wrong numbers; nil where no reference is a whole number. The responses
// of samples are their references.
func nearNumbers(ctx context.Context, m *Model, samples []Sample, e embed.Embedder, cal *Calibration) *NearNumbers {
	samples = spread(samples, probePadded)
	out := &NearNumbers{Between: cal.Between}
	var numbers []Sample
	for _, s := range samples {
		if isNumber(trim(s.Reference)) {
			out.Share += 1 / float64(len(samples))
		}
		if len(wrongNumbers(trim(s.Reference))) > 0 {
			numbers = append(numbers, s)
		}
	}
	var wrong []Sample
	var at []int // of wrong, in numbers
	for i, s := range numbers {
		for _, text := range wrongNumbers(trim(s.Reference)) {
			s.Response = text
			wrong, at = append(wrong, s), append(at, i)
		}
	}
	out.Prompts = len(numbers)
	if out.Prompts == 0 {
		return nil
	}
	out.pay(numbers, wrong, at, m.Score(ctx, numbers), m.Score(ctx, wrong))
	out.compare(ctx, wrong, at, len(numbers), e)
	return out
}

// pay fills in what the wrong numbers earn, a mean for each prompt.
func (n *NearNumbers) pay(numbers, wrong []Sample, at []int, correct, scores []Score) {
	paid, count := make([]float64, len(numbers)), make([]float64, len(numbers))
	most := -1
	for k, s := range scores {
		if i := at[k]; s.Err == nil && correct[i].Err == nil && !s.Right {
			paid[i], count[i] = paid[i]+s.Reward, count[i]+1
			if most < 0 || s.Reward > scores[most].Reward {
				most = k
			}
		}
	}
	var x, y []float64
	for i := range numbers {
		if count[i] > 0 {
			x, y = append(x, paid[i]/count[i]), append(y, correct[i].Reward)
		}
	}
	if len(x) == 0 {
		return
	}
	share := stats.RatioOfMeans(x, y)
	n.Reward, n.ShareOfCorrect, n.CI95 = stats.Mean(x), share.Value, share.CI95
	n.Example = [2]string{trim(wrong[most].Reference), wrong[most].Response}
}

// compare fills in how near the embedder finds the wrong numbers.
func (n *NearNumbers) compare(ctx context.Context, wrong []Sample, at []int, prompts int, e embed.Embedder) {
	var texts []string
	for _, s := range wrong {
		texts = append(texts, s.Response, trim(s.Reference))
	}
	vectors, _ := embedSet(ctx, e, texts)
	sums, count := make([]float64, prompts), make([]float64, prompts)
	for k, s := range wrong {
		if x, y := vectors[s.Response], vectors[trim(s.Reference)]; x != nil && y != nil {
			sums[at[k]], count[at[k]] = sums[at[k]]+embed.Dot(x, y), count[at[k]]+1
		}
	}
	var cosines []float64
	for i := range sums {
		if count[i] > 0 {
			cosines = append(cosines, sums[i]/count[i])
		}
	}
	if len(cosines) == 0 {
		return
	}
	n.Cosine = stats.Mean(cosines)
	if lo, hi, ok := stats.TInterval(cosines); ok {
		n.CosineCI95 = &[2]float64{lo, hi}
	}
}

// Hubness says whether some parent answers are among the nearest of very many others: how
// skewed the k-occurrence is, the number of other answers that have one among their k
// nearest (Radovanović, Nanopoulos and Ivanović 2010, JMLR 11).
type Hubness struct {
	Skew        float64     `json:"skew"`      // third standardised moment; about 0 without hubs
	CI95        *[2]float64 `json:"skew_ci95"` // see stats.Bootstrap
	Answers     int         `json:"answers"`
	Nearest     int         `json:"nearest"` // k
	Hub         string      `json:"hub"`     // the answer with most occurrences
	Occurrences int         `json:"occurrences"`
}

// hubNearest is k: 10, of few answers a quarter of them.
func hubNearest(answers int) int { return max(1, min(10, answers/4)) }

// hubness of up to probePairs parent answers; nil below four of them.
func hubness(c *Calibration) *Hubness {
	order := make([]int, len(c.Answers))
	for i := range order {
		order[i] = i
	}
	order = spread(order, probePairs)
	if len(order) < 4 {
		return nil
	}
	h := &Hubness{Answers: len(order), Nearest: hubNearest(len(order))}
	times := make([]float64, len(order))
	for i, a := range order {
		type neighbour struct {
			at  int
			cos float64
		}
		var others []neighbour
		for j, b := range order {
			if i != j {
				others = append(others, neighbour{j, embed.Dot(c.Vectors[a], c.Vectors[b])})
			}
		}
		slices.SortStableFunc(others, func(x, y neighbour) int { return cmp.Compare(y.cos, x.cos) })
		for _, o := range others[:h.Nearest] {
			times[o.at]++
		}
	}
	skew := stats.Bootstrap(len(times), func(at []int) float64 {
		drawn := make([]float64, len(at))
		for k, i := range at {
			drawn[k] = times[i]
		}
		return stats.Skewness(drawn)
	})
	h.Skew, h.CI95 = skew.Value, skew.CI95
	for i, n := range times {
		if int(n) > h.Occurrences {
			h.Hub, h.Occurrences = c.Answers[order[i]], int(n)
		}
	}
	return h
}

// lengthLikeness is the likeness of two texts by their lengths alone: letters of the
// shorter over letters of the longer.
func lengthLikeness(a, b string) float64 {
	x, y := utf8.RuneCountInString(a), utf8.RuneCountInString(b)
	if max(x, y) == 0 {
		return 1
	}
	return float64(min(x, y)) / float64(max(x, y))
}

// lengths is similarities by lengthLikeness.
func lengths(x string, answers []string, vectors map[string]Vector, right []string) []float64 {
	var out []float64
	for _, a := range answers {
		if vectors[a] != nil && !slices.Contains(right, task.Normalize(a)) {
			out = append(out, lengthLikeness(x, a))
		}
	}
	return out
}

// Matrix is how similar the texts of some related pairs are to the answers of all of them:
// those on the diagonal belong together.
type Matrix struct {
	Texts   []string    // [n]
	Answers []string    // [n]
	Cosines [][]float64 // [n][n]
}

// matrixSize is n at most: what can be read on a page.
const matrixSize = 20

// matrix is that of pairs, of which each answer is taken once.
func matrix(pairs []related, vectors map[string]Vector) Matrix {
	var chosen []related
	seen := map[string]bool{}
	for _, p := range pairs {
		if vectors[p.text] != nil && vectors[p.reference] != nil && !seen[p.reference] {
			seen[p.reference] = true
			chosen = append(chosen, p)
		}
	}
	var out Matrix
	chosen = spread(chosen, matrixSize)
	for _, p := range chosen {
		row := make([]float64, len(chosen))
		for k, q := range chosen {
			row[k] = embed.Dot(vectors[p.text], vectors[q.reference])
		}
		out.Texts, out.Answers, out.Cosines = append(out.Texts, p.text), append(out.Answers, p.reference), append(out.Cosines, row)
	}
	return out
}
