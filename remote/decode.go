package remote

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Decode reads one JSON value into v. Besides what is no JSON (an HTML page, a
// reply cut short) it refuses an object with one key twice, of which the
// decoder would silently take the last.
func Decode(reply []byte, v any) error {
	trimmed := bytes.TrimSpace(reply)
	switch {
	case len(trimmed) == 0:
		return errors.New("reply must be JSON (got nothing)")
	case trimmed[0] == '<':
		return errors.New("reply must be JSON (got a page of HTML)")
	case !json.Valid(trimmed):
		return fmt.Errorf("reply must be JSON (%w)", json.Unmarshal(trimmed, new(json.RawMessage)))
	}
	if key, twice := duplicateKey(trimmed); twice {
		return fmt.Errorf("reply must have each key once (got %q twice)", key)
	}
	if err := json.Unmarshal(trimmed, v); err != nil {
		return fmt.Errorf("reply must have the documented form (%s)", strings.TrimPrefix(err.Error(), "json: "))
	}
	return nil
}

// duplicateKey finds a key that stands twice in one object of valid JSON. It
// walks over the bytes once: replies of embeddings are long lists of numbers.
func duplicateKey(text []byte) (key string, twice bool) {
	var open []map[string]bool // one for each open bracket; nil for a list
	expectKey := false
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '{':
			open, expectKey = append(open, map[string]bool{}), true
		case '[':
			open, expectKey = append(open, nil), false
		case '}', ']':
			open, expectKey = open[:len(open)-1], false
		case ',':
			expectKey = open[len(open)-1] != nil
		case '"':
			end := stringEnd(text, i)
			if expectKey {
				key := unquote(text[i : end+1])
				seen := open[len(open)-1]
				if seen[key] {
					return key, true
				}
				seen[key], expectKey = true, false
			}
			i = end
		}
	}
	return "", false
}

// stringEnd is the place of the quote that closes the string opened at i.
func stringEnd(text []byte, i int) int {
	for i++; text[i] != '"'; i++ {
		if text[i] == '\\' {
			i++
		}
	}
	return i
}

// unquote reads a string of valid JSON as the decoder does, so that a key is known
// again however it is written.
func unquote(quoted []byte) string {
	var s string
	plain := bytes.IndexByte(quoted, '\\') < 0 && utf8.Valid(quoted)
	if plain || json.Unmarshal(quoted, &s) != nil {
		return string(quoted[1 : len(quoted)-1])
	}
	return s
}

// message finds the server's own words in the reply of a failed request. The
// forms: {"error":{"message"}} (OpenAI, vLLM, llama.cpp, Ollama), {"error":"text"}
// (TEI, Ollama), {"message"} (TEI, older vLLM), {"detail"} (FastAPI); otherwise
// the reply as it is.
func message(reply []byte) string {
	var form struct {
		Error   json.RawMessage `json:"error"`
		Message json.RawMessage `json:"message"`
		Detail  json.RawMessage `json:"detail"`
	}
	if json.Unmarshal(reply, &form) != nil {
		return string(reply)
	}
	var inner struct {
		Message string `json:"message"`
	}
	if json.Unmarshal(form.Error, &inner) == nil && inner.Message != "" {
		return inner.Message
	}
	for _, raw := range []json.RawMessage{form.Error, form.Message, form.Detail} {
		var text string
		if json.Unmarshal(raw, &text) == nil && text != "" {
			return text
		}
	}
	return string(reply)
}
