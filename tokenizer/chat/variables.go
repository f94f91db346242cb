package chat

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// ParseVariables reads further variables of a template from a JSON object, such
// as {"enable_thinking": false}; the empty text has none.
func ParseVariables(text string) (*Variables, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	v, err := parseJSON(text)
	if err != nil {
		return nil, fmt.Errorf("must be a JSON object (got %w)", err)
	}
	d, ok := v.(*dict)
	if !ok {
		return nil, fmt.Errorf("must be a JSON object (got %s)", typeName(v))
	}
	for _, name := range []string{"messages", "add_generation_prompt", "strftime_now"} {
		if _, ok := d.vals[name]; ok {
			return nil, fmt.Errorf("must not set %q", name)
		}
	}
	return &Variables{d}, nil
}

// parseJSON reads a JSON value with its members in order.
func parseJSON(text string) (value, error) {
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	v, err := decodeJSON(dec, 0)
	if err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one value")
	}
	return v, nil
}

func decodeJSON(dec *json.Decoder, depth int) (value, error) {
	if depth > maxNesting {
		return nil, errNesting
	}
	t, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case json.Number:
		return jsonNumber(t.String())
	case json.Delim:
		if t == '[' {
			return decodeArray(dec, depth+1)
		}
		return decodeObject(dec, depth+1)
	}
	return t, nil
}

// jsonNumber is an int without a fraction or exponent, else a float.
func jsonNumber(s string) (value, error) {
	if strings.ContainsAny(s, ".eE") {
		return strconv.ParseFloat(s, 64)
	}
	return strconv.ParseInt(s, 10, 64)
}

func decodeArray(dec *json.Decoder, depth int) (value, error) {
	out := &list{}
	for dec.More() {
		v, err := decodeJSON(dec, depth)
		if err != nil {
			return nil, err
		}
		out.items = append(out.items, v)
	}
	_, err := dec.Token()
	return out, err
}

func decodeObject(dec *json.Decoder, depth int) (value, error) {
	out := newDict()
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, err
		}
		v, err := decodeJSON(dec, depth)
		if err != nil {
			return nil, err
		}
		name, ok := key.(string)
		if !ok {
			return nil, fmt.Errorf("key %v", key)
		}
		out.set(name, v)
	}
	_, err := dec.Token()
	return out, err
}
