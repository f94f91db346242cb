package serve

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"time"

	"pgsrm/reward"
	"pgsrm/serve/client"
)

// reward answers many samples with all terms, and an error for each that has none.
func (s *Server) reward(ctx context.Context, d *desk, r *http.Request, body []byte) ([]byte, error) {
	var q struct {
		Name     string          `json:"name"`
		TimeoutS float64         `json:"timeout_s"`
		Samples  list[sample]    `json:"samples"`
		Run      json.RawMessage `json:"run"`
	}
	if err := decode(body, &q); err != nil {
		return nil, err
	}
	if !isNull(q.Run) {
		return nil, badf("run: this server has no memory of runs: every answer is scored as at the start of one")
	}
	if q.Samples == nil {
		return nil, badf("samples must be a list")
	}
	if len(q.Samples) > s.set.MaxSamples {
		return nil, badf("samples must be at most %d (got %d)", s.set.MaxSamples, len(q.Samples))
	}
	if q.Name != "" && q.Name != d.Name {
		shelf := s.borrow()
		defer shelf.giveBack()
		if d = shelf.desks[q.Name]; d == nil {
			return nil, noReward(shelf)
		}
	}
	if q.TimeoutS < 0 {
		return nil, badf("timeout_s must be at least 0 (got %v)", q.TimeoutS)
	}
	if q.TimeoutS > 0 && q.TimeoutS < 3600 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(q.TimeoutS*float64(time.Second)))
		defer cancel()
	}
	samples, errs := make([]reward.Sample, len(q.Samples)), make([]error, len(q.Samples))
	for i, one := range q.Samples {
		samples[i], errs[i] = d.sampleOf(one)
	}
	out, err := d.score(ctx, samples, errs)
	if err != nil {
		return nil, err
	}
	s.count(d, out)
	return d.reply(out), nil
}

// sample is a client.Sample with a bounded list.
type sample struct {
	client.Sample
	Accepted list[string] `json:"accepted"`
}

// sampleOf reads a sample.
func (d *desk) sampleOf(one sample) (s reward.Sample, err error) {
	s = reward.Sample{Prompt: one.Prompt, Response: one.Response, Cut: one.Finish == "length", Columns: one.Columns}
	if one.ID != "" && one.Prompt == "" {
		prompt, ok := d.prompts["id:"+one.ID]
		if !ok {
			return s, &problem{http.StatusUnprocessableEntity, "no_reference", "id: the task has no such item", false}
		}
		s.Prompt = prompt
	}
	if one.Finish != "" && !slices.Contains([]string{"eos", "stop", "length"}, one.Finish) {
		return s, badf("finish must be eos, stop or length (got %.40q)", one.Finish)
	}
	if err := d.References.Fill(&s, one.Reference); err != nil {
		return s, noReference(err)
	}
	s.Accepted = slices.Concat(s.Accepted, one.Accepted)
	return s, nil
}

// reply writes the results of samples.
func (d *desk) reply(out []outcome) []byte {
	b := appendText([]byte(`{"name":`), d.Name)
	b = append(b, `,"terms":[`...)
	for k, name := range d.columns {
		if k > 0 {
			b = append(b, ',')
		}
		b = appendText(b, name)
	}
	b = strconv.AppendBool(append(b, `],"groups":`...), d.facts.groups)
	b = append(b, `,"rewards":[`...)
	for i := range out {
		if i > 0 {
			b = append(b, ',')
		}
		if out[i].Err != nil {
			b = append(b, "null"...)
		} else {
			b = appendFloat(b, out[i].Reward)
		}
	}
	b = append(b, `],"results":[`...)
	for i := range out {
		if i > 0 {
			b = append(b, ',')
		}
		b = d.appendResult(b, &out[i])
	}
	return append(b, "]}\n"...)
}

// appendResult writes what came of one sample, see client.Result.
func (d *desk) appendResult(b []byte, o *outcome) []byte {
	if o.Err != nil {
		b = append(b, `{"reward":null,"terms":null`...)
	} else {
		b = appendFloat(append(b, `{"reward":`...), o.Reward)
		b = append(b, `,"terms":{`...)
		for k, name := range d.columns {
			if k > 0 {
				b = append(b, ',')
			}
			b = appendFloat(append(appendText(b, name), ':'), o.term(k))
		}
		b = append(b, '}')
	}
	b = strconv.AppendBool(append(b, `,"right":`...), o.Err == nil && o.Right)
	b = append(b, `,"reference":`...)
	if o.referred() {
		b = appendText(b, o.sample.Reference)
	} else {
		b = append(b, "null"...)
	}
	b = d.appendMatches(b, o)
	if o.Err == nil {
		return append(b, `,"error":null}`...)
	}
	p := problemOf(o.Err)
	b = appendText(append(b, `,"error":{"code":`...), p.code)
	b = appendText(append(b, `,"message":`...), p.text)
	return append(strconv.AppendBool(append(b, `,"retry":`...), p.retry), "}}"...)
}

// referred says whether something was found that the sample is compared with.
func (o *outcome) referred() bool { return o.Err == nil || o.sample.Reference != "" }

// appendMatches writes whether the answer is right, where the section answer counts.
func (d *desk) appendMatches(b []byte, o *outcome) []byte {
	s := o.sample
	if d.Match == nil || s.Reference == "" {
		return append(b, `,"exact_match":null,"exact_match_normalized":null`...)
	}
	b = strconv.AppendBool(append(b, `,"exact_match":`...), d.Match.Strict(s.Response, s.Reference, s.Accepted))
	return strconv.AppendBool(append(b, `,"exact_match_normalized":`...), d.Match.Normalized(s.Response, s.Reference, s.Accepted))
}
