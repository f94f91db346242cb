package main

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"

	"pgsrm/eval"
	"pgsrm/internal/durable"
)

// evalAnswer is a line of eval --out.
type evalAnswer struct {
	Child      string   `json:"child"`
	ID         string   `json:"id"`
	Split      string   `json:"split"`
	Prompt     string   `json:"prompt"`
	Reference  string   `json:"reference"`
	Response   string   `json:"response"`
	Exact      bool     `json:"exact_match"`
	Normalized *bool    `json:"exact_match_normalized,omitempty"` // absent where nothing says what counts as an answer
	Cosine     *float64 `json:"cosine"`                           // null where the embedder failed
	ChrF       float64  `json:"chrf"`
	Finish     string   `json:"finish"`
}

// writeEvalAnswers writes the answers of the children into a file, those of the first
// child first.
func writeEvalAnswers(path string, children []string, results []eval.Measured) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	for k, r := range results {
		for i, a := range r.Answers {
			if err := enc.Encode(newEvalAnswer(children[k], a, r.Scores[i])); err != nil {
				return err
			}
		}
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	return durable.WriteBytes(path, b.Bytes())
}

func newEvalAnswer(child string, a eval.Answer, s eval.Score) evalAnswer {
	out := evalAnswer{
		Child: child, ID: a.Item.ID, Split: string(a.Item.Split), Prompt: a.Item.Prompt, Reference: a.Reference,
		Response: a.Response, Exact: s.Exact == 1, ChrF: s.ChrF, Finish: a.Finish,
	}
	if right := s.Normalized == 1; !math.IsNaN(s.Normalized) {
		out.Normalized = &right
	}
	if !math.IsNaN(s.Cosine) {
		out.Cosine = &s.Cosine
	}
	return out
}
