package reward

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"pgsrm/embed"
)

// place is where a text stands among the parent answers.
type place struct {
	v    Vector    // [E], unit length
	m    float64   // m(x)
	hub  float64   // r(x), see csls
	logZ []float64 // see similarity; in the order of the contrastive terms
}

// placeSeen finds the vectors of the answers that were given to the prompts of the
// samples, where close answers share a count.
func (m *Model) placeSeen(ctx context.Context, samples []Sample, seen *memory) {
	if !m.vectors || !m.program.near {
		return
	}
	missing := map[string][]*repeat{}
	var texts []string
	for _, s := range samples {
		p := seen.prompts[s.ID]
		if p == nil {
			continue
		}
		for _, r := range p.Answers {
			if r.v != nil || r.Text == "" {
				continue
			}
			if missing[r.Text] == nil {
				texts = append(texts, r.Text)
			}
			missing[r.Text] = append(missing[r.Text], r)
		}
	}
	if len(texts) == 0 {
		return
	}
	for i, res := range m.emb.Embed(ctx, texts) {
		if v, err := unit(res, m.cal.dim()); err == nil && i < len(texts) {
			for _, r := range missing[texts[i]] {
				r.v = v
			}
		}
	}
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
	if m.hubs {
		p.hub = m.cal.hubness(v)
	}
	for _, t := range m.program.terms {
		if t.Kind == "contrastive" {
			p.logZ = append(p.logZ, m.cal.logSum(v, t.Tau))
		}
	}
	return p
}

// hubNeighbours is how many of the nearest references hubness looks at.
const hubNeighbours = 10

// hubness is r(v), the mean cosine with the nearest parent answers (Conneau et al. 2018).
func (c *Calibration) hubness(v Vector) float64 {
	cosines := make([]float64, len(c.Vectors))
	for i, u := range c.Vectors {
		cosines[i] = embed.Dot(v, u)
	}
	slices.Sort(cosines)
	nearest := cosines[max(0, len(cosines)-hubNeighbours):]
	var sum float64
	for _, x := range nearest {
		sum += x
	}
	return sum / float64(len(nearest))
}

// logSum is log of the sum over u in U of exp(v.e(u)/tau).
func (c *Calibration) logSum(v Vector, tau float64) float64 {
	var sum float64
	for _, u := range c.Vectors {
		sum += math.Exp((embed.Dot(v, u) - 1) / tau) // shifted by the largest possible exponent
	}
	return math.Log(sum) + 1/tau
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
	sim = similarity{
		cos: clip(embed.Dot(c.v, p.v), -1, 1), mc: c.m, mp: p.m, rc: c.hub, rp: p.hub, xp: -1, xc: -1, same: m.repeats(s), logZ: c.logZ,
	}
	if text := m.input(s); text != "" {
		x := places[text]
		switch {
		case errors.Is(x.err, embed.ErrNoMeaning): // nothing that could be said again
		case x.err != nil:
			return sim, false, fmt.Errorf("reward: input %q: %w", s.Input, x.err)
		default:
			sim.xp, sim.xc = embed.Dot(x.v, p.v), embed.Dot(x.v, c.v)
		}
	}
	return sim, true, nil
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
