package remote

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// What a reply may hold, so that no small one takes a large memory: far more than
// any server of vectors or chats sends.
const (
	maxDepth = 64      // objects and lists in one another
	maxItems = 1 << 17 // of one list: numbers of a vector, vectors of a batch
	maxKeys  = 1 << 12 // of one object
)

// Decode reads one JSON value into v. Besides what is no JSON (an HTML page, a
// reply cut short) it refuses an object with one key twice, of which the
// decoder would silently take the last, and what is larger than any reply.
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
	if err := checkShape(trimmed); err != nil {
		return err
	}
	if err := json.Unmarshal(trimmed, v); err != nil {
		return fmt.Errorf("reply must have the documented form (%s)", strings.TrimPrefix(err.Error(), "json: "))
	}
	return nil
}

// level is an open object or list.
type level struct {
	keys  map[string]bool // of an object; nil for a list
	items int
}

// checkShape refuses valid JSON with a key twice in one object, or beyond the
// bounds. It walks over the bytes once: replies of embeddings are long lists of
// numbers.
func checkShape(text []byte) error {
	var open []level
	expectKey := false
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '{', '[':
			if len(open) == maxDepth {
				return fmt.Errorf("reply must have at most %d levels", maxDepth)
			}
			open = append(open, level{})
			if expectKey = text[i] == '{'; expectKey {
				open[len(open)-1].keys = map[string]bool{}
			}
		case '}', ']':
			open, expectKey = open[:len(open)-1], false
		case ',':
			top := &open[len(open)-1]
			if top.items++; top.items == maxItems {
				return fmt.Errorf("reply must have at most %d items in a list", maxItems)
			}
			expectKey = top.keys != nil
		case '"':
			end := stringEnd(text, i)
			if expectKey {
				if err := open[len(open)-1].add(unquote(text[i : end+1])); err != nil {
					return err
				}
				expectKey = false
			}
			i = end
		}
	}
	return nil
}

// add notes a key of an object.
func (l *level) add(key string) error {
	switch {
	case l.keys[key]:
		return fmt.Errorf("reply must have each key once (got %.80q twice)", key)
	case len(l.keys) == maxKeys:
		return fmt.Errorf("reply must have at most %d keys in an object", maxKeys)
	}
	l.keys[key] = true
	return nil
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
