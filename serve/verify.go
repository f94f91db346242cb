package serve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"pgsrm/internal/jsonobject"
	"pgsrm/reward"
)

// verifyRequest is the part of a request of NeMo Gym that is read; the rest of the row are
// columns.
type verifyRequest struct {
	Params   json.RawMessage // responses_create_params
	Response json.RawMessage
	columns  map[string]json.RawMessage
}

// verify scores one sample of NeMo Gym and echoes what belongs to it, byte by byte.
func (s *Server) verify(ctx context.Context, d *desk, r *http.Request, body []byte) ([]byte, error) {
	if err := checkMembers(body); err != nil {
		return nil, err
	}
	var row map[string]json.RawMessage
	if err := decode(body, &row); err != nil {
		return nil, err
	}
	q := verifyRequest{Params: row["responses_create_params"], Response: row["response"], columns: row}
	if len(q.Params) == 0 || q.Params[0] != '{' || len(q.Response) == 0 || q.Response[0] != '{' {
		return nil, badf("responses_create_params and response must be objects")
	}
	if err := s.single(d, "/verify"); err != nil {
		return nil, err
	}
	sample, err := q.sample()
	if err != nil {
		return nil, badf("%v", err)
	}
	sample.Prompt = d.promptOf(sample.Prompt)
	sample.Response = answerText(sample.Response, s.set.EndMarkers)
	if d.facts.columns {
		sample.Columns = columnsOf(body, "responses_create_params", "response")
	}
	samples := []reward.Sample{sample}
	out, err := s.scoreAll(ctx, d, samples, []error{d.fill(&samples[0], q.label(s.set.Labels))})
	if err != nil {
		return nil, err
	}
	o := &out[0]
	b := make([]byte, 0, len(q.Params)+len(q.Response)+512)
	b = append(append(b, `{"responses_create_params":`...), q.Params...)
	b = append(append(b, `,"response":`...), q.Response...)
	b = appendFloat(append(b, `,"reward":`...), o.Reward)
	b = d.appendTerms(b, o)
	if o.Err != nil {
		return append(b, `,"instance_config":{"mask_sample":true},"_ng_failure_class":"pgsrm_unscored"}`+"\n"...), nil
	}
	return append(b, `,"instance_config":{"mask_sample":false}}`+"\n"...), nil
}

// label is the first of the columns that is there.
func (q *verifyRequest) label(names []string) json.RawMessage {
	for _, name := range names {
		if raw := q.columns[name]; !isNull(raw) {
			return raw
		}
	}
	return nil
}

// sample are the prompt and the answer of a request: all text that the assistant wrote
// as messages.
func (q *verifyRequest) sample() (s reward.Sample, err error) {
	var params struct {
		Input json.RawMessage `json:"input"`
	}
	var response struct {
		Output     list[json.RawMessage] `json:"output"`
		Incomplete *struct {
			Reason string `json:"reason"`
		} `json:"incomplete_details"`
	}
	if err := json.Unmarshal(q.Params, &params); err != nil {
		return s, errors.New("responses_create_params: must be an object with input")
	}
	if s.Prompt, err = promptText(params.Input); err != nil {
		return s, errors.New("responses_create_params: input: " + err.Error())
	}
	if err := decode(q.Response, &response); err != nil {
		return s, fmt.Errorf("response: must be an object with the list output: %w", err)
	}
	var text strings.Builder
	for _, raw := range response.Output {
		var item message
		if json.Unmarshal(raw, &item) != nil || item.Type != "message" && item.Type != "" || item.Role != "assistant" {
			continue
		}
		part, err := contentText(item.Content)
		if err != nil {
			return s, errors.New("response: output: " + err.Error())
		}
		text.WriteString(part)
	}
	s.Response = text.String()
	s.Cut = response.Incomplete != nil && response.Incomplete.Reason == "max_output_tokens"
	return s, nil
}

// columnsOf are the members of an object but for some, in their order; nil where it has one
// twice.
func columnsOf(object []byte, but ...string) json.RawMessage {
	out := []byte{'{'}
	err := jsonobject.Each(object, func(name string, value json.RawMessage) error {
		if slices.Contains(but, name) {
			return nil
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		text, _ := json.Marshal(name) // a string always has a JSON form
		out = append(append(append(out, text...), ':'), value...)
		return nil
	})
	if err != nil {
		return nil
	}
	return append(out, '}')
}

// The routes beside /verify that the driver of NeMo Gym calls.

func (s *Server) seedSession(context.Context, *desk, *http.Request, []byte) ([]byte, error) {
	return []byte("{}\n"), nil
}

func (s *Server) aggregateMetrics(context.Context, *desk, *http.Request, []byte) ([]byte, error) {
	return []byte(`{"group_level_metrics":[],"agent_metrics":{},"key_metrics":{}}` + "\n"), nil
}

func (s *Server) reverifyMode(context.Context, *desk, *http.Request, []byte) ([]byte, error) {
	return []byte(`"stateless"` + "\n"), nil
}
