package reward

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"pgsrm/cache"
	"pgsrm/embed"
	"pgsrm/task"
)

// recentTexts is how many texts a model surely keeps ready to score.
const recentTexts = 1 << 14

// Model is a reward calibrated for one task.
type Model struct {
	spec    Spec
	terms   []Term        // spec.Terms with their defaults filled in
	vectors bool          // some term needs embeddings
	inputs  bool          // some term needs those of the inputs
	match   *task.Matcher // what counts as an answer
	answers *task.Matcher // likewise, of the answers that match has read
	emb     embed.Embedder
	cal     *Calibration
	known   *cache.Recent[*place]
}

// place is where a text stands among the parent answers.
type place struct {
	v    Vector    // [E], unit length
	m    float64   // m(x)
	logZ []float64 // see similarity; in the order of the contrastive terms
}

// New calibrates a reward for a task. answers maps item ids to the parent's
// answers, match says what counts as an answer (nil: the whole response as it is).
// A reward without semantic terms needs neither embedder nor calibration: e may be
// nil and is never called. Answers that could not be embedded stand in
// Calibration().Failed.
func New(ctx context.Context, spec Spec, t *task.Task, answers map[string]string, e embed.Embedder, match *task.Matcher) (*Model, error) {
	if err := spec.Validate(); err != nil {
		return nil, err
	}
	if !spec.NeedsVectors() {
		return newModel(spec, nil, nil, match), nil
	}
	if e == nil {
		return nil, fmt.Errorf("reward: %s needs an embedder", spec.Name)
	}
	cal, err := calibrate(ctx, t, answers, e, match)
	if err != nil {
		return nil, err
	}
	return newModel(spec, cal, e, match), nil
}

// Restore makes the model of a calibration that was saved, without embedding
// anything anew. cal may be nil for a reward without semantic terms.
func Restore(spec Spec, cal *Calibration, e embed.Embedder, match *task.Matcher) (*Model, error) {
	if err := spec.Validate(); err != nil {
		return nil, err
	}
	if !spec.NeedsVectors() {
		return newModel(spec, nil, nil, match), nil
	}
	if e == nil || cal == nil {
		return nil, fmt.Errorf("reward: %s needs an embedder and a calibration", spec.Name)
	}
	if err := cal.check(e.Identity()); err != nil {
		return nil, err
	}
	copied := *cal
	copied.setCentre()
	return newModel(spec, &copied, e, match), nil
}

func newModel(spec Spec, cal *Calibration, e embed.Embedder, match *task.Matcher) *Model {
	m := &Model{spec: spec, vectors: spec.NeedsVectors(), match: match, answers: match.OfAnswers(), emb: e, cal: cal, known: cache.NewRecent[*place](recentTexts)}
	for _, t := range spec.Terms {
		m.terms = append(m.terms, t.withDefaults())
		k, _ := findKind(t.Kind)
		m.inputs = m.inputs || k.input
	}
	return m
}

// Spec is the reward that the model computes.
func (m *Model) Spec() Spec { return m.spec }

// Calibration is what the model took from the parent's answers; nil for a
// reward without semantic terms. It is read-only.
func (m *Model) Calibration() *Calibration { return m.cal }

// Score scores samples; each has its own error. An empty answer and one that
// echoes the prompt have the reward 0 and all terms 0, and so has a response in
// which there is no answer. An answer without meaning for the embedder
// (embed.ErrNoMeaning) has the worst value of each semantic term. A failed call, or
// a reference that cannot be embedded, is the sample's Err.
func (m *Model) Score(ctx context.Context, samples []Sample) []Score {
	samples = m.read(samples)
	out := make([]Score, len(samples))
	values := make([]float64, len(samples)*len(m.terms))
	live := make([]bool, len(samples))
	for i, s := range samples {
		out[i].Terms = values[i*len(m.terms) : (i+1)*len(m.terms) : (i+1)*len(m.terms)]
		live[i] = !void(s, m.match)
	}
	var places map[string]found
	if m.vectors {
		places = m.locate(ctx, samples, live)
	}
	for i, s := range samples {
		if live[i] {
			m.scoreOne(s, places, &out[i])
		}
	}
	return out
}

