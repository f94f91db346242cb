package chat

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgsrm/jinja"
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

// render renders with the variables of a context, written in JSON.
func render(t *testing.T, source, context string) (string, error) {
	t.Helper()
	vars, err := jinja.ParseVars(context)
	if err != nil {
		t.Fatal(err)
	}
	tpl, err := parse(source)
	if err != nil {
		return "", err
	}
	return tpl.render(goldenNow, vars)
}

// check compares with what transformers made.
func (c goldenCase) check(t *testing.T, got string, err error) {
	t.Helper()
	switch {
	case c.Text == nil && err == nil:
		t.Errorf("%s\n got %q, want an error like %s", c.Source, got, c.Error)
	case c.Text != nil && err != nil:
		t.Errorf("%s\n got %v, want %q", c.Source, err, *c.Text)
	case c.Text != nil && got != *c.Text:
		t.Errorf("%s\n got  %q\n want %q", c.Source, got, *c.Text)
	}
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
			got, err := render(t, string(source), string(g.Contexts[c.Context]))
			c.check(t, got, err)
		})
	}
}

// Dates are written as Python's strftime writes them.
func TestGoldenDates(t *testing.T) {
	var g struct{ Dates []goldenCase }
	readGolden(t, "golden.json", &g)
	if len(g.Dates) < 8 {
		t.Fatalf("must have all cases (got %d)", len(g.Dates))
	}
	for _, c := range g.Dates {
		got, err := render(t, c.Source, "{}")
		c.check(t, got, err)
	}
}

// A prompt too long for a template is refused, as what is too long.
func TestTooLong(t *testing.T) {
	tpl, err := parse("{% for m in messages %}{{ m.content }}{% endfor %}")
	if err != nil {
		t.Fatal(err)
	}
	_, err = tpl.Render([]Message{{"user", strings.Repeat("x", 5<<20)}}, Options{})
	const want = "chat template: line 1: needs more than 4194304 bytes of output: the template or the messages are too long"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
