package reward

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"pgsrm/custom"
	"pgsrm/embed"
	"pgsrm/task"
)

// Limits of the probe, so that a large task stays a matter of seconds. The
// built-in tasks are below all of them.
const (
	probePairs      = 400  // related pairs, and answers they are compared with
	probePrompts    = 300  // prompts over which a constant answer is averaged
	probeWords      = 1000 // frequent English words tried as constant answers
	probeConfusions = 10   // most similar pairs of parent answers listed
	enoughAccepted  = 10   // related pairs that make inputs needless
)

// Limits where the reward has terms of the user's own, which may take long for an answer.
const (
	ownPrompts   = 30
	ownConstants = 50 // parent answers tried as constant ones, and as many words
)

// OwnAnswers is about how many answers the probe asks terms of the user's own for.
const OwnAnswers = ownPrompts * (2*ownConstants + 30)

// ProbeResult is what `pgsrm probe --json` prints. docs/metrics.md defines the
// two areas under the curve.
type ProbeResult struct {
	Task         string          `json:"task"`
	Embedder     string          `json:"embedder"` // Identity.Model, unless the caller names it
	Reward       string          `json:"reward"`
	AUC          float64         `json:"auc"`       // related pairs against pairs with answers of other tasks
	AUCCI95      [2]float64      `json:"auc_ci95"`  //
	AUCWrong     float64         `json:"auc_wrong"` // related pairs against pairs with wrong answers of the same task
	AUCWrongCI95 [2]float64      `json:"auc_wrong_ci95"`
	Pairs        string          `json:"pairs"` // what the related pairs are: accepted, input or prompt
	BestConstant BestConstant    `json:"best_constant"`
	Unchanged    *UnchangedInput `json:"unchanged_input"` // nil: no prompt has an input that is no right answer
	BestPadded   *BestPadded     `json:"best_padded"`     // nil: every padding leaves the answers right
	Range        [2]float64      `json:"range"`           // holds every reward, see Spec.Range
	Notes        []string        `json:"notes,omitempty"` // what the numbers leave out
	Confusions   []Confusion     `json:"confusions"`
	Failed       []Failure       `json:"failed,omitempty"` // parent answers without a vector

	Counts        Counts       `json:"counts"`
	LengthAUC     float64      `json:"length_auc"` // auc_wrong by lengthLikeness in the place of the cosine
	LengthAUCCI95 [2]float64   `json:"length_auc_ci95"`
	Hubness       *Hubness     `json:"hubness"`      // nil: too few answers
	Answers       []Tried      `json:"answers"`      // what other answers earn, with intervals
	BestWrong     *BestWrong   `json:"best_wrong"`   // nil: not searched
	Numbers       *NearNumbers `json:"near_numbers"` // nil: no answer is a whole number
	Findings      []Finding    `json:"findings"`
	Verdict       string       `json:"verdict"` // the findings in one line
	Matrix        Matrix       `json:"-"`

	textsAlone bool // the reward takes no vectors
	alone      bool // the reward compares the answers to one prompt, of which each stands alone here
}

// Counts are the pairs that the areas are over, and the prompts whose rewards were taken.
type Counts struct {
	Related   int `json:"related"`
	Unrelated int `json:"unrelated"`
	Wrong     int `json:"wrong"` // with wrong answers of the same task
	Prompts   int `json:"prompts"`
}

// Confusion is a pair of different parent answers that the embedder finds similar.
type Confusion struct {
	A      string  `json:"a"`
	B      string  `json:"b"`
	Cosine float64 `json:"cosine"`
}

