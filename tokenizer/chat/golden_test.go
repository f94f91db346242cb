package chat

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// goldenNow is the date in testdata/golden.py.
var goldenNow = time.Date(2026, 11, 3, 9, 5, 7, 0, time.UTC)

// goldenCase is what transformers made of a template: a text or an error.
type goldenCase struct {
	Template string
	Context  string
	Source   string
	Text     *string
	Error    string
}

// given are the variables of a context.
func given(t *testing.T, text string) map[string]value {
	t.Helper()
	v, err := parseJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]value{"tools": nil, "documents": nil}
	d := v.(*dict)
	for _, k := range d.keys {
		out[k] = d.vals[k]
	}
	return out
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

// Templates of the shapes in use are rendered as transformers renders them: the
// same text, or an error where it has one.
func TestGoldenTemplates(t *testing.T) {
	var g struct {
		Contexts map[string]json.RawMessage
		Cases    []goldenCase
	}
	readGolden(t, "golden.json", &g)
	if len(g.Cases) < 500 {
		t.Fatalf("must have all cases (got %d)", len(g.Cases))
	}
	for _, c := range g.Cases {
		t.Run(c.Template+"/"+c.Context, func(t *testing.T) {
			source, err := os.ReadFile(filepath.Join("testdata", "templates", c.Template))
			if err != nil {
				t.Fatal(err)
			}
			tpl, err := Parse(string(source))
			if err != nil {
				t.Fatal(err)
			}
			got, err := tpl.render(given(t, string(g.Contexts[c.Context])), goldenNow)
			switch {
			case c.Text == nil && err == nil:
				t.Errorf("got %q, want an error like %s", got, c.Error)
			case c.Text != nil && err != nil:
				t.Errorf("got %v, want %q", err, *c.Text)
			case c.Text != nil && got != *c.Text:
				t.Errorf("got  %q\nwant %q", got, *c.Text)
			}
		})
	}
}

// snippetFile is testdata/snippets.json.
type snippetFile struct {
	Context json.RawMessage
	Hand    []goldenCase
	Refuse  []string
	Random  []goldenCase
}

// rendered parses and renders a small template.
func rendered(t *testing.T, f snippetFile, source string) (string, error) {
	t.Helper()
	tpl, err := Parse(source)
	if err != nil {
		return "", err
	}
	return tpl.render(given(t, string(f.Context)), goldenNow)
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
