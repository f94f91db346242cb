package jinja

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// standard are what transformers gives every template.
var standard = Vars{
	"tools": nil, "documents": nil,
	"raise_exception": Func("raise_exception", []string{"message"}, func(args []Value) (Value, error) {
		s, err := Text(args[0])
		if err != nil {
			return nil, err
		}
		return nil, errors.New(s)
	}),
}

// goldenCase is what transformers made of a template: a text or an error.
type goldenCase struct {
	Source string
	Text   *string
	Error  string
}

// snippetFile is testdata/snippets.json.
type snippetFile struct {
	Context json.RawMessage
	Hand    []goldenCase
	Refuse  []string
	Random  []goldenCase
}

func readGolden(t *testing.T, name string, v any) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatal(err)
	}
}

// rendered parses and renders a small template.
func rendered(t *testing.T, f snippetFile, source string) (string, error) {
	t.Helper()
	vars, err := ParseVars(string(f.Context))
	if err != nil {
		t.Fatal(err)
	}
	tpl, err := Parse(source)
	if err != nil {
		return "", err
	}
	return tpl.Render(standard, vars)
}

// Small templates written by hand agree with transformers, errors included.
func TestSnippets(t *testing.T) {
	var f snippetFile
	readGolden(t, "snippets.json", &f)
	for _, c := range f.Hand {
		got, err := rendered(t, f, c.Source)
		switch {
		case c.Text == nil && err == nil:
			t.Errorf("%q\n got %q, want an error like %s", c.Source, got, c.Error)
		case c.Text != nil && err != nil:
			t.Errorf("%q\n got %v, want %q", c.Source, err, *c.Text)
		case c.Text != nil && got != *c.Text:
			t.Errorf("%q\n got  %q\n want %q", c.Source, got, *c.Text)
		}
	}
	for _, source := range f.Refuse {
		if got, err := rendered(t, f, source); err == nil {
			t.Errorf("%q: got %q, want an error", source, got)
		}
	}
}

// Random templates agree with transformers or are refused: never another text.
func TestRandomSnippets(t *testing.T) {
	path := os.Getenv("PGSRM_SNIPPETS") // a larger file of testdata/snippets.py
	if path == "" {
		path = "snippets.json"
	}
	var f snippetFile
	readGolden(t, path, &f)
	same, refusedCount := 0, 0
	for _, c := range f.Random {
		got, err := rendered(t, f, c.Source)
		switch {
		case err != nil && c.Text != nil:
			refusedCount++
		case err == nil && c.Text == nil:
			t.Errorf("%q\n got %q, want an error like %s", c.Source, got, c.Error)
		case err == nil && got != *c.Text:
			t.Errorf("%q\n got  %q\n want %q", c.Source, got, *c.Text)
		default:
			same++
		}
	}
	t.Logf("%d agree, %d refused", same, refusedCount)
	if refusedCount > len(f.Random)/10 {
		t.Errorf("must refuse at most one in ten (got %d of %d)", refusedCount, len(f.Random))
	}
}
