package embed

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"pgsrm/remote"
)

// wire is the protocol of a kind of server: where a request goes, what it holds, and
// how its reply is read. read returns one place for each of n texts in their order,
// its vector or what is wrong with it; an error where the reply as a whole is wrong.
type wire struct {
	path   string
	items  int // texts of a request
	tokens int // of a request
	body   func(s *Server, texts []string) any
	read   func(reply []byte, n int) (places []Result, tokens int64, err error)
}

// wires are the protocols by kind. All servers are told not to cut a text that is
// too long, where the protocol can say so.
var wires = map[string]wire{
	"openai": {"/embeddings", 256, 200_000, openaiBody, readOpenAI},
	"tei":    {"/embed", 32, 100_000, teiBody, readTEI},
	"ollama": {"/api/embed", 64, 100_000, ollamaBody, readOllama},
}

// openaiBody is the request of /v1/embeddings.
func openaiBody(s *Server, texts []string) any {
	return struct {
		Model      string   `json:"model"`
		Input      []string `json:"input"`
		Encoding   string   `json:"encoding_format"`
		Dimensions int      `json:"dimensions,omitempty"`
	}{s.model, texts, s.set.Encoding, s.set.Dimensions}
}

// teiBody is the request of TEI's own /embed.
func teiBody(s *Server, texts []string) any {
	return struct {
		Inputs     []string `json:"inputs"`
		Normalize  bool     `json:"normalize"`
		Truncate   bool     `json:"truncate"`
		Dimensions int      `json:"dimensions,omitempty"`
	}{texts, true, false, s.set.Dimensions}
}

// ollamaBody is the request of Ollama's /api/embed.
func ollamaBody(s *Server, texts []string) any {
	return struct {
		Model      string   `json:"model"`
		Input      []string `json:"input"`
		Truncate   bool     `json:"truncate"`
		Dimensions int      `json:"dimensions,omitempty"`
	}{s.model, texts, false, s.set.Dimensions}
}

// readOpenAI reads {"data":[{"index","embedding"}],"usage":{"total_tokens"}}.
func readOpenAI(reply []byte, n int) ([]Result, int64, error) {
	var r struct {
		Data []struct {
			Index     *int            `json:"index"`
			Embedding json.RawMessage `json:"embedding"`
		} `json:"data"`
		Usage struct {
			PromptTokens int64 `json:"prompt_tokens"`
		} `json:"usage"`
	}
	if err := remote.Decode(reply, &r); err != nil {
		return nil, 0, err
	}
	if len(r.Data) != n {
		return nil, 0, fmt.Errorf("reply must have a vector for each of %d texts (got %d)", n, len(r.Data))
	}
	places := make([]Result, n)
	taken := make([]bool, n)
	for i, d := range r.Data {
		if d.Index == nil {
			return nil, 0, fmt.Errorf("reply must have the index of each vector (vector %d has none)", i)
		}
		if *d.Index < 0 || *d.Index >= n || taken[*d.Index] {
			return nil, 0, fmt.Errorf("reply must have each index below %d once (got %d)", n, *d.Index)
		}
		taken[*d.Index] = true
		places[*d.Index] = readVector(d.Embedding)
	}
	return places, r.Usage.PromptTokens, nil
}

// readTEI reads [[0.1,0.2],...].
func readTEI(reply []byte, n int) ([]Result, int64, error) {
	var lists []json.RawMessage
	if err := remote.Decode(reply, &lists); err != nil {
		return nil, 0, err
	}
	places, err := readVectors(lists, n)
	return places, 0, err
}

// readOllama reads {"embeddings":[[0.1,0.2],...],"prompt_eval_count":2}.
func readOllama(reply []byte, n int) ([]Result, int64, error) {
	var r struct {
		Embeddings []json.RawMessage `json:"embeddings"`
		Tokens     int64             `json:"prompt_eval_count"`
	}
	if err := remote.Decode(reply, &r); err != nil {
		return nil, 0, err
	}
	places, err := readVectors(r.Embeddings, n)
	return places, r.Tokens, err
}

// readVectors reads vectors that stand in the order of the texts.
func readVectors(lists []json.RawMessage, n int) ([]Result, error) {
	if len(lists) != n {
		return nil, fmt.Errorf("reply must have a vector for each of %d texts (got %d)", n, len(lists))
	}
	places := make([]Result, n)
	for i, list := range lists {
		places[i] = readVector(list)
	}
	return places, nil
}

// readVector reads a list of numbers, or base64 of little-endian float32.
func readVector(raw json.RawMessage) Result {
	v, err := vectorNumbers(bytes.TrimSpace(raw))
	if err == nil {
		err = Check(v, max(1, len(v)))
	}
	if err != nil {
		return Result{Err: err}
	}
	return Result{Vector: v}
}

func vectorNumbers(raw []byte) ([]float32, error) {
	if len(raw) == 0 || raw[0] != '"' && raw[0] != '[' {
		return nil, errors.New("embed: vector must be a list of numbers or base64")
	}
	if raw[0] == '[' {
		return numberList(raw)
	}
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return nil, err
	}
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(b)%4 != 0 {
		return nil, fmt.Errorf("embed: vector must be base64 of float32 (got %d characters)", len(text))
	}
	return floatsOf(b), nil
}

// numberList reads a JSON list of numbers; a server writes null for NaN.
func numberList(raw []byte) ([]float32, error) {
	inner := bytes.TrimSpace(raw[1 : len(raw)-1]) // valid JSON: it ends in ]
	if len(inner) == 0 {
		return nil, nil
	}
	out := make([]float32, 0, bytes.Count(inner, []byte{','})+1)
	for field := range bytes.SplitSeq(inner, []byte{','}) {
		field = bytes.TrimSpace(field)
		x, err := strconv.ParseFloat(string(field), 32)
		if err != nil {
			return nil, fmt.Errorf("embed: vector must be finite (number %d is %.20s)", len(out), field)
		}
		out = append(out, float32(x))
	}
	return out, nil
}
