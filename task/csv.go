package task

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// readCSV reads a task from CSV (RFC 4180) whose first line names the columns, a
// choice of fieldNames in any order; accepted answers are separated by |. The file's
// name serves the errors and the task's name.
func readCSV(file string, r io.Reader) (*Task, error) {
	text, err := readAll(file, r)
	if err != nil {
		return nil, err
	}
	c := csv.NewReader(bytes.NewReader(text))
	header, err := c.Read()
	if err == io.EOF {
		return nil, fmt.Errorf("%s: must hold at least one prompt (got none)", file)
	}
	if err != nil {
		return nil, csvError(file, err)
	}
	if err := checkHeader(file, header); err != nil {
		return nil, err
	}
	var rows []row
	for {
		fields, err := c.Read()
		if err == io.EOF {
			return newTask(file, rows)
		}
		if err != nil {
			return nil, csvError(file, err)
		}
		line, _ := c.FieldPos(0)
		rows = append(rows, row{line, csvItem(header, fields)})
	}
}

// checkHeader refuses unknown and repeated columns and a missing prompt.
func checkHeader(file string, header []string) error {
	for i, name := range header {
		if !slices.Contains(fieldNames[:], name) {
			return fieldError(file, 1, name, "is not known, must be one of %s", strings.Join(fieldNames[:], ", "))
		}
		if slices.Contains(header[:i], name) {
			return fieldError(file, 1, name, "must stand once")
		}
	}
	if !slices.Contains(header, "prompt") {
		return fieldError(file, 1, "prompt", "must be a column (got %s)", strings.Join(header, ", "))
	}
	return nil
}

// csvItem makes an item of one record.
func csvItem(header, fields []string) Item {
	var it Item
	for i, name := range header {
		switch name {
		case "prompt":
			it.Prompt = fields[i]
		case "input":
			it.Input = fields[i]
		case "reference":
			it.Reference = fields[i]
		case "accepted":
			if fields[i] != "" {
				it.Accepted = strings.Split(fields[i], "|")
			}
		case "split":
			it.Split = Split(fields[i])
		case "id":
			it.ID = fields[i]
		}
	}
	return it
}

// csvError gives a parse error the form file:line of the other errors.
func csvError(file string, err error) error {
	var p *csv.ParseError
	if errors.As(err, &p) {
		return fmt.Errorf("%s:%d: must be valid CSV: %w", file, p.Line, p.Err)
	}
	return fmt.Errorf("%s: %w", file, err)
}
