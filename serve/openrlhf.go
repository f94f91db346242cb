package serve

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"pgsrm/reward"
)

// openrlhfRequest is what OpenRLHF 0.11 sends; older versions send many samples.
type openrlhfRequest struct {
	Query   list[string]          `json:"query"`   // [n] prompt and answer, special tokens kept
	Prompts list[string]          `json:"prompts"` // [n]
	Labels  list[json.RawMessage] `json:"labels"`  // [n] a field of the data set; "" = none
}

// openrlhf answers with {"rewards":[n],"scores":[n],"extra_logs":{name:[n]}}.
func (s *Server) openrlhf(ctx context.Context, d *desk, r *http.Request, body []byte) ([]byte, error) {
	var q openrlhfRequest
	if err := decode(body, &q); err != nil {
		return nil, err
	}
	n := len(q.Query)
	if len(q.Prompts) != n || q.Labels != nil && len(q.Labels) != n {
		return nil, badf("query, prompts and labels must be lists of one length (got %d, %d and %d)", n, len(q.Prompts), len(q.Labels))
	}
	if err := s.single(d, "/openrlhf"); err != nil {
		return nil, err
	}
	samples, errs := make([]reward.Sample, n), make([]error, n)
	for i := range samples {
		response, err := responseOf(q.Query[i], q.Prompts[i])
		if err != nil {
			errs[i] = err
			continue
		}
		var raw json.RawMessage
		if q.Labels != nil {
			raw = q.Labels[i]
		}
		samples[i].Prompt = d.promptOf(q.Prompts[i])
		samples[i].Response = answerText(response, s.set.EndMarkers)
		errs[i] = d.fill(&samples[i], raw)
	}
	out, err := s.scoreAll(ctx, d, samples, errs)
	if err != nil {
		return nil, err
	}
	rewards := appendList(nil, out, func(o *outcome) float64 { return o.Reward })
	b := append([]byte(`{"rewards":`), rewards...)
	b = append(append(b, `,"scores":`...), rewards...)
	b = append(b, `,"extra_logs":{`...)
	for k, name := range d.columns {
		b = append(appendText(b, "pgsrm_"+name), ':')
		b = append(appendList(b, out, func(o *outcome) float64 { return o.term(k) }), ',')
	}
	b = append(b, `"pgsrm_unscored":`...)
	b = appendList(b, out, func(o *outcome) float64 { return o.unscored() })
	return append(b, "}}\n"...), nil
}

// appendList writes a number for each outcome.
func appendList(b []byte, out []outcome, f func(o *outcome) float64) []byte {
	b = append(b, '[')
	for i := range out {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendFloat(b, f(&out[i]))
	}
	return append(b, ']')
}

// term is the value of a term; 0 for a sample without a score.
func (o *outcome) term(k int) float64 {
	if o.Err != nil || k >= len(o.Terms) {
		return 0
	}
	return o.Terms[k]
}

// unscored is 1 for a sample without a score.
func (o *outcome) unscored() float64 {
	if o.Err != nil {
		return 1
	}
	return 0
}

// single refuses a reward that compares answers on routes that bring them one by one.
func (s *Server) single(d *desk, route string) error {
	if d.facts.groups {
		return badf("%s: the reward compares the answers to one prompt (%s), which only /v1/reward brings together", route, d.Model.Spec().Name)
	}
	return nil
}

// scoreAll scores samples for a route that has no place for errors of single samples: what
// may be scored later is the error of the request, what never can be stays in its outcome.
func (s *Server) scoreAll(ctx context.Context, d *desk, samples []reward.Sample, errs []error) ([]outcome, error) {
	out, err := d.score(ctx, samples, errs)
	if err != nil {
		return nil, err
	}
	for i := range out {
		if err := out[i].Err; err != nil {
			if p := problemOf(err); p.retry {
				return nil, p
			}
			out[i].Score = reward.Score{Err: err}
		}
	}
	s.count(d, out)
	return out, nil
}

// fill completes a sample with the label of a request, else by what the task knows.
func (d *desk) fill(s *reward.Sample, raw json.RawMessage) error {
	reference, accepted, err := label(raw)
	if err != nil {
		return badf("label %v", err)
	}
	if err := d.References.Fill(s, reference); err != nil {
		return noReference(err)
	}
	s.Accepted = slices.Concat(s.Accepted, accepted)
	return nil
}

// noReference says in the words of a request that nothing is there to compare with.
func noReference(err error) error {
	if errors.Is(err, reward.ErrNoReference) {
		return &problem{http.StatusUnprocessableEntity, "no_reference", "the request gives no reference and the task has no answer to this prompt", false}
	}
	return err
}