// found is the place of a text, or why it has none.
type found struct {
	*place
	err error
}

// locate finds the places of all texts of the live samples, embedding those that
// are not known, in one call.
func (m *Model) locate(ctx context.Context, samples []Sample, live []bool) map[string]found {
	places := make(map[string]found, 2*len(samples))
	var missing []string
	for i, s := range samples {
		if !live[i] {
			continue
		}
		texts := append(make([]string, 0, 3), m.text(s), trim(s.Reference))
		if text := m.input(s); text != "" {
			texts = append(texts, text)
		}
		for _, text := range texts {
			if _, ok := places[text]; ok {
				continue
			}
			p, ok := m.known.Get(text)
			if !ok {
				missing = append(missing, text)
			}
			places[text] = found{place: p}
		}
	}
	if len(missing) > 0 {
		m.embedInto(ctx, missing, places)
	}
	return places
}

// embedInto embeds texts and files their places; errors are not remembered.
func (m *Model) embedInto(ctx context.Context, texts []string, places map[string]found) {
	results := m.emb.Embed(ctx, texts)
	for i, text := range texts {
		if i >= len(results) {
			places[text] = found{err: fmt.Errorf("reward: embedder must give %d results (got %d)", len(texts), len(results))}
			continue
		}
		v, err := unit(results[i], m.cal.dim())
		if err != nil {
			places[text] = found{err: err}
			continue
		}
		p := m.newPlace(v)
		m.known.Put(text, p)
		places[text] = found{place: p}
	}
}

// newPlace compares a vector with all parent answers.
func (m *Model) newPlace(v Vector) *place {
	p := &place{v: v, m: embed.Dot(v, m.cal.centre)}
	for _, t := range m.terms {
		if t.Kind == "contrastive" {
			p.logZ = append(p.logZ, m.cal.logSum(v, t.Tau))
		}
	}
	return p
}

// logSum is log of the sum over u in U of exp(v.e(u)/tau).
func (c *Calibration) logSum(v Vector, tau float64) float64 {
	var sum float64
	for _, u := range c.Vectors {
		sum += math.Exp((embed.Dot(v, u) - 1) / tau) // shifted by the largest possible exponent
	}
	return math.Log(sum) + 1/tau
}

// scoreOne fills in the terms and their weighted sum.
func (m *Model) scoreOne(s Sample, places map[string]found, out *Score) {
	sim, meaning, err := m.compare(s, places)
	if err != nil {
		*out = Score{Err: err}
		return
	}
	contrast := 0 // number of the next contrastive term
	for i, t := range m.terms {
		k, _ := findKind(t.Kind)
		switch {
		case !k.vectors:
			out.Terms[i] = m.textTerm(t.Kind, s)
		case !meaning:
			out.Terms[i] = m.worst(t)
		case t.Kind == "contrastive":
			out.Terms[i] = contrastive(sim.cos, t.Tau, sim.logZ[contrast])
			contrast++
		default:
			out.Terms[i] = m.vectorTerm(t, sim)
		}
		out.Reward += t.Weight * out.Terms[i]
	}
	if math.IsNaN(out.Reward) || math.IsInf(out.Reward, 0) {
		*out = Score{Err: fmt.Errorf("reward: must be finite (got %v for %q)", out.Reward, s.Response)}
	}
}

