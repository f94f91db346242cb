package reward

import (
	"context"
	"fmt"
	"io"
	"math"
	"slices"

	"pgsrm/cache"
	"pgsrm/custom"
	"pgsrm/embed"
	"pgsrm/task"
)

// recentTexts is how many texts a model surely keeps ready to score.
const recentTexts = 1 << 14

// Model is a reward calibrated for one task. Scoring is safe for concurrent use, but not
// beside Remember.
type Model struct {
	spec    Spec
	program *program
	vectors bool          // some term needs embeddings
	inputs  bool          // some term needs those of the inputs
	hubs    bool          // some term needs the nearest references
	match   *task.Matcher // what counts as an answer
	answers *task.Matcher // likewise, of the answers that match has read
	emb     embed.Embedder
	cal     *Calibration
	known   *cache.Recent[*place]
	own     Scorers
	seen    *memory // nil: the reward has none
}

// New calibrates a reward for a task. answers maps item ids to the parent's
// answers, match says what counts as an answer (nil: the whole response as it is).
// A reward without semantic terms needs neither embedder nor calibration: e may be
// nil and is never called. own are what Spec.OpenScorers gave. Answers that could not be
// embedded stand in Calibration().Failed.
func New(ctx context.Context, spec Spec, t *task.Task, answers map[string]string, e embed.Embedder, match *task.Matcher, own ...custom.Scorer) (*Model, error) {
	if err := spec.Validate(); err != nil {
		return nil, err
	}
	if !spec.NeedsVectors() {
		return newModel(spec, nil, nil, match, own)
	}
	if e == nil {
		return nil, fmt.Errorf("reward: %s needs an embedder", spec.Name)
	}
	cal, err := calibrate(ctx, t, answers, e, match)
	if err != nil {
		return nil, err
	}
	return newModel(spec, cal, e, match, own)
}

// Restore makes the model of a calibration that was saved, without embedding
// anything anew. cal may be nil for a reward without semantic terms.
func Restore(spec Spec, cal *Calibration, e embed.Embedder, match *task.Matcher, own ...custom.Scorer) (*Model, error) {
	if err := spec.Validate(); err != nil {
		return nil, err
	}
	if !spec.NeedsVectors() {
		return newModel(spec, nil, nil, match, own)
	}
	if e == nil || cal == nil {
		return nil, fmt.Errorf("reward: %s needs an embedder and a calibration", spec.Name)
	}
	if err := cal.check(e.Identity()); err != nil {
		return nil, err
	}
	copied := *cal
	copied.setCentre()
	return newModel(spec, &copied, e, match, own)
}

func newModel(spec Spec, cal *Calibration, e embed.Embedder, match *task.Matcher, own []custom.Scorer) (*Model, error) {
	p, err := spec.program()
	if err == nil {
		err = p.checkOwn(own)
	}
	if err != nil {
		return nil, err
	}
	m := &Model{spec: spec, program: p, vectors: p.vectors, match: match, answers: match.OfAnswers(), emb: e, cal: cal, own: own, known: cache.NewRecent[*place](recentTexts)}
	for _, t := range p.terms {
		k, _ := findKind(t.Kind)
		m.inputs = m.inputs || k.input
		m.hubs = m.hubs || k.name == "csls"
	}
	if p.memory {
		m.seen = newMemory(p.half)
	}
	return m, nil
}

// Spec is the reward that the model computes.
func (m *Model) Spec() Spec { return m.spec }

// Calibration is what the model took from the parent's answers; nil for a
// reward without semantic terms. It is read-only.
func (m *Model) Calibration() *Calibration { return m.cal }

// Score scores samples; each has its own error. An answer that is void - empty, none in
// the response, or one that echoes the prompt - has the value 0 in all terms and earns
// what the expression makes of that, at most 0. An answer without meaning for the embedder
// (embed.ErrNoMeaning) has the worst value of each semantic term. A failed call, or
// a reference that cannot be embedded, is the sample's Err. Nothing is remembered: a
// reward with a memory is that of a run that has seen nothing.
func (m *Model) Score(ctx context.Context, samples []Sample) []Score {
	return m.score(ctx, samples, nil, 0)
}

// ScoreStep is Score for the samples of a step of training, of which a share from 0 to 1 is
// done: with what Remember has seen.
func (m *Model) ScoreStep(ctx context.Context, samples []Sample, progress float64) []Score {
	return m.score(ctx, samples, m.seen, progress)
}

func (m *Model) score(ctx context.Context, samples []Sample, seen *memory, progress float64) []Score {
	raw := samples
	samples = m.read(samples)
	out := make([]Score, len(samples))
	live := make([]bool, len(samples))
	for i, s := range samples {
		live[i] = !void(s, m.match)
	}
	asked := m.askOwn(ctx, raw, live)
	var places map[string]found
	if m.vectors {
		places = m.locate(ctx, samples, live)
	}
	own := asked()
	b := &batch{n: len(samples), right: make([]bool, len(samples)), progress: progress}
	values := make([]float64, len(m.program.columns)*len(samples))
	for k := range m.program.columns {
		b.columns = append(b.columns, values[k*b.n:(k+1)*b.n])
	}
	for i, s := range samples {
		if live[i] {
			b.right[i] = m.answers.Exact(s.Response, s.Reference, s.Accepted)
			if out[i].Err = m.fillTerms(s, raw[i], i, b, places); out[i].Err == nil {
				out[i].Err = m.ownTerms(i, b, own)
			}
		}
	}
	b.groups = groupsOf(samples, func(i int) bool { return out[i].Err != nil })
	m.fillKnown(ctx, samples, live, seen, b, places)
	m.finish(out, live, b)
	return out
}