// Probe judges an embedder and a reward for a task before training: does the
// embedder find related answers more similar than unrelated ones, does it tell
// right from wrong answers, and what does a child earn that says the same to
// every prompt? answers maps item ids to the parent's answers; match is that of New.
// search says how wrong answers that earn much are searched for, which is left out where
// the reward compares answers or has terms of the user's own.
// own are what Spec.OpenScorers gave. Vectors that fail are left out; it is an error where
// too few are left.
func Probe(ctx context.Context, t *task.Task, answers map[string]string, e embed.Embedder, spec Spec, match *task.Matcher, search Search, own ...custom.Scorer) (ProbeResult, error) {
	if e == nil {
		return ProbeResult{}, errors.New("reward: probe needs an embedder")
	}
	answers = readAnswers(answers, match)
	match = match.OfAnswers() // those tried as constants are answers, too
	m, err := New(ctx, spec, t, answers, e, match, own...)
	if err != nil {
		return ProbeResult{}, err
	}
	cal := m.cal
	if cal == nil { // a reward of texts alone: the similarities are of interest all the same
		if cal, err = calibrate(ctx, t, answers, e, match); err != nil {
			return ProbeResult{}, err
		}
	}
	r := ProbeResult{Task: t.Name, Embedder: e.Identity().Model, Reward: spec.Name, Confusions: confusions(cal), Failed: cal.Failed, Hubness: hubness(cal), textsAlone: !m.vectors}
	if err := r.separate(ctx, t, answers, e, cal); err != nil {
		return ProbeResult{}, err
	}
	samples := probeSamples(t, answers)
	if len(own) > 0 {
		samples = spread(samples, ownPrompts)
	}
	if r.BestConstant, err = bestConstant(ctx, samples, m, cal); err != nil {
		return ProbeResult{}, err
	}
	r.describe(m.spec)
	r.tryAnswers(ctx, m, samples, e, cal, search)
	if len(own) > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("terms of your own are asked about at most %d prompts and %d constant answers", ownPrompts, 2*ownConstants))
	}
	if err := ctx.Err(); err != nil {
		return ProbeResult{}, err
	}
	r.Findings = r.findings()
	r.Verdict = r.verdict()
	return r, nil
}

// tryAnswers fills in what answers earn that are not right.
func (r *ProbeResult) tryAnswers(ctx context.Context, m *Model, samples []Sample, e embed.Embedder, cal *Calibration, search Search) {
	r.Counts.Prompts = len(samples)
	var unchanged, padded Tried
	r.Unchanged, unchanged = unchangedInput(ctx, m, samples)
	r.BestPadded, padded = bestPadded(ctx, m, samples)
	r.Answers = append([]Tried{m.constantTried(ctx, samples, r.BestConstant), unchanged, padded}, m.tryVariants(ctx, samples)...)
	if len(m.own) > 0 {
		return
	}
	r.Answers = append(r.Answers, m.nearestAnswers(ctx, samples, cal.Answers))
	r.Numbers = nearNumbers(ctx, m, samples, e, cal)
	if !r.alone {
		r.BestWrong = bestWrong(ctx, m, samples, search)
	}
}

// Notes of a probe.
const (
	noteMemory = "memory off: as for a run that has seen nothing"
	noteAlone  = "the reward compares the answers to one prompt with each other, but here each stands alone"
)

// describe notes what the numbers leave out, and between which bounds rewards lie.
func (r *ProbeResult) describe(spec Spec) {
	r.Range[0], r.Range[1] = spec.Range()
	if spec.Memory() {
		r.Notes = append(r.Notes, noteMemory)
	}
	if r.alone = spec.Groups(); r.alone {
		r.Notes = append(r.Notes, noteAlone)
	}
}

// readAnswers are the answers in what the parent said, by item id.
func readAnswers(said map[string]string, match *task.Matcher) map[string]string {
	answers := make(map[string]string, len(said))
	for id, text := range said {
		answers[id] = match.Text(match.Reference(text))
	}
	return answers
}

// related is a text that is close in meaning to the parent's answer of an item.
type related struct {
	text, reference string
	right           []string // normalised answers that are no wrong ones for the item
}

// relatedPairs lists the related pairs of a task: accepted answers where enough
// items have one, else inputs, else prompts.
func relatedPairs(t *task.Task, answers map[string]string) (pairs []related, kind string) {
	texts := map[string]func(it task.Item) []string{
		"accepted": func(it task.Item) []string { return it.Accepted },
		"input":    func(it task.Item) []string { return nonEmpty(it.Input) },
		"prompt":   func(it task.Item) []string { return nonEmpty(it.Prompt) },
	}
	for _, kind = range []string{"accepted", "input", "prompt"} {
		pairs = nil
		for _, it := range t.Items {
			reference := trim(answers[it.ID])
			if reference == "" {
				continue
			}
			right := []string{task.Normalize(reference)}
			for _, a := range it.Accepted {
				right = append(right, task.Normalize(a))
			}
			for _, text := range texts[kind](it) {
				if kind != "accepted" || task.Normalize(text) != right[0] {
					pairs = append(pairs, related{text: trim(text), reference: reference, right: right})
				}
			}
		}
		if len(pairs) >= enoughAccepted {
			break
		}
	}
	return spread(pairs, probePairs), kind
}

func nonEmpty(s string) []string {
	if strings.TrimSpace(s) == "" {
		return nil
	}
	return []string{s}
}

// spread picks at most n of a list, evenly.
func spread[T any](list []T, n int) []T {
	if len(list) <= n {
		return list
	}
	out := make([]T, n)
	for i := range out {
		out[i] = list[i*len(list)/n]
	}
	return out
}

