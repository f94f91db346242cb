package task

import (
	"embed"
	"fmt"
	"strings"
)

//go:embed data
var data embed.FS

// record is one line of a data file: the fields between its tabs.
type record []string

// spec says how a built-in task is made of its data file.
type spec struct {
	name   string
	kind   Kind
	file   string
	system string
	form   string                         // the prompt, %s for the input
	items  func(r record) ([]Item, error) // Input, Reference and Accepted of one record's items
}

// specs lists the five tasks in the order of the paper.
var specs = [...]spec{
	{"colors", Lexical, "colors.tsv", "Mix the two colors and output only one lowercase color name.", ColorsForm, colorItems},
	{"opposites", Lexical, "opposites.tsv", "Give the opposite of the word. Output only one lowercase word.", OppositesForm, pairItems},
	{"categories", Lexical, "categories.tsv", "Name the category that the word belongs to. Output only one lowercase word.", CategoriesForm, categoryItems},
	{"copy", Sentence, "copy.txt", "Copy the sentence exactly. Output only the sentence.", CopyForm, copyItems},
	{"sentiment", Sentence, "sentiment.tsv", "Rewrite the sentence as sad. Output only the rewritten sentence, in lower case, of about the same length.", SentimentForm, pairItems},
}

// The prompt forms of the paper; %s stands for the item's input.
const (
	ColorsForm     = "Mix the two colors and output only one lowercase color name: %s is => "
	OppositesForm  = "The opposite of '%s' is "
	CategoriesForm = "What category does this word belong to: '%s'?"
	CopyForm       = "Copy this sentence: '%s'"
	SentimentForm  = "Rewrite this as sad: '%s'"
)

// Names returns the names of the built-in tasks, in the order of the paper.
func Names() []string {
	out := make([]string, len(specs))
	for i, s := range specs {
		out[i] = s.name
	}
	return out
}

// Builtin returns the built-in task of that name. The error of an unknown name
// lists the names there are.
func Builtin(name string) (*Task, error) {
	for _, s := range specs {
		if s.name == name {
			return s.build()
		}
	}
	return nil, fmt.Errorf("task: name must be one of %s (got %q)", strings.Join(Names(), ", "), name)
}

// build reads the data file and gives every item its ID, prompt and split.
func (s spec) build() (*Task, error) {
	records, err := readRecords(s.file)
	if err != nil {
		return nil, err
	}
	t := &Task{Name: s.name, Kind: s.kind, System: s.system, MaxNewTokens: s.kind.maxNewTokens()}
	for _, r := range records {
		items, err := s.items(r)
		if err != nil {
			return nil, fmt.Errorf("task %s: %w", s.name, err)
		}
		for _, it := range items {
			it.ID = strings.ReplaceAll(it.Input, " ", "-")
			it.Prompt = fmt.Sprintf(s.form, it.Input)
			t.Items = append(t.Items, it)
		}
	}
	s.split(t.Items)
	return t, nil
}

// readRecords returns the records of an embedded file, without comments.
func readRecords(file string) ([]record, error) {
	text, err := data.ReadFile("data/" + file)
	if err != nil {
		return nil, fmt.Errorf("task: embedded data: %w", err)
	}
	var out []record
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\r\n")
		if line != "" && !strings.HasPrefix(line, "#") {
			out = append(out, strings.Split(line, "\t"))
		}
	}
	return out, nil
}

// colorItems makes both orders of a pair: first color, second color, answer, accepted.
func colorItems(r record) ([]Item, error) {
	if len(r) != 4 {
		return nil, fmt.Errorf("record must have 4 fields (got %d: %q)", len(r), r)
	}
	accepted := list(r[3])
	return []Item{
		{Input: r[0] + " and " + r[1], Reference: r[2], Accepted: accepted},
		{Input: r[1] + " and " + r[0], Reference: r[2], Accepted: accepted},
	}, nil
}

// pairItems makes one item: input, answer and, optionally, accepted.
func pairItems(r record) ([]Item, error) {
	if len(r) != 2 && len(r) != 3 {
		return nil, fmt.Errorf("record must have 2 or 3 fields (got %d: %q)", len(r), r)
	}
	it := Item{Input: r[0], Reference: r[1]}
	if len(r) == 3 {
		it.Accepted = list(r[2])
	}
	return []Item{it}, nil
}

// categoryItems makes one item for each noun: category, nouns.
func categoryItems(r record) ([]Item, error) {
	if len(r) != 2 {
		return nil, fmt.Errorf("record must have 2 fields (got %d: %q)", len(r), r)
	}
	var items []Item
	for _, noun := range list(r[1]) {
		items = append(items, Item{Input: noun, Reference: r[0]})
	}
	return items, nil
}

// copyItems makes one item: the sentence, which is its own answer.
func copyItems(r record) ([]Item, error) {
	if len(r) != 1 {
		return nil, fmt.Errorf("record must have 1 field (got %d: %q)", len(r), r)
	}
	return []Item{{Input: r[0], Reference: r[0]}}, nil
}

// list splits a comma-separated field; an empty field is an empty list.
func list(field string) []string {
	if field == "" {
		return nil
	}
	return strings.Split(field, ",")
}
