package task

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// readJSONL reads a task from lines of JSON objects with the fields of fieldNames;
// blank lines are skipped. The file's name serves the errors and the task's name.
func readJSONL(file string, r io.Reader) (*Task, error) {
	text, err := readAll(file, r)
	if err != nil {
		return nil, err
	}
	var rows []row
	line := 0
	for l := range bytes.Lines(text) {
		line++
		l = bytes.TrimSpace(l)
		if len(l) == 0 {
			continue
		}
		it, err := decodeLine(file, line, l)
		if err != nil {
			return nil, err
		}
		rows = append(rows, row{line, it})
	}
	return newTask(file, rows)
}

// decodeLine reads one object field by field, so that an unknown, repeated or
// mistyped field is named in the error.
func decodeLine(file string, line int, text []byte) (Item, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	if tok, err := d.Token(); err != nil || tok != json.Delim('{') {
		return Item{}, fmt.Errorf("%s:%d: must be a JSON object", file, line)
	}
	var it Item
	seen := map[string]bool{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return Item{}, fmt.Errorf("%s:%d: must be a JSON object: %w", file, line, err)
		}
		field, _ := key.(string)
		if seen[field] {
			return Item{}, fieldError(file, line, field, "must stand once")
		}
		seen[field] = true
		if err := decodeField(d, &it, field, file, line); err != nil {
			return Item{}, err
		}
	}
	if _, err := d.Token(); err != nil { // the closing brace
		return Item{}, fmt.Errorf("%s:%d: must be a JSON object: %w", file, line, err)
	}
	if _, err := d.Token(); err != io.EOF {
		return Item{}, fmt.Errorf("%s:%d: must hold one JSON object (got more after it)", file, line)
	}
	return it, nil
}

// decodeField reads the value of one field into the item.
func decodeField(d *json.Decoder, it *Item, field, file string, line int) error {
	if field == "accepted" {
		return decodeValue(d, &it.Accepted, "a list of strings", file, line, field)
	}
	var text string
	switch field {
	case "prompt", "input", "reference", "split", "id":
		if err := decodeValue(d, &text, "a string", file, line, field); err != nil {
			return err
		}
	default:
		return fieldError(file, line, field, "is not known, must be one of %s", strings.Join(fieldNames[:], ", "))
	}
	switch field {
	case "prompt":
		it.Prompt = text
	case "input":
		it.Input = text
	case "reference":
		it.Reference = text
	case "split":
		it.Split = Split(text)
	case "id":
		it.ID = text
	}
	return nil
}

// decodeValue reads one JSON value into out (a *string or *[]string). Null, and
// bytes that are not UTF-8, are errors: the decoder itself would let both pass.
func decodeValue(d *json.Decoder, out any, want, file string, line int, field string) error {
	var raw json.RawMessage
	if err := d.Decode(&raw); err != nil {
		return fieldError(file, line, field, "must be %s (%v)", want, err)
	}
	if err := json.Unmarshal(raw, out); err != nil || string(raw) == "null" {
		return fieldError(file, line, field, "must be %s (got %s)", want, excerpt(raw))
	}
	if !utf8.Valid(raw) {
		return fieldError(file, line, field, "must be valid UTF-8")
	}
	return nil
}

// excerpt shortens a value for an error text.
func excerpt(raw []byte) string {
	const most = 40
	if len(raw) <= most {
		return string(raw)
	}
	return strings.ToValidUTF8(string(raw[:most]), "") + "..."
}