// unrelatedAnswers are the references of the other built-in tasks of the same
// kind (words with words, sentences with sentences) that are no answers here.
func unrelatedAnswers(t *task.Task, cal *Calibration) ([]string, error) {
	seen := map[string]bool{}
	for _, a := range cal.Answers {
		seen[task.Normalize(a)] = true
	}
	var out []string
	for _, name := range task.Names() {
		other, err := task.Builtin(name)
		if err != nil {
			return nil, err
		}
		if other.Name == t.Name || other.Kind != t.Kind && t.Kind != "" {
			continue
		}
		for _, it := range other.Items {
			if key := task.Normalize(it.Reference); !seen[key] {
				seen[key] = true
				out = append(out, it.Reference)
			}
		}
	}
	return spread(out, probePairs), nil
}

// separate computes the two areas under the curve.
func (r *ProbeResult) separate(ctx context.Context, t *task.Task, answers map[string]string, e embed.Embedder, cal *Calibration) error {
	pairs, kind := relatedPairs(t, answers)
	others, err := unrelatedAnswers(t, cal)
	if err != nil {
		return err
	}
	wrong := spread(cal.Answers, probePairs)
	texts := append(append([]string(nil), others...), wrong...)
	for _, p := range pairs {
		texts = append(texts, p.text, p.reference)
	}
	vectors, lastErr := embedSet(ctx, e, texts)
	var far, near, long []cluster
	for _, p := range pairs {
		x, y := vectors[p.text], vectors[p.reference]
		if x == nil || y == nil {
			continue
		}
		own := []float64{embed.Dot(x, y)}
		far = append(far, cluster{own, similarities(x, others, vectors, p.right)})
		near = append(near, cluster{own, similarities(x, wrong, vectors, p.right)})
		long = append(long, cluster{[]float64{lengthLikeness(p.text, p.reference)}, lengths(p.text, wrong, vectors, p.right)})
		r.Counts.Related, r.Counts.Unrelated, r.Counts.Wrong = len(far), r.Counts.Unrelated+len(far[len(far)-1].neg), r.Counts.Wrong+len(near[len(near)-1].neg)
	}
	r.Pairs = kind
	r.AUC, r.AUCCI95 = auc(far)
	r.AUCWrong, r.AUCWrongCI95 = auc(near)
	r.LengthAUC, r.LengthAUCCI95 = auc(long)
	r.Matrix = matrix(pairs, vectors)
	if math.IsNaN(r.AUC) || math.IsNaN(r.AUCWrong) {
		return errors.Join(fmt.Errorf("reward: probe of task %q needs related and unrelated answers with vectors (got %d pairs)", t.Name, len(far)), lastErr)
	}
	return nil
}

// embedSet embeds texts; those that fail have no entry, and one of the errors is
// returned beside the rest.
func embedSet(ctx context.Context, e embed.Embedder, texts []string) (map[string]Vector, error) {
	slices.Sort(texts)
	texts = slices.Compact(texts)
	out := make(map[string]Vector, len(texts))
	var failed error
	dim := e.Identity().Dim
	for i, res := range e.Embed(ctx, texts) {
		v, err := unit(res, dim)
		if err != nil {
			failed = err
			continue
		}
		out[texts[i]], dim = v, len(v)
	}
	return out, failed
}

// similarities of a vector with all answers but the right ones.
func similarities(x Vector, answers []string, vectors map[string]Vector, right []string) []float64 {
	var out []float64
	for _, a := range answers {
		if v := vectors[a]; v != nil && !slices.Contains(right, task.Normalize(a)) {
			out = append(out, embed.Dot(x, v))
		}
	}
	return out
}

// confusions lists the most similar pairs of different parent answers.
func confusions(c *Calibration) []Confusion {
	var all []Confusion
	for i := range c.Answers {
		for j := range i {
			all = append(all, Confusion{A: c.Answers[j], B: c.Answers[i], Cosine: embed.Dot(c.Vectors[i], c.Vectors[j])})
		}
	}
	slices.SortStableFunc(all, func(a, b Confusion) int { return cmp.Compare(b.Cosine, a.Cosine) })
	return all[:min(len(all), probeConfusions)]
}

// probeSamples are the references of the prompts as their answers.
func probeSamples(t *task.Task, answers map[string]string) []Sample {
	var samples []Sample
	for _, it := range t.Items {
		if a := answers[it.ID]; strings.TrimSpace(a) != "" {
			samples = append(samples, Sample{Prompt: it.Prompt, Input: it.Input, Response: a, Reference: a, Accepted: it.Accepted, Columns: it.Columns})
		}
	}
	return spread(samples, probePrompts)
}
