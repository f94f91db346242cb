package tokenizer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// part is one typed object of the file, with its place in it.
type part struct {
	where  string
	raw    json.RawMessage
	kind   string // its field "type"
	absent bool   // null or not there
	nest   *nest  // counts the parts of its kind
}

// readPart reads the type of an object, counted in n.
func readPart(where string, raw json.RawMessage, n *nest) (part, error) {
	if err := n.add(where); err != nil {
		return part{}, err
	}
	if len(raw) == 0 || string(raw) == "null" {
		return part{where: where, absent: true}, nil
	}
	c := &cursor{text: raw}
	if !c.take('{') {
		return part{}, fmt.Errorf("%s: must be an object (got %.60s)", where, raw)
	}
	p := part{where: where, raw: raw, nest: n}
	for !c.take('}') {
		c.take(',')
		key, _ := c.string()
		c.take(':')
		value := c.value()
		if key != "type" {
			continue
		}
		if err := json.Unmarshal(value, &p.kind); err != nil {
			return part{}, fmt.Errorf("%s: field %q must be a string (got %.60s)", where, key, value)
		}
	}
	return p, nil
}

// read decodes the fields of a part; a field that v does not have is an error.
func (p part) read(v any) error {
	if err := strict(p.raw, v); err != nil {
		return fmt.Errorf("%s: %w", p.where, err)
	}
	return nil
}

// unknown is the error for a type that this package does not have.
func (p part) unknown(known ...string) error {
	return fmt.Errorf("%s: type must be one of %s (got %q)", p.where, strings.Join(known, ", "), p.kind)
}

// required reports the first missing field, in alphabetical order.
func required(where string, missing map[string]bool) error {
	first := ""
	for name, is := range missing {
		if is && (first == "" || name < first) {
			first = name
		}
	}
	if first != "" {
		return fmt.Errorf("%s: field %q must be there", where, first)
	}
	return nil
}

// strict decodes one JSON value with nothing after it and no unknown fields.
func strict(raw []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return jsonError(err)
	}
	if d.More() {
		return errors.New("must be one JSON value")
	}
	return nil
}

// jsonError words an error of encoding/json in the style of this package.
func jsonError(err error) error {
	var typ *json.UnmarshalTypeError
	if errors.As(err, &typ) {
		if typ.Field != "" {
			return fmt.Errorf("field %q must be %s (got %s)", typ.Field, kindName(typ.Type.Kind().String()), typ.Value)
		}
		return fmt.Errorf("must be %s (got %s)", kindName(typ.Type.Kind().String()), typ.Value)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("unexpected end of JSON input")
	}
	return errors.New(strings.TrimPrefix(err.Error(), "json: "))
}

// kindName words a Go kind as JSON, with its article.
func kindName(kind string) string {
	switch {
	case kind == "struct" || kind == "map":
		return "an object"
	case kind == "slice" || kind == "array":
		return "a list"
	case strings.HasPrefix(kind, "int") || strings.HasPrefix(kind, "uint"):
		return "a whole number"
	}
	return "a " + kind
}

func orNull(raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 {
		return json.RawMessage("null")
	}
	return raw
}
