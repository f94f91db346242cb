// Package jsonobject reads JSON objects member by member: in their order, with
// every name unique, and each value as the text it has in the file.
package jsonobject

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
)

// Each calls f for each member of the JSON object in order. Duplicate
// names and anything after the object but spaces are errors.
func Each(object []byte, f func(name string, value json.RawMessage) error) error {
	dec := json.NewDecoder(bytes.NewReader(object))
	if tok, err := dec.Token(); err != nil {
		return fmt.Errorf("not JSON: %w", err)
	} else if tok != json.Delim('{') {
		return fmt.Errorf("must be a JSON object (got %v)", tok)
	}
	seen := map[string]bool{}
	for dec.More() {
		tok, err := dec.Token()
		if err != nil {
			return fmt.Errorf("not JSON: %w", err)
		}
		name, _ := tok.(string) // the decoder admits no other token here
		if seen[name] {
			return fmt.Errorf("name %q must be unique", name)
		}
		seen[name] = true
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return fmt.Errorf("not JSON at %q: %w", name, err)
		}
		if err := f(name, value); err != nil {
			return err
		}
	}
	if _, err := dec.Token(); err != nil {
		return fmt.Errorf("not JSON: %w", err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return fmt.Errorf("nothing must follow the JSON object")
	}
	return nil
}

// Text is the JSON of a value that always has one, without HTML escapes.
func Text(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return []byte("null")
	}
	return bytes.TrimSpace(b.Bytes())
}
