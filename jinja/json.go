package jinja

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// ParseVars reads variables from a JSON object. Objects keep the order of their
// members; numbers are whole unless they have a fraction or an exponent.
func ParseVars(text string) (Vars, error) {
	v, err := parseJSON(text)
	if err != nil {
		return nil, fmt.Errorf("must be a JSON object (got %w)", err)
	}
	d, ok := v.(*dict)
	if !ok {
		return nil, fmt.Errorf("must be a JSON object (got %s)", typeName(v))
	}
	return d.vals, nil
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
