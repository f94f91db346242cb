package serve

import (
	"context"
	"encoding/json"
	"net/http"

	"pgsrm/reward"
)

// slimeRequest is what slime sends: one sample.
type slimeRequest struct {
	Prompt   json.RawMessage `json:"prompt"` // a text or a list of messages
	Response *string         `json:"response"`
	Label    json.RawMessage `json:"label"` // a field of the data set, or null
}

// slime answers with the reward alone, or with ?form=object with score and terms.
func (s *Server) slime(ctx context.Context, d *desk, r *http.Request, body []byte) ([]byte, error) {
	object := false
	switch form := r.URL.Query().Get("form"); form {
	case "", "number":
	case "object":
		object = true
	default:
		return nil, badf("form must be number or object (got %.40q)", form)
	}
	var q slimeRequest
	if err := decode(body, &q); err != nil {
		return nil, err
	}
	if q.Response == nil || isNull(q.Prompt) {
		return nil, badf("prompt and response must be given")
	}
	if err := s.single(d, "/slime"); err != nil {
		return nil, err
	}
	prompt, err := promptText(q.Prompt)
	if err != nil {
		return nil, badf("prompt: %v", err)
	}
	samples := []reward.Sample{{Prompt: d.promptOf(prompt), Response: answerText(*q.Response, s.set.EndMarkers)}}
	out, err := s.scoreAll(ctx, d, samples, []error{d.fill(&samples[0], q.Label)})
	if err != nil {
		return nil, err
	}
	o := &out[0]
	if !object {
		return append(appendFloat(nil, o.Reward), '\n'), nil
	}
	b := appendFloat([]byte(`{"score":`), o.Reward)
	return append(d.appendTerms(b, o), "}\n"...), nil
}

// appendTerms writes ,"pgsrm_NAME":value for each term and pgsrm_unscored.
func (d *desk) appendTerms(b []byte, o *outcome) []byte {
	for k, name := range d.columns {
		b = append(appendText(append(b, ','), "pgsrm_"+name), ':')
		b = appendFloat(b, o.term(k))
	}
	return appendFloat(append(b, `,"pgsrm_unscored":`...), o.unscored())
}