// finish computes the rewards from the terms.
func (m *Model) finish(out []Score, live []bool, b *batch) {
	rewards := b.value(m.program.root)
	for i := range out {
		if out[i].Err != nil {
			continue
		}
		s := Score{Reward: rewards[i], Right: b.right[i], Terms: make([]float64, len(b.columns))}
		for k, column := range b.columns {
			if live[i] {
				s.Terms[k] = column[i]
			}
		}
		if !live[i] {
			s.Reward = math.Min(0, s.Reward)
		}
		out[i] = s
	}
}

// Remember counts the answers of a step that was done, with their scores, for the steps
// after it. Samples without an ID and those that failed are left out.
func (m *Model) Remember(samples []Sample, scores []Score) {
	if m.seen == nil {
		return
	}
	samples = m.read(samples)
	right, n := map[string]float64{}, map[string]float64{}
	var ids []string
	for i, s := range samples {
		if s.ID == "" || scores[i].Err != nil {
			continue
		}
		if n[s.ID] == 0 {
			ids = append(ids, s.ID)
		}
		n[s.ID]++
		if scores[i].Right {
			right[s.ID]++
		}
	}
	for _, id := range ids {
		m.seen.visit(id, right[id]/n[id])
	}
	for i, s := range samples {
		if s.ID != "" && scores[i].Err == nil {
			m.seen.add(s.ID, m.answers.Key(s.Response))
		}
	}
}

// WriteMemory writes what Remember has seen, for a spec with Memory.
func (m *Model) WriteMemory(w io.Writer) error { return m.seen.write(w) }

// ReadMemory puts back what WriteMemory wrote.
func (m *Model) ReadMemory(r io.Reader) error {
	if err := m.seen.read(r); err != nil {
		return fmt.Errorf("reward: memory: %w", err)
	}
	return nil
}

// fillKnown fills in the terms that depend on the other samples and on what was seen.
func (m *Model) fillKnown(ctx context.Context, samples []Sample, live []bool, seen *memory, b *batch, places map[string]found) {
	key := func(i int) string { return m.answers.Key(samples[i].Response) }
	for k, t := range m.program.terms {
		column := b.columns[k]
		switch t.Kind {
		case "repeats":
			for i, x := range sameAnswers(b.n, b.groups, key) {
				if live[i] {
					column[i] = x
				}
			}
		case "progress":
			for i := range column {
				column[i] = b.progress
			}
		case "novel", "success":
			for i, s := range samples {
				switch {
				case t.Kind == "success" && seen != nil:
					column[i] = seen.success(s.ID)
				case t.Kind == "novel" && live[i] && seen != nil:
					column[i] = 1 / math.Sqrt(1+seen.times(s.ID, key(i)))
				}
			}
		}
	}
	if seen != nil {
		m.placeSeen(ctx, samples, seen)
	}
	b.repeats = func(i int, near float64, fresh bool) float64 {
		if seen == nil {
			return 0
		}
		p, r := seen.find(samples[i].ID, key(i))
		if p == nil {
			return 0
		}
		if near > 0 {
			if c, ok := places[m.text(samples[i])]; ok && c.place != nil {
				return seen.near(p, c.v, near, fresh)
			}
		}
		if r == nil {
			return 0
		}
		return seen.count(p, r, fresh)
	}
}

// fillTerms fills in the terms of sample i that depend on nothing else; raw is the sample
// before its answer was taken out.
func (m *Model) fillTerms(s, raw Sample, i int, b *batch, places map[string]found) error {
	sim, meaning, err := m.compare(s, places)
	if err != nil {
		return err
	}
	contrast := 0 // number of the next contrastive term
	for k, t := range m.program.terms {
		kind, _ := findKind(t.Kind)
		column := b.columns[k]
		switch {
		case kind.memory || kind.group || kind.own: // fillKnown, ownTerms
		case t.Kind == "exact":
			column[i] = truth(b.right[i])
		case t.Kind == "strict":
			column[i] = truth(m.match.Strict(raw.Response, raw.Reference, raw.Accepted))
		case m.program.checks[k] != nil:
			column[i] = m.program.checks[k](m.match.Answer(raw.Response))
		case !kind.vectors:
			column[i] = m.textTerm(t, s)
		case !meaning:
			column[i] = m.worst(t)
		case t.Kind == "contrastive":
			column[i] = contrastive(sim.cos, t.Tau, sim.logZ[contrast])
			contrast++
		default:
			column[i] = m.vectorTerm(t, sim)
		}
	}
	return nil
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
	case t.Kind == "nearer":
		return nearer(s, t.Alpha)
	case t.Kind == "csls":
		return csls(s, t.Alpha)
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
