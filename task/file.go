package task

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"pgsrm/config"
)

// fieldNames are the fields of a line of JSONL, or columns of CSV. Only prompt is
// required; accepted is a list of strings in JSONL and separated by | in CSV.
var fieldNames = [...]string{"prompt", "input", "reference", "accepted", "split", "id"}

// Load returns the built-in task of that name, or reads FILE.jsonl or FILE.csv.
// Reading is strict: an error names the file, the line and the field.
func Load(nameOrPath string) (*Task, error) {
	if slices.Contains(Names(), nameOrPath) {
		return Builtin(nameOrPath)
	}
	ext := strings.ToLower(filepath.Ext(nameOrPath))
	if ext != ".jsonl" && ext != ".csv" {
		return nil, &config.Error{
			Key: "task", Must: "must be one of " + strings.Join(Names(), ", ") + ", or a file named *.jsonl or *.csv",
			Value: fmt.Sprintf("%q", nameOrPath), Hint: config.Nearest(nameOrPath, Names()),
		}
	}
	f, err := os.Open(nameOrPath)
	if err != nil {
		return nil, config.At("task", err)
	}
	defer f.Close()
	if ext == ".csv" {
		return readCSV(nameOrPath, f)
	}
	return readJSONL(nameOrPath, f)
}

// row is one item as a file holds it, with the line where it starts.
type row struct {
	line int
	item Item
}

// fieldError is a mistake in one field of one line: `tasks.jsonl:7: field
// "prompt": must not be empty`.
func fieldError(file string, line int, field, format string, args ...any) error {
	return fmt.Errorf("%s:%d: field %q: %s", file, line, field, fmt.Sprintf(format, args...))
}

// newTask checks the rows, fills in the fields they leave out and makes the task.
func newTask(file string, rows []row) (*Task, error) {
	if len(rows) == 0 {
		return nil, fmt.Errorf("%s: must hold at least one prompt (got none)", file)
	}
	prompts, ids := map[string]int{}, map[string]int{}
	items := make([]Item, len(rows))
	for i, r := range rows {
		if err := checkRow(file, r); err != nil {
			return nil, err
		}
		if r.item.ID == "" {
			r.item.ID = promptID(r.item.Prompt)
		}
		if first, ok := prompts[r.item.Prompt]; ok {
			return nil, fieldError(file, r.line, "prompt", "must be unique (same as line %d)", first)
		}
		if first, ok := ids[r.item.ID]; ok {
			return nil, fieldError(file, r.line, "id", "must be unique (%q is also on line %d)", r.item.ID, first)
		}
		prompts[r.item.Prompt], ids[r.item.ID] = r.line, r.line
		items[i] = r.item
	}
	hashSplit(items)
	kind := kindOf(items)
	name := strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
	return &Task{Name: name, Kind: kind, System: "Answer the prompt. Output only the answer.", MaxNewTokens: kind.maxNewTokens(), Items: items}, nil
}

// checkRow checks the fields that a file may get wrong whatever its format.
func checkRow(file string, r row) error {
	for _, f := range []struct{ name, text string }{
		{"prompt", r.item.Prompt}, {"input", r.item.Input}, {"reference", r.item.Reference}, {"id", r.item.ID},
		{"accepted", strings.Join(r.item.Accepted, "")},
	} {
		if !utf8.ValidString(f.text) {
			return fieldError(file, r.line, f.name, "must be valid UTF-8")
		}
	}
	if strings.TrimSpace(r.item.Prompt) == "" {
		return fieldError(file, r.line, "prompt", "must not be empty")
	}
	for _, a := range r.item.Accepted {
		if strings.TrimSpace(a) == "" {
			return fieldError(file, r.line, "accepted", "must not hold an empty answer")
		}
	}
	if s := r.item.Split; s != "" && s != Train && s != HeldOut {
		return fieldError(file, r.line, "split", "must be %s or %s (got %q)", Train, HeldOut, s)
	}
	return nil
}

// promptID is the ID of an item that names none: it depends on the prompt alone,
// so that it stays when lines move.
func promptID(prompt string) string {
	sum := sha256.Sum256([]byte(prompt))
	return "p-" + hex.EncodeToString(sum[:6])
}

// kindOf is the kind of the references that there are.
func kindOf(items []Item) Kind {
	var answers []string
	for _, it := range items {
		if it.Reference != "" {
			answers = append(answers, it.Reference)
		}
	}
	return KindOf(answers)
}

// KindOf is Lexical where every answer is one word, Unknown where there is none.
func KindOf(answers []string) Kind {
	if len(answers) == 0 {
		return Unknown
	}
	for _, a := range answers {
		if len(strings.Fields(a)) != 1 {
			return Sentence
		}
	}
	return Lexical
}

// readAll reads r whole, without a byte order mark. A file of prompts is held in
// memory anyway, so no line is too long.
func readAll(file string, r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")), nil
}
