package task

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"pgsrm/internal/lines"
)

// row is one row of a file: named JSON values in the order of the file.
type row struct {
	title   string
	line    int  // of the file, from 1
	counted bool // line counts rows: the file has no lines
	table   bool // CSV or TSV: every value is a text
	fields  []field
}

// field is one value of a row.
type field struct {
	name  string
	value json.RawMessage
}

// place is where the row stands: "tasks.jsonl:7" or "tasks.json: row 7".
func (r *row) place() string {
	if r.counted {
		return fmt.Sprintf("%s: row %d", r.title, r.line)
	}
	return fmt.Sprintf("%s:%d", r.title, r.line)
}

// errorf is a mistake in one field: `tasks.jsonl:7: field "prompt": must not be empty`.
func (r *row) errorf(field, format string, args ...any) error {
	return fmt.Errorf("%s: field %q: %s", r.place(), field, fmt.Sprintf(format, args...))
}

// failed is a mistake in the row as a whole.
func (r *row) failed(format string, args ...any) error {
	return fmt.Errorf("%s: %w", r.place(), fmt.Errorf(format, args...))
}

// eachLine reads lines of JSON objects; blank lines are skipped.
func eachLine(title string, r *bufio.Reader, f func(row) error) error {
	rec := row{title: title}
	for {
		line, err := lines.Read(r, maxRow)
		rec.line++
		if err != nil && err != io.EOF {
			return rec.failed("%w", err)
		}
		if object := bytes.TrimSpace(line); len(object) > 0 {
			if err := rec.parse(object); err != nil {
				return err
			}
			if err := f(rec); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
	}
}

// eachElement reads an array of JSON objects.
func eachElement(title string, r io.Reader, f func(row) error) error {
	rec := row{title: title, counted: true}
	d := json.NewDecoder(r)
	if _, err := d.Token(); err != nil { // [, as the caller saw
		return fmt.Errorf("%s: must be a JSON array: %w", title, err)
	}
	for d.More() {
		rec.line++
		var object json.RawMessage
		if err := d.Decode(&object); err != nil {
			return rec.failed("must be a JSON object: %w", err)
		}
		if err := rec.parse(object); err != nil {
			return err
		}
		if err := f(rec); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil {
		return fmt.Errorf("%s: must be a JSON array: %w", title, noEOF(err))
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("%s: nothing must follow the JSON array", title)
	}
	return nil
}

func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// parse takes the members of an object apart. Names are unique.
func (r *row) parse(object []byte) error {
	if !json.Valid(object) {
		var v any
		err := json.Unmarshal(object, &v)
		return r.failed("must be a JSON object: %w", err)
	}
	if object[0] != '{' {
		return r.failed("must be a JSON object (got %s)", excerpt(object))
	}
	r.fields = r.fields[:0]
	for at := skipSpace(object, 1); object[at] != '}'; {
		name := object[at:skipValue(object, at)]
		from := skipSpace(object, skipSpace(object, at+len(name))+1) // over the colon
		to := skipValue(object, from)
		key, err := textOf(name)
		if err != nil {
			return r.failed("%w", err)
		}
		for _, g := range r.fields {
			if g.name == key {
				return r.errorf(key, "must stand once")
			}
		}
		r.fields = append(r.fields, field{key, object[from:to]})
		if at = skipSpace(object, to); object[at] == ',' {
			at = skipSpace(object, at+1)
		}
	}
	return nil
}

// skipSpace is the place of the next character of valid JSON that is no white space.
func skipSpace(text []byte, at int) int {
	for text[at] == ' ' || text[at] == '\n' || text[at] == '\t' || text[at] == '\r' {
		at++
	}
	return at
}

// skipValue is the end of the value of valid JSON that begins at a place.
func skipValue(text []byte, at int) int {
	depth := 0
	for ; at < len(text); at++ {
		switch text[at] {
		case '"':
			for at++; text[at] != '"'; at++ {
				if text[at] == '\\' {
					at++
				}
			}
			if depth == 0 {
				return at + 1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth < 0 {
				return at
			}
			if depth == 0 {
				return at + 1
			}
		case ',', ':', ' ', '\n', '\t', '\r':
			if depth == 0 {
				return at
			}
		}
	}
	return at
}

// eachLineOfTable reads CSV (RFC 4180) or TSV whose first line names the columns.
func eachLineOfTable(title string, r io.Reader, comma rune, f func(row) error) error {
	c := csv.NewReader(r)
	c.Comma, c.ReuseRecord = comma, true
	c.LazyQuotes = comma == '\t' // a quote in tab-separated text is a quote
	header, err := c.Read()
	if err == io.EOF {
		return nil
	}
	if err != nil {
		return tableError(title, err)
	}
	rec := row{title: title, line: 1, table: true, fields: make([]field, len(header))}
	for i, name := range header {
		rec.fields[i].name = strings.Clone(name)
		for _, g := range rec.fields[:i] {
			if g.name == name {
				return rec.errorf(name, "must stand once")
			}
		}
	}
	for {
		values, err := c.Read()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return tableError(title, err)
		}
		rec.line, _ = c.FieldPos(0)
		for i, v := range values {
			if !utf8.ValidString(v) {
				return rec.errorf(rec.fields[i].name, "must be valid UTF-8")
			}
			rec.fields[i].value = quoted(v)
		}
		if err := f(rec); err != nil {
			return err
		}
	}
}

// tableError gives a parse error the form file:line of the other errors.
func tableError(title string, err error) error {
	var p *csv.ParseError
	if errors.As(err, &p) {
		return fmt.Errorf("%s:%d: must be valid CSV: %w", title, p.Line, p.Err)
	}
	return fmt.Errorf("%s: %w", title, err)
}

// excerpt shortens a value for an error text.
func excerpt(raw []byte) string {
	const most = 40
	if len(raw) <= most {
		return string(raw)
	}
	return strings.ToValidUTF8(string(raw[:most]), "") + "..."
}