// compare finds how similar response and reference are; meaning is false where
// the embedder understood nothing of the response.
func (m *Model) compare(s Sample, places map[string]found) (sim similarity, meaning bool, err error) {
	if !m.vectors {
		return similarity{}, true, nil
	}
	c, p := places[m.text(s)], places[trim(s.Reference)]
	if p.err != nil {
		return sim, false, fmt.Errorf("reward: parent answer %q: %w", s.Reference, p.err)
	}
	if errors.Is(c.err, embed.ErrNoMeaning) {
		return sim, false, nil
	}
	if c.err != nil {
		return sim, false, fmt.Errorf("reward: answer %q: %w", s.Response, c.err)
	}
	sim = similarity{cos: clip(embed.Dot(c.v, p.v), -1, 1), mc: c.m, mp: p.m, xp: -1, same: m.repeats(s), logZ: c.logZ}
	if text := m.input(s); text != "" {
		x := places[text]
		switch {
		case errors.Is(x.err, embed.ErrNoMeaning): // nothing that could be said again
		case x.err != nil:
			return sim, false, fmt.Errorf("reward: input %q: %w", s.Input, x.err)
		default:
			sim.xp = embed.Dot(x.v, p.v)
		}
	}
	return sim, true, nil
}

// textTerm is the value of a term that needs no vectors.
func (m *Model) textTerm(kind string, s Sample) float64 {
	switch kind {
	case "exact":
		if m.answers.Exact(s.Response, s.Reference, s.Accepted) {
			return 1
		}
		return 0
	case "chrf":
		return ChrF(task.Normalize(s.Response), task.Normalize(s.Reference))
	case "length":
		return length(s.Response, s.Reference)
	case "repetition":
		return repetition(s.Response)
	default: // copy_penalty
		return copyPenalty(s.Prompt, s.Response, s.Reference)
	}
}

// vectorTerm is the value of a semantic term other than contrastive.
func (m *Model) vectorTerm(t Term, s similarity) float64 {
	switch {
	case t.Kind == "cosine":
		return cosine(s.cos, t.Alpha)
	case t.Kind == "shifted":
		return shifted(s.cos, t.Alpha)
	case t.Kind == "euclidean":
		return euclidean(s.cos)
	case t.Kind == "calibrated":
		return calibrated(s.cos, m.cal.Between, t.Alpha)
	case t.Kind == "centered" && t.NoClip:
		return s.cos - s.mc
	case t.Kind == "centered":
		return centered(s.cos, s.mc, s.mp, t.Alpha)
	case t.Kind == "moved":
		return moved(s, t.Alpha)
	case t.M0 > 0: // domain
		return domain(s.mc, t.M0)
	default:
		return domain(s.mc, m.cal.Domain)
	}
}

// worst is the value of a semantic term for an answer without meaning: the least
// that the term can be, and for centered without clip the least that any parent
// answer earns anywhere.
func (m *Model) worst(t Term) float64 {
	switch {
	case t.Kind == "euclidean":
		return -1
	case t.Kind == "centered" && t.NoClip:
		return m.cal.Floor
	default:
		return 0
	}
}

// read takes the answers out of the responses and references, in the form in which
// all terms see them: an answer in quotes earns in every term what it earns without.
func (m *Model) read(samples []Sample) []Sample {
	if m.match == nil {
		return samples
	}
	out := slices.Clone(samples)
	for i, s := range out {
		out[i].Response = m.match.Text(m.match.Answer(s.Response))
		out[i].Reference = m.match.Text(m.match.Reference(s.Reference))
	}
	return out
}

// text is what is embedded for the response: one that is the same answer as the
// reference, but for case, white space and what else does not count, has the
// reference's vector.
func (m *Model) text(s Sample) string {
	if m.match.Key(s.Response) == m.match.Key(s.Reference) {
		return trim(s.Reference)
	}
	return trim(s.Response)
}

// input is what is embedded of the input; empty where no term asks for it.
func (m *Model) input(s Sample) string {
	if !m.inputs || m.repeats(s) {
		return ""
	}
	return trim(s.Input)
}

// repeats says whether the input is the answer that is asked for.
func (m *Model) repeats(s Sample) bool {
	return m.inputs && m.answers.Key(s.Input) == m.answers.Key(s.Reference)
}

// trim is the form in which a text is embedded.
func trim(s string) string { return strings.TrimSpace(s) }
