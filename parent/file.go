package parent

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"pgsrm/task"
)

// File answers from a table in a file. Rows are found by the item's id, else by
// its prompt, else by its input.
type File struct {
	byID, byPrompt, byInput map[string]string
	identity                string
}

// row is one line of the file: at least one key and the answer.
type row struct {
	ID        string  `json:"id"`
	Prompt    string  `json:"prompt"`
	Input     string  `json:"input"`
	Answer    *string `json:"answer"`
	Reference *string `json:"reference"`
}

// OpenFile reads a parent file: CSV with a header line where the name ends in
// .csv, JSON lines otherwise. Errors name the file and the line.
func OpenFile(path string) (*File, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("parent: %w", err)
	}
	read := readJSONL
	if strings.EqualFold(filepath.Ext(path), ".csv") {
		read = readCSV
	}
	f, err := read(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("parent: %s: %w", path, err)
	}
	f.identity = fmt.Sprintf("file:%x", sha256.Sum256(b))
	return f, nil
}

// readJSONL reads one object a line with "answer" (or "reference") and at least
// one of "id", "prompt", "input". Other fields and empty lines are ignored.
func readJSONL(r io.Reader) (*File, error) {
	b, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	f := newFile()
	for i, line := range bytes.Split(trimBOM(b), []byte("\n")) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			continue
		}
		var one row
		if err := json.Unmarshal(line, &one); err != nil {
			return nil, fmt.Errorf("line %d: must be a JSON object with text fields (got %w)", i+1, err)
		}
		if err := f.add(one); err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	return f, f.check()
}

// readCSV reads rows under a header that names "answer" (or "reference") and at
// least one of "id", "prompt", "input". Other columns are ignored.
func readCSV(r io.Reader) (*File, error) {
	b, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	c := csv.NewReader(bytes.NewReader(trimBOM(b)))
	header, err := c.Read()
	if err != nil {
		return nil, fmt.Errorf("line 1: must be a header line (got %w)", err)
	}
	f := newFile()
	for {
		fields, err := c.Read()
		if errors.Is(err, io.EOF) {
			return f, f.check()
		}
		if err != nil {
			return nil, err // carries its line
		}
		if err := f.add(csvRow(header, fields)); err != nil {
			line, _ := c.FieldPos(0)
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
	}
}

// csvRow names the fields of one line by the header.
func csvRow(header, fields []string) row {
	var out row
	for i, name := range header {
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "id":
			out.ID = fields[i]
		case "prompt":
			out.Prompt = fields[i]
		case "input":
			out.Input = fields[i]
		case "answer":
			out.Answer = &fields[i]
		case "reference":
			out.Reference = &fields[i]
		}
	}
	return out
}

func newFile() *File {
	return &File{byID: map[string]string{}, byPrompt: map[string]string{}, byInput: map[string]string{}}
}

// add files one row under every key that it has.
func (f *File) add(r row) error {
	answer := r.Answer
	if answer == nil {
		answer = r.Reference
	}
	if answer == nil || strings.TrimSpace(*answer) == "" {
		return errors.New(`must have a text "answer" (or "reference")`)
	}
	if r.ID == "" && r.Prompt == "" && r.Input == "" {
		return errors.New(`must have "id", "prompt" or "input"`)
	}
	keys := []struct {
		name, key string
		table     map[string]string
	}{{"id", r.ID, f.byID}, {"prompt", r.Prompt, f.byPrompt}, {"input", r.Input, f.byInput}}
	for _, k := range keys {
		if k.key == "" || k.name == "input" && r.Prompt != "" {
			continue // an input is only a key where no whole prompt is given
		}
		if old, ok := k.table[k.key]; ok && old != *answer {
			return fmt.Errorf("%s %q must have one answer (got %q and %q)", k.name, k.key, old, *answer)
		}
		k.table[k.key] = *answer
	}
	return nil
}

func (f *File) check() error {
	if len(f.byID)+len(f.byPrompt)+len(f.byInput) == 0 {
		return errors.New("must hold at least one answer (got an empty file)")
	}
	return nil
}

// Answers looks every item up; a missing one has errNoAnswer.
func (f *File) Answers(ctx context.Context, items []task.Item) []Result {
	out := make([]Result, len(items))
	for i, it := range items {
		answer, ok := f.lookup(it)
		if !ok {
			out[i].Err = itemError(it, errNoAnswer)
			continue
		}
		out[i].Answer = answer
	}
	return out
}

func (f *File) lookup(it task.Item) (string, bool) {
	if a, ok := f.byID[it.ID]; ok {
		return a, true
	}
	if a, ok := f.byPrompt[it.Prompt]; ok {
		return a, true
	}
	a, ok := f.byInput[it.Input]
	return a, ok && it.Input != ""
}

// Identity is "file:" and the SHA-256 of the file's bytes, so that a changed
// file is another parent; it is "file:" alone for a reader without a path.
func (f *File) Identity() string {
	if f.identity == "" {
		return "file:"
	}
	return f.identity
}

// itemError puts the item's id before an error.
func itemError(it task.Item, err error) error {
	return fmt.Errorf("parent: item %q: %w", it.ID, err)
}

// trimBOM removes the byte order mark that some editors write.
func trimBOM(b []byte) []byte { return bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")) }
